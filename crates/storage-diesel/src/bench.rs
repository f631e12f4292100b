//! The floor: the rows that pushes write, straight into the database, without the server. What a push costs more than
//! this is what the server does for it; what this costs nobody can save.
//!
//! Behind feature `bench`. It writes nonsense that looks like work (a document is stored again under the next version,
//! sums are not true), so it is only for databases that are thrown away.

mod damage;
mod database;
mod postgres;
mod rows;
mod sqlite;
mod tables;

use std::time::{Duration, Instant};

use sync_core::{DocumentKey, OpId, OrganisationId, SpaceId};

use crate::open::{Target, target};
use crate::threads::apart;
use crate::{DatabaseConfig, OpenError, PostgresConfig, open};
pub use damage::damage_documents;
pub use database::TemporaryDatabase;
use rows::Written;

/// One push: an edit of each of these documents, which exist and were edited before.
#[derive(Debug, Clone)]
pub struct FloorPush {
    /// The space of all of them.
    pub space_id: SpaceId,
    /// No key twice.
    pub keys: Vec<DocumentKey>,
    /// Pushes of different lanes have no document in common; those of one lane share a connection.
    pub lane: usize,
}

/// What to write, and how.
pub struct FloorConfig<'a> {
    /// The database.
    pub database: DatabaseConfig,
    /// The organisation of the spaces.
    pub organisation_id: OrganisationId,
    /// The pushes, in their order.
    pub pushes: Vec<FloorPush>,
    /// So many of the first pushes are not measured.
    pub warm_up: usize,
    /// How many pushes share a commit; a fraction is kept on average. Less than 1 counts as 1.
    pub pushes_per_commit: f64,
    /// PostgreSQL: connections that write at the same time. SQLite has one.
    pub connections: usize,
    /// Makes ids of operations.
    pub new_op_id: &'a mut (dyn FnMut() -> OpId + Send),
    /// The processor time of the calling thread.
    pub thread_cpu: fn() -> Option<Duration>,
}

/// What was written, and what it took.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct FloorReport {
    /// Edits.
    pub operations: u64,
    /// Pushes.
    pub pushes: u64,
    /// Durable commits.
    pub commits: u64,
    /// From the first to the last.
    pub elapsed: Duration,
    /// The processor time of the threads that wrote, if it is known. PostgreSQL's own is not in it.
    pub cpu: Option<Duration>,
}

/// Rows that are ready to be written.
pub struct Floor {
    database: DatabaseConfig,
    lanes: Vec<Lane>,
    pushes_per_commit: f64,
    thread_cpu: fn() -> Option<Duration>,
}

/// What one connection writes.
#[derive(Default)]
struct Lane {
    warm_up: Vec<Written>,
    measured: Vec<Written>,
}

/// What one connection wrote.
#[derive(Clone, Copy)]
struct LaneReport {
    commits: u64,
    cpu: Option<Duration>,
    began: Instant,
    ended: Instant,
}

impl Floor {
    /// Reads the documents, and takes the size of everything else from the edits that were pushed last.
    ///
    /// # Errors
    /// [`OpenError`] when the database can't be read, or nothing was pushed into it before.
    pub fn prepare(config: FloorConfig<'_>) -> Result<Self, OpenError> {
        apart(|| Self::read(config))
    }

    fn read(config: FloorConfig<'_>) -> Result<Self, OpenError> {
        let store = open(&config.database)?;
        let connections = match target(&config.database.url)? {
            Target::Sqlite(_) => 1,
            Target::Postgres => config.connections.max(1),
        };
        let mut lanes: Vec<Lane> = (0..connections).map(|_| Lane::default()).collect();
        let numbers: Vec<usize> = config.pushes.iter().map(|push| push.lane % connections).collect();
        let written = rows::load(&store, config.organisation_id, config.pushes, config.new_op_id)?;
        for (place, (lane, written)) in numbers.into_iter().zip(written).enumerate() {
            if let Some(lane) = lanes.get_mut(lane) {
                if place < config.warm_up { lane.warm_up.push(written) } else { lane.measured.push(written) }
            }
        }
        drop(store);
        Ok(Self { database: config.database, lanes, pushes_per_commit: config.pushes_per_commit, thread_cpu: config.thread_cpu })
    }

    /// Writes everything; `between` is called after the warm-up, before anything that is measured.
    ///
    /// # Errors
    /// [`OpenError`] when the database refuses something.
    pub fn run(self, between: impl FnOnce() + Send) -> Result<FloorReport, OpenError> {
        apart(|| self.write(between))
    }

    fn write(self, between: impl FnOnce() + Send) -> Result<FloorReport, OpenError> {
        let measured = || self.lanes.iter().flat_map(|lane| &lane.measured);
        let operations = measured().map(|written| written.operations.len()).sum::<usize>();
        let pushes = measured().count();
        let lanes = match target(&self.database.url)? {
            Target::Sqlite(path) => sqlite::run(path, &self.database, self.lanes, self.pushes_per_commit, self.thread_cpu, between)?,
            Target::Postgres => {
                let mut config = PostgresConfig::new(&self.database.url);
                config.allow_fsync_off = self.database.allow_fsync_off;
                postgres::run(&config, self.lanes, self.pushes_per_commit, self.thread_cpu, between)?
            }
        };
        let began = lanes.iter().map(|lane| lane.began).min();
        let ended = lanes.iter().map(|lane| lane.ended).max();
        Ok(FloorReport {
            operations: u64::try_from(operations).unwrap_or(u64::MAX),
            pushes: u64::try_from(pushes).unwrap_or(u64::MAX),
            commits: lanes.iter().map(|lane| lane.commits).sum(),
            elapsed: ended.zip(began).map(|(ended, began)| ended - began).unwrap_or_default(),
            cpu: lanes.iter().map(|lane| lane.cpu).sum(),
        })
    }
}

/// How many of `left` pushes the next commit holds, so that commits hold `per_commit` on average.
fn next_commit(per_commit: f64, carried: &mut f64, left: usize) -> usize {
    *carried += per_commit.max(1.0);
    let mut taken = 0;
    while *carried >= 1.0 && taken < left {
        *carried -= 1.0;
        taken += 1;
    }
    taken
}

fn refused(error: impl std::fmt::Display) -> OpenError {
    OpenError::Unreachable(format!("the floor: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_have_the_size_on_average() {
        for (per_commit, pushes) in [(1.0, 100), (0.2, 100), (2.5, 100), (7.3, 1_000), (500.0, 40)] {
            let (mut carried, mut left, mut commits) = (0.0, pushes, 0_u32);
            while left > 0 {
                let taken = next_commit(per_commit, &mut carried, left);
                assert!(taken > 0);
                left -= taken;
                commits += 1;
            }
            let wanted = f64::from(u32::try_from(pushes).unwrap()) / f64::max(per_commit, 1.0);
            assert!((f64::from(commits) - wanted).abs() <= 1.0, "{per_commit}: {commits} commits instead of {wanted}");
        }
    }
}
