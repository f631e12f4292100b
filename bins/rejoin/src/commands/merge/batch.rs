//! `rejoin merge --batch`: many cases, on all cores, with the results in the order of the cases.

mod case;
mod history;
mod lines;
mod ordered;

use std::io::{Write, stdout};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;

use merge_engine::{Context, Experience, Mode, Policy};
use sync_core::operation::Hint;

use crate::failure::Failure;
use crate::progress::Progress;
use case::{Done, learn};
use history::{History, histories};
use lines::Lines;
use ordered::Ordered;

/// How far a core may be ahead of the slowest one: this many results wait in memory at most.
const WINDOW: usize = 1_024;

/// Merges every case of a file and prints the results.
///
/// # Errors
/// [`Failure::Input`] when the file or a line of it can't be read; the other lines are merged all the same.
pub(super) fn run(file: &Path, policy: &Policy, mode: Mode) -> Result<(), Failure> {
    let progress = Progress::of_bytes();
    let errors = match mode {
        Mode::Careful => one_by_one(Lines::open(file, "merging", progress.clone())?, policy),
        Mode::Assisted => by_history(Lines::open(file, "reading", progress.clone())?, policy, &progress),
    };
    progress.end();
    match errors? {
        0 => Ok(()),
        1 => Err(Failure::Input("a line is no case; its result has the status error and says why".into())),
        number => Err(Failure::Input(format!("{number} lines are no cases; their results have the status error and say why"))),
    }
}

/// Merges each case as it is read: no more than a window of them is in memory.
fn one_by_one(lines: Lines, policy: &Policy) -> Result<usize, Failure> {
    let lines = Mutex::new(lines);
    let out = Ordered::new(stdout(), WINDOW);
    let next = || lock(&lines).next();
    on_all_cores(&out, || {
        let Some(line) = next() else { return false };
        out.put(line.index, Done::of(&line, policy, &context(Mode::Careful)))
    });
    let errors = out.finish()?;
    lines.into_inner().unwrap_or_else(PoisonError::into_inner).end()?;
    Ok(errors)
}

/// Merges the cases of each repository in the order of their time, and learns from each what somebody made of it once its
/// own result is printed or waits to be. All lines are in memory for that.
fn by_history(mut lines: Lines, policy: &Policy, progress: &Progress) -> Result<usize, Failure> {
    let mut all = Vec::new();
    while let Some(line) = lines.next() {
        all.push(line);
    }
    progress.begin("merging", all.iter().map(|line| line.text.len()).sum());
    let histories = Mutex::new(histories(&all).into_iter());
    let out = Ordered::new(stdout(), all.len());
    on_all_cores(&out, || {
        let Some(history) = lock(&histories).next() else { return false };
        history.merge(&out, policy, progress)
    });
    let errors = out.finish()?;
    lines.end()?;
    Ok(errors)
}

impl History<'_> {
    /// Merges its lines. `false` when nobody reads the results any more.
    fn merge(&self, out: &Ordered<impl Write>, policy: &Policy, progress: &Progress) -> bool {
        let mut experience = Experience::default();
        for (index, moment) in self.moments.iter().enumerate() {
            let mut context = context(Mode::Assisted);
            context.advice = Some(&experience);
            if !moment.iter().all(|line| out.put(line.index, Done::of(line, policy, &context))) {
                return false;
            }
            if self.teaches(index) {
                for line in moment {
                    learn(&mut experience, line, policy);
                }
            }
            progress.advance(moment.iter().map(|line| line.text.len()).sum());
        }
        true
    }
}

fn context<'a>(mode: Mode) -> Context<'a> {
    let mut context = Context::with_hint(Hint::Ask);
    context.mode = mode;
    context
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does a step again and again on every core, until there is none.
fn on_all_cores(out: &Ordered<impl Write + Send>, step: impl Fn() -> bool + Sync) {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let _unwinding = Unwinding(|| out.abandon());
                while step() {}
            });
        }
    });
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
