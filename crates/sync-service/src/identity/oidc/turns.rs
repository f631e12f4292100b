//! Turns: of those who want to ask a provider the same, one asks, and the others wait for what it learns.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Whose turn it is, by name, and who waits for theirs.
#[derive(Default)]
pub(super) struct Turns(Mutex<BTreeMap<String, Vec<Waker>>>);

/// A turn; dropped, it is over, also where whoever had it went away.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    name: &'a str,
}

impl Turns {
    /// Waits for a turn under a name.
    pub(super) async fn take<'a>(&'a self, name: &'a str) -> Turn<'a> {
        poll_fn(|context| self.poll(name, context)).await;
        Turn { turns: self, name }
    }

    fn poll(&self, name: &str, context: &Context<'_>) -> Poll<()> {
        let mut taken = self.taken();
        let Some(waiting) = taken.get_mut(name) else {
            taken.insert(name.to_owned(), Vec::new());
            return Poll::Ready(());
        };
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
        Poll::Pending
    }

    // a map is whole whenever nobody holds the lock
    fn taken(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Waker>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let waiting = self.turns.taken().remove(self.name);
        // all of them: the next one may have gone away meanwhile
        waiting.into_iter().flatten().for_each(Waker::wake);
    }
}
