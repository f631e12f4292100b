//! The bounded queue between the callers' threads and the threads that own connections.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use sync_core::ports::{Access, Job, StoreError, StoreResult, Tx};

/// A job and what it needs.
pub(crate) struct Task {
    pub(crate) access: Access,
    job: Box<dyn Job>,
}

impl Task {
    pub(crate) fn new(access: Access, job: Box<dyn Job>) -> Self {
        Self { access, job }
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
            Err(StoreError::Refused(format!("the job panicked: {message}")))
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
    closed: bool,
}

impl JobQueue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { state: Mutex::new(State { tasks: VecDeque::new(), closed: false }), wakes: Condvar::new(), capacity }
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
                state.tasks.push_back(task);
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
            if let Some(task) = state.tasks.pop_front() {
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
        self.state().tasks.pop_front()
    }

    /// Refuses what waits and what comes; the threads end with what they have in hand.
    pub(crate) fn close(&self) {
        let waiting = {
            let mut state = self.state();
            state.closed = true;
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
