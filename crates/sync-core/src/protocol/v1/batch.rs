//! `POST /api/offline/queue/batch`: many operations at once, a line each.

use serde::Serialize;

use super::response::OperationResult;
use crate::{BatchId, DeviceId, OpId, Problem, Status, Timestamp};

/// What was taken of a batch.
#[derive(Debug, Clone, Serialize)]
pub struct BatchAnswer {
    /// Under this id its progress is told.
    pub batch_id: BatchId,
    /// `all` or `each`.
    pub mode: &'static str,
    /// `queued`, or `refused` where it was all or nothing and something was at fault: then nothing was taken.
    pub state: &'static str,
    /// Lines that were read.
    pub lines: usize,
    /// Taken, for workers to decide.
    pub queued: usize,
    /// Taken, behind a dead letter.
    pub parked: usize,
    /// Decided at once and kept: refused, or quarantined.
    pub decided: usize,
    /// Decided before.
    pub duplicates: usize,
    /// Not taken: what they come after or depend on is not here.
    pub waiting: usize,
    /// Not taken: at fault.
    pub refused: usize,
    /// What was not simply queued: the first 1,000, by line.
    pub faults: Vec<BatchFault>,
    /// One result for each operation, in their order, where there are at most 1,000.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<OperationResult>,
}

impl BatchAnswer {
    /// An answer of which nothing is counted yet.
    #[must_use]
    pub const fn new(batch_id: BatchId, atomic: bool) -> Self {
        Self {
            batch_id,
            mode: if atomic { "all" } else { "each" },
            state: "queued",
            lines: 0,
            queued: 0,
            parked: 0,
            decided: 0,
            duplicates: 0,
            waiting: 0,
            refused: 0,
            faults: Vec::new(),
            results: Vec::new(),
        }
    }

    /// Nothing of it was taken.
    pub fn take_back(&mut self) {
        self.state = "refused";
        (self.queued, self.parked) = (0, 0);
        self.results.clear();
    }
}

/// A line that was not simply queued.
#[derive(Debug, Clone, Serialize)]
pub struct BatchFault {
    /// Counted from 1.
    pub line: usize,
    /// Its operation, where that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_id: Option<OpId>,
    /// What became of it.
    pub status: Status,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// How far a batch is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchProgress {
    /// Its id.
    pub batch_id: BatchId,
    /// `receiving`, `queued`, `done` or `refused`.
    pub state: &'static str,
    /// From which device.
    pub device_id: DeviceId,
    /// When it began to arrive.
    pub received_at: Timestamp,
    /// Operations that were taken.
    pub operations: i64,
    /// Their bytes.
    pub bytes: i64,
    /// Operations that are decided or discarded.
    pub decided: i64,
    /// Their bytes.
    pub decided_bytes: i64,
    /// When the last of them was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}
