//! The threads that own connections.

use std::thread::{self, JoinHandle};

use crate::OpenError;

/// Threads that are joined when this is dropped.
#[derive(Default)]
pub(crate) struct Threads(Vec<JoinHandle<()>>);

impl Threads {
    pub(crate) fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
        self.0.push(thread.map_err(|error| OpenError::Unreachable(format!("no thread can be started: {error}")))?);
        Ok(())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        for thread in self.0.drain(..) {
            // the last owner of a store may be a job, and then one of its own threads ends here
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                tracing::error!("a database thread panicked");
            }
        }
    }
}

/// Runs something on a thread of its own and waits for it: the PostgreSQL connection drives an asynchronous runtime
/// inside, which must not happen on a thread that already belongs to one.
pub(crate) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}
