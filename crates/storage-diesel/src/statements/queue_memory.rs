//! What is remembered of how the queue went, and work on many of its items.

use std::slice::from_ref;

use diesel::prelude::*;
use sync_core::ports::{QueueFigure, QueueMemoryRows, QueueTask, StoreResult};
use sync_core::{OrganisationId, TaskId, Timestamp};

use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::{FigureRecord, TaskRecord};
use crate::schema::{queue_figures as figures, queue_tasks as tasks};

impl QueueMemoryRows for Rows<'_> {
    fn put_figures(&mut self, rows: &[QueueFigure]) -> StoreResult<()> {
        // always in the same order, so that two transactions that do so at once wait for each other and never deadlock
        let mut rows: Vec<_> = rows.iter().collect();
        rows.sort_by_key(|row| (row.organisation_id, row.step_s, row.at, row.lane, row.node_id));
        let bulk = Insert::<figures::table, _>::into("queue_figures", &rows, Taken::Replace)
            .key(figures::organisation_id, |row| row.organisation_id.as_bytes())
            .key(figures::step_s, |row| row.step_s)
            .key(figures::at, |row| row.at.millis())
            .key(figures::lane, |row| row.lane)
            .key(figures::node_id, |row| row.node_id.as_bytes())
            .column(figures::body, |row| row.body.as_str().as_bytes())
            .build();
        self.insert(&bulk).map(drop)
    }

    fn list_figures(
        &mut self,
        organisation_id: Option<OrganisationId>,
        step_s: i32,
        (from, until): (Timestamp, Timestamp),
    ) -> StoreResult<Vec<QueueFigure>> {
        self.load(|conn| -> QueryResult<Vec<FigureRecord>> {
            let wanted = figures::table
                .filter(figures::step_s.eq(step_s))
                .filter(figures::at.ge(from.millis()))
                .filter(figures::at.lt(until.millis()))
                .order((figures::at, figures::organisation_id, figures::lane, figures::node_id));
            match organisation_id {
                None => wanted.load(conn),
                Some(id) => wanted.filter(figures::organisation_id.eq(id.as_bytes().as_slice())).load(conn),
            }
        })
    }

    fn drop_figures(&mut self, step_s: i32, before: Timestamp) -> StoreResult<()> {
        let old = figures::table.filter(figures::step_s.eq(step_s)).filter(figures::at.lt(before.millis()));
        self.send(|conn| diesel::delete(old).execute(conn)).map(drop)
    }

    fn put_task(&mut self, task: &QueueTask) -> StoreResult<bool> {
        let step_before = tasks::table.find(task.task_id.as_bytes().as_slice()).filter(tasks::step.eq(task.step.saturating_sub(1)));
        let next = (
            tasks::step.eq(task.step),
            tasks::finished_at.eq(task.finished_at.map(Timestamp::millis)),
            tasks::body.eq(task.body.as_str().as_bytes()),
        );
        if self.send(|conn| diesel::update(step_before).set(next).execute(conn))? > 0 {
            return Ok(true);
        }
        let bulk = Insert::<tasks::table, _>::into("queue_tasks", from_ref(task), Taken::Keep)
            .key(tasks::task_id, |row| row.task_id.as_bytes())
            .column(tasks::organisation_id, |row| row.organisation_id.as_bytes())
            .column(tasks::user_id, |row| row.user_id.as_bytes())
            .column(tasks::created_at, |row| row.created_at.millis())
            .column(tasks::step, |row| row.step)
            .column(tasks::finished_at, |row| row.finished_at.map(Timestamp::millis))
            .column(tasks::body, |row| row.body.as_str().as_bytes())
            .build();
        Ok(self.insert(&bulk)? > 0)
    }

    fn find_task(&mut self, organisation_id: OrganisationId, task_id: TaskId) -> StoreResult<Option<QueueTask>> {
        let found = self.load(|conn| -> QueryResult<Vec<TaskRecord>> {
            let own = tasks::table.find(task_id.as_bytes().as_slice());
            own.filter(tasks::organisation_id.eq(organisation_id.as_bytes().as_slice())).load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn list_unfinished_tasks(&mut self, limit: i64) -> StoreResult<Vec<QueueTask>> {
        self.load(|conn| -> QueryResult<Vec<TaskRecord>> {
            tasks::table.filter(tasks::finished_at.is_null()).order((tasks::created_at, tasks::task_id)).limit(limit).load(conn)
        })
    }

    fn drop_tasks(&mut self, before: Timestamp) -> StoreResult<()> {
        let over = tasks::table.filter(tasks::finished_at.lt(before.millis()));
        self.send(|conn| diesel::delete(over).execute(conn)).map(drop)
    }
}
