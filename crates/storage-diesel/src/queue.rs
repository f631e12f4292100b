//! The bounded queue between the callers' threads and the threads that own connections.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sync_core::ports::{Access, Job, StoreError, StoreResult, Terms, Tx};

use crate::figures::Waiting;

/// A job and its terms.
pub(crate) struct Task {
    pub(crate) terms: Terms,
    job: Box<dyn Job>,
    since: Instant,
}

impl Task {
    pub(crate) fn new(terms: Terms, job: Box<dyn Job>) -> Self {
        Self { terms, job, since: Instant::now() }
    }

    /// Runs the job; a panic inside it is an error.
    pub(crate) fn run(&mut self, tx: &mut dyn Tx) -> StoreResult<()> {
        catch_unwind(AssertUnwindSafe(|| self.job.run(tx))).unwrap_or_else(|panic| {
            let message = panic
                .downcast_ref::<&str>()
                .map(ToString::to_string)
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".into());
            tracing::error!(panic.message = %message, "a database job panicked");
            Err(StoreError::Panicked(message))
        })
    }

    /// Tells the outcome. A panic on the receiving side does not reach the thread that owns the connection.
    pub(crate) fn finish(self, outcome: StoreResult<()>) {
        if catch_unwind(AssertUnwindSafe(|| self.job.finish(outcome))).is_err() {
            tracing::error!("the receiver of a database job's outcome panicked");
        }
    }
}

/// First in, first out, of a bounded length.
pub(crate) struct JobQueue {
    state: Mutex<State>,
    wakes: Condvar,
    capacity: usize,
}

struct State {
    tasks: VecDeque<Task>,
    writes: usize,
    /// How long the write job that was taken last had waited.
    write_wait: Duration,
    closed: bool,
}

impl State {
    fn push(&mut self, task: Task) {
        self.writes += usize::from(task.terms.access == Access::Write);
        self.tasks.push_back(task);
    }

    fn pop(&mut self) -> Option<Task> {
        let task = self.tasks.pop_front()?;
        if task.terms.access == Access::Write {
            self.writes = self.writes.saturating_sub(1);
            self.write_wait = task.since.elapsed();
        }
        Some(task)
    }
}

impl JobQueue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::new(State { tasks: VecDeque::new(), writes: 0, write_wait: Duration::ZERO, closed: false }),
            wakes: Condvar::new(),
            capacity,
        }
    }

    /// Takes a task, or finishes it at once when the queue is full or closed.
    pub(crate) fn submit(&self, task: Task) {
        let refusal = {
            let mut state = self.state();
            if state.closed {
                shutting_down()
            } else if state.tasks.len() >= self.capacity {
                StoreError::Overloaded
            } else {
                state.push(task);
                drop(state);
                self.wakes.notify_one();
                return;
            }
        };
        task.finish(Err(refusal));
    }

    /// The next task, as soon as there is one; `None` when the queue was closed.
    pub(crate) fn wait(&self) -> Option<Task> {
        let mut state = self.state();
        loop {
            if let Some(task) = state.pop() {
                return Some(task);
            }
            if state.closed {
                return None;
            }
            state = self.wakes.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next task, if one waits.
    pub(crate) fn take(&self) -> Option<Task> {
        self.state().pop()
    }

    /// What waits.
    pub(crate) fn waiting(&self) -> Waiting {
        let state = self.state();
        Waiting { writes: state.writes, reads: state.tasks.len() - state.writes, write_wait: state.write_wait }
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Refuses what waits and what comes; the threads end with what they have in hand.
    pub(crate) fn close(&self) {
        let waiting = {
            let mut state = self.state();
            state.closed = true;
            state.writes = 0;
            std::mem::take(&mut state.tasks)
        };
        self.wakes.notify_all();
        for task in waiting {
            task.finish(Err(shutting_down()));
        }
    }

    // nothing panics while the lock is held; a poisoned lock would still guard a whole state
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shutting_down() -> StoreError {
    StoreError::Unavailable("the database is shutting down".into())
}
