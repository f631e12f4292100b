//! `rejoin merge --batch`: many cases, on all cores, with the results in the order of the cases.

mod case;
mod lines;
mod ordered;

use std::io::{Write, stdout};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;

use merge_engine::{Mode, Policy};

use crate::failure::Failure;
use crate::progress::Progress;
use case::CaseResult;
use lines::Lines;
use ordered::Ordered;

/// How far a core may be ahead of the slowest one: this many results wait in memory at most.
const WINDOW: usize = 1_024;

/// Merges every case of a file and prints the results.
///
/// # Errors
/// [`Failure::Input`] when the file or a line of it can't be read; the other lines are merged all the same.
pub(crate) fn run(file: &Path, policy: &Policy, mode: Mode) -> Result<(), Failure> {
    let progress = Progress::of_bytes();
    let lines = Mutex::new(Lines::open(file, progress.clone())?);
    let out = Ordered::new(stdout(), WINDOW);
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| while work(&lines, &out, policy, mode) {});
        }
    });
    progress.end();
    let errors = out.finish()?;
    lines.into_inner().unwrap_or_else(PoisonError::into_inner).end()?;
    match errors {
        0 => Ok(()),
        1 => Err(Failure::Input("a line is no case; its result has the status error and says why".into())),
        number => Err(Failure::Input(format!("{number} lines are no cases; their results have the status error and say why"))),
    }
}

/// Merges the next case. `false` when there is none, or nobody reads the results any more.
fn work(lines: &Mutex<Lines>, out: &Ordered<impl Write>, policy: &Policy, mode: Mode) -> bool {
    let next = lines.lock().unwrap_or_else(PoisonError::into_inner).next();
    let Some(line) = next else { return false };
    let _unwinding = Unwinding(|| out.abandon());
    let result = CaseResult::of(&line, policy, mode);
    out.put(line.index, &result)
}

/// Does something when its thread panics, so that the others do not wait for what it held.
struct Unwinding<F: Fn()>(F);

impl<F: Fn()> Drop for Unwinding<F> {
    fn drop(&mut self) {
        if thread::panicking() {
            (self.0)();
        }
    }
}
