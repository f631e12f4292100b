//! What a store has to do, and has done.

use std::time::Duration;

/// The sizes of commits that are told apart, in jobs: at most so many. Larger ones are one more.
pub const COMMIT_JOBS: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// What a store has to do at this moment, and what it has done since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreLoad {
    /// Jobs that wait to write.
    pub waiting_writes: usize,
    /// Jobs that wait to read.
    pub waiting_reads: usize,
    /// How many of each may wait before more are refused as overload.
    pub most_waiting: usize,
    /// How long the job that last began to write had waited.
    pub write_wait: Duration,
    /// Connections that work.
    pub busy_connections: usize,
    /// Connections that wait for work, whether they are open already or will be when it comes.
    pub idle_connections: usize,
    /// What was committed.
    pub commits: CommitTally,
}

/// How many commits made how many write jobs durable. Jobs that failed are not counted, nor are commits without any
/// other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CommitTally {
    /// Commits.
    pub commits: u64,
    /// Jobs that they carried.
    pub jobs: u64,
    /// Commits by their jobs: for each of [`COMMIT_JOBS`] those of at most so many and more than the one before, then
    /// those of more.
    pub sizes: [u64; COMMIT_JOBS.len() + 1],
}

impl CommitTally {
    /// Counts a commit of so many jobs, if it is of any.
    pub fn add(&mut self, jobs: u64) {
        if jobs == 0 {
            return;
        }
        self.commits += 1;
        self.jobs = self.jobs.saturating_add(jobs);
        if let Some(size) = self.sizes.get_mut(COMMIT_JOBS.partition_point(|most| *most < jobs)) {
            *size += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_told_apart_by_their_jobs() {
        let mut tally = CommitTally::default();
        for jobs in [0, 1, 2, 3, 4, 256, 257, 9_000] {
            tally.add(jobs);
        }
        assert_eq!((tally.commits, tally.jobs), (7, 1 + 2 + 3 + 4 + 256 + 257 + 9_000));
        assert_eq!(tally.sizes, [1, 1, 2, 0, 0, 0, 0, 0, 1, 2]);
    }
}
