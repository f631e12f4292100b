//! The clock of this machine.

use std::time::Instant;

use sync_core::Timestamp;
use sync_core::ports::Clock as _;

use super::report::Check;
use crate::system::SystemClock;

/// No clock that is right shows an earlier time: 2025-01-01.
const EARLIEST: Timestamp = Timestamp::from_millis(1_735_689_600_000);
/// How far two clocks may be apart before it is worth a word, in milliseconds.
const APART_MS: i64 = 2_000;
/// How far the clock may lag before it is a failure, in milliseconds: what a device is flagged for as well.
const WRONG_MS: i64 = 300_000;

const FIX: &str = "set the clock by the network: timedatectl set-ntp true; timedatectl shows whether it worked";

/// The clock against nothing but the calendar.
pub(super) fn alone() -> Check {
    judge(SystemClock.now(), None, None)
}

/// The clock against the newest instant that was stored, and against the clock of the database's server.
pub(super) fn against(newest: Option<Timestamp>, server: Option<(Timestamp, Instant)>) -> Check {
    let now = SystemClock.now();
    let elapsed = |since: Instant| i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
    judge(now, newest, server.map(|(clock, read)| clock.plus_ms(elapsed(read))))
}

fn judge(now: Timestamp, newest: Option<Timestamp>, server: Option<Timestamp>) -> Check {
    let lag = newest.map_or(0, |newest| newest.millis() - now.millis());
    let apart = server.map_or(0, |server| server.millis() - now.millis());
    if now < EARLIEST {
        return Check::failure("clock", format!("it is {now} here, which can't be"), FIX);
    }
    if lag > APART_MS {
        let found = format!("it is {now} here, {} s before the newest instant in the database", lag / 1_000);
        return if lag > WRONG_MS { Check::failure("clock", found, FIX) } else { Check::warning("clock", found, FIX) };
    }
    if apart.abs() > APART_MS {
        let way = if apart > 0 { "ahead" } else { "behind" };
        let found = format!("it is {now} here; PostgreSQL's clock is {} s {way}", apart.abs() / 1_000);
        return Check::warning("clock", found, "set both clocks by the network: timedatectl set-ntp true");
    }
    Check::ok("clock", format!("{now}{}", if newest.is_some() { ", not before what is stored" } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn a_clock_that_goes_back_is_noticed() {
        let now = EARLIEST.plus_ms(1_000_000_000);
        for (newest, server, expected) in [
            (None, None, Status::Ok),
            (Some(-5_000), None, Status::Ok),
            (Some(APART_MS), None, Status::Ok),
            (Some(APART_MS + 1), None, Status::Warning),
            (Some(WRONG_MS + 1), None, Status::Failure),
            (Some(0), Some(APART_MS), Status::Ok),
            (Some(0), Some(-APART_MS - 1), Status::Warning),
            (None, Some(APART_MS + 1), Status::Warning),
        ] {
            let check = judge(now, newest.map(|ms| now.plus_ms(ms)), server.map(|ms| now.plus_ms(ms)));
            assert_eq!(check.status, expected, "{newest:?} {server:?} {check:?}");
        }
        assert_eq!(judge(EARLIEST.plus_ms(-1), None, None).status, Status::Failure);
    }
}
