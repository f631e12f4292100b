//! Results of many threads, written in the order of their cases.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::case::Done;
use crate::failure::Failure;

/// Where results go.
pub(super) struct Ordered<W> {
    state: Mutex<State<W>>,
    moved_on: Condvar,
    window: usize,
}

struct State<W> {
    out: W,
    /// The index that is written next.
    next: usize,
    /// What waits for it.
    waiting: BTreeMap<usize, Vec<u8>>,
    errors: usize,
    failure: Option<io::Error>,
}

impl<W: Write> Ordered<W> {
    /// Writes to `out`; a result that is `window` or more ahead of the next one makes its thread wait.
    pub(super) fn new(out: W, window: usize) -> Self {
        let state = State { out, next: 0, waiting: BTreeMap::new(), errors: 0, failure: None };
        Self { state: Mutex::new(state), moved_on: Condvar::new(), window }
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a result once all before it are written. `false` when nothing can be written any more.
    pub(super) fn put(&self, index: usize, result: Done) -> bool {
        let state = self.lock();
        // the thread that has the next index never waits, so that somebody always goes on
        let too_far = |state: &mut State<W>| state.failure.is_none() && index >= state.next.saturating_add(self.window);
        let mut state = self.moved_on.wait_while(state, too_far).unwrap_or_else(PoisonError::into_inner);
        state.errors += usize::from(result.is_error);
        state.waiting.insert(index, result.text);
        state.write_what_is_due();
        self.moved_on.notify_all();
        state.failure.is_none()
    }

    /// Writes nothing more: a thread that had a result to give is gone, and nobody is to wait for it.
    pub(super) fn abandon(&self) {
        self.lock().failure.get_or_insert_with(|| io::Error::other("a merge did not end"));
        self.moved_on.notify_all();
    }

    /// Ends the output, and counts the lines that were no cases.
    pub(super) fn finish(self) -> Result<usize, Failure> {
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let flushed = state.failure.take().map_or_else(|| state.out.flush(), Err);
        flushed.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Failure::Unheard,
            _ => Failure::Failed(format!("the results can't be written: {error}; check where standard output leads")),
        })?;
        Ok(state.errors)
    }
}

impl<W: Write> State<W> {
    fn write_what_is_due(&mut self) {
        while self.failure.is_none() {
            let Some(text) = self.waiting.remove(&self.next) else { return };
            self.next += 1;
            self.failure = self.out.write_all(&text).err();
        }
    }
}
