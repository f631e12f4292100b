//! A thread that runs jobs on its own connection.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::result::{DatabaseErrorKind, Error};
use sync_core::ports::{Access, StoreError, StoreResult};

use super::Conn;
use super::link::Link;
use super::scope;
use super::tx::{Rows, store_error};
use crate::figures::Figures;
use crate::queue::{JobQueue, Task};

/// Attempts at a job that loses races, before it is said to be busy.
const RACES: u32 = 8;

/// Connections that one job may use up.
const LOSSES: u32 = 4;

/// The first wait after a lost race; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(2);

/// What became of one attempt.
enum Attempt {
    /// It is over.
    Over(StoreResult<()>),
    /// It lost a race; nothing was kept.
    Raced(StoreError),
    /// The connection broke before the commit; nothing was kept.
    Lost(StoreError),
    /// The connection broke at the commit.
    Unknown(StoreError),
}

/// Runs jobs until the queue is closed.
pub(super) struct Worker {
    link: Link,
    queue: Arc<JobQueue>,
    figures: Arc<Figures>,
    number: u32,
}

impl Worker {
    pub(super) fn new(link: Link, queue: Arc<JobQueue>, figures: Arc<Figures>, number: u32) -> Self {
        Self { link, queue, figures, number }
    }

    pub(super) fn run(mut self) {
        let figures = Arc::clone(&self.figures);
        while let Some(mut task) = self.queue.wait() {
            let _busy = figures.busy();
            let outcome = self.run_task(&mut task);
            task.finish(outcome);
        }
    }

    fn run_task(&mut self, task: &mut Task) -> StoreResult<()> {
        let until = self.link.patience();
        let (mut races, mut losses) = (0, 0);
        loop {
            match attempt(self.link.connection(until)?, task) {
                Attempt::Over(outcome) => {
                    if outcome.is_ok() && task.terms.access == Access::Write {
                        self.figures.committed(1);
                    }
                    return outcome;
                }
                Attempt::Raced(error) => {
                    races += 1;
                    if races == RACES {
                        return Err(error);
                    }
                    // threads that met at a lock come back apart
                    thread::sleep(FIRST_WAIT * (1 << races) + Duration::from_millis(self.number.into()));
                }
                Attempt::Lost(error) => {
                    self.link.lost();
                    losses += 1;
                    if losses == LOSSES {
                        return Err(error);
                    }
                }
                Attempt::Unknown(error) => {
                    self.link.lost();
                    return Err(error);
                }
            }
        }
    }
}

fn attempt(conn: &mut Conn, task: &mut Task) -> Attempt {
    if let Err(error) = conn.batch_execute(&scope::begin(task.terms)) {
        return Attempt::Lost(unavailable(&error));
    }
    let mut rows = Rows::new(conn);
    let outcome = task.run(&mut rows);
    match rows.into_failure().map_or(outcome, Err) {
        Ok(()) => commit(conn, task.terms.access),
        // whether the connection stands shows at the rollback, whatever the error was called
        Err(error) => match (conn.batch_execute("ROLLBACK"), error) {
            (Err(lost), _) => Attempt::Lost(unavailable(&lost)),
            (Ok(()), error @ StoreError::Busy(_)) => Attempt::Raced(error),
            (Ok(()), error) => Attempt::Over(Err(error)),
        },
    }
}

fn commit(conn: &mut Conn, access: Access) -> Attempt {
    let Err(error) = conn.batch_execute("COMMIT") else {
        return Attempt::Over(Ok(()));
    };
    if access == Access::Read {
        return Attempt::Lost(unavailable(&error));
    }
    // a server that says why, and goes on with the session, has kept nothing
    let answered = !matches!(&error, Error::DatabaseError(DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection, _));
    if !(answered && conn.batch_execute("ROLLBACK").is_ok()) {
        return Attempt::Unknown(StoreError::Unknown(error.to_string()));
    }
    match store_error(error) {
        error @ StoreError::Busy(_) => Attempt::Raced(error),
        error => Attempt::Over(Err(error)),
    }
}

fn unavailable(error: &Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
