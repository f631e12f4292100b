//! What is remembered of how the queue went, and work on many of its items.

use uuid::Uuid;

use super::StoreResult;
use crate::json::RawJson;
use crate::{OrganisationId, TaskId, Timestamp, UserId};

/// What one node counted in one lane of one organisation in one span of time.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueFigure {
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// The length of the span.
    pub step_s: i32,
    /// Its beginning.
    pub at: Timestamp,
    /// The lane.
    pub lane: i32,
    /// The node that counted; nil where several were added up.
    pub node_id: Uuid,
    /// The figures. The service reads and writes them; to a store they are opaque.
    pub body: RawJson,
}

/// Work on many items that goes on in the background.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueTask {
    /// Its id.
    pub task_id: TaskId,
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// Who asked for it.
    pub user_id: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Counts up with every step: a step that finds another one was taken meanwhile does nothing.
    pub step: i64,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What is to be done, and how far it is. The service reads and writes it; to a store it is opaque.
    pub body: RawJson,
}

/// Rows of what is remembered about the queue.
pub trait QueueMemoryRows {
    /// Stores figures over what stood for their (organisation, step, time, lane, node).
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_figures(&mut self, figures: &[QueueFigure]) -> StoreResult<()>;

    /// An organisation's figures of one step in [from, until), by time; of all organisations where none is given.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_figures(
        &mut self,
        organisation_id: Option<OrganisationId>,
        step_s: i32,
        span: (Timestamp, Timestamp),
    ) -> StoreResult<Vec<QueueFigure>>;

    /// Drops the figures of one step before an instant.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_figures(&mut self, step_s: i32, before: Timestamp) -> StoreResult<()>;

    /// Stores a task; where one stands under its id, only over the step before. Whether it did.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_task(&mut self, task: &QueueTask) -> StoreResult<bool>;

    /// By id.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_task(&mut self, organisation_id: OrganisationId, task_id: TaskId) -> StoreResult<Option<QueueTask>>;

    /// Tasks that have not ended, the oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_unfinished_tasks(&mut self, limit: i64) -> StoreResult<Vec<QueueTask>>;

    /// Drops tasks that ended before an instant.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_tasks(&mut self, before: Timestamp) -> StoreResult<()>;
}
