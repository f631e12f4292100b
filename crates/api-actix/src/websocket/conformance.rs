//! The cases of the Autobahn test suite (groups 1 to 7, 9 and 10), each by its number, against a server on a socket of the
//! loopback. What answers is an echo; what reads and writes frames is what production runs.
//!
//! A message is at most 64 KiB here. Cases that are larger are refused with 1009 at the frame that goes beyond, and
//! where a case is about many pieces, the whole is as large as may be.

mod close;
mod control;
mod fragments;
mod payload;
mod peer;
mod server;
mod sizes;
mod utf8;
mod utf8_fast;

use self::peer::{Chop, Frame, Step, closes, echoes, fails, frame};

/// Names cases.
macro_rules! cases {
    ($($name:ident: $check:expr;)*) => { $(#[test] fn $name() { $check; })* };
}
use cases;
