//! Writing down what was counted, adding minutes up to hours, and letting go of what is old.

use std::collections::BTreeMap;

use sync_core::json::RawJson;
use sync_core::ports::{Access, QueueFigure, QueueFilter, StoreResult, Tx};
use sync_core::{OrganisationId, Timestamp};
use uuid::Uuid;

use super::recorder::MINUTE_S;
use super::span::Span;
use crate::{Service, ServiceResult};

/// The longer span, into which minutes are added up.
pub(super) const HOUR_S: i32 = 3_600;
const HOUR_MS: i64 = 3_600_000;
/// Minutes are kept for two days.
const MINUTES_KEPT_MS: i64 = 48 * HOUR_MS;
/// Hours are kept for 400 days: a year, and the season before it.
const HOURS_KEPT_MS: i64 = 400 * 24 * HOUR_MS;
/// Tasks that ended are remembered for a week.
const TASKS_KEPT_MS: i64 = 7 * 24 * HOUR_MS;
/// Organisations whose waiting items one look counts.
const MAX_ORGANISATIONS: usize = 50;
/// Rows written by one job.
const ROWS_AT_ONCE: usize = 200;

impl Service {
    /// Writes down what was counted of the queue since the last call. How many rows. To be called every few seconds, and
    /// when the server stops.
    ///
    /// # Errors
    /// The store's; what was not written is kept for the next time.
    pub async fn flush_queue_figures(&self) -> ServiceResult<usize> {
        let now = self.now();
        let mut rows = self.recorder.changed(now, || self.entropy.uuid_v7(now));
        let count = rows.len();
        while !rows.is_empty() {
            let chunk: Vec<QueueFigure> = rows.iter().take(ROWS_AT_ONCE).cloned().collect();
            let written = chunk.len();
            if let Err(error) = self.store.transact(Access::Write, move |tx| tx.put_figures(&chunk)).await {
                self.recorder.put_back(&rows);
                return Err(error.into());
            }
            rows.drain(..written);
        }
        Ok(count)
    }

    /// Counts what waits in the organisations for which something happened lately. To be called about once a minute, by
    /// one task of a process.
    ///
    /// # Errors
    /// The store's.
    pub async fn look_at_queue(&self) -> ServiceResult<()> {
        let now = self.now();
        for organisation_id in self.recorder.organisations().into_iter().take(MAX_ORGANISATIONS) {
            let count = move |tx: &mut dyn Tx| tx.count_queue(organisation_id, &QueueFilter::default());
            let counts = self.store.transact(Access::Read, count).await?;
            for lane in 0..4 {
                let waiting = counts.iter().filter(|count| count.lane == lane).map(|count| count.items).sum();
                self.recorder.waiting(organisation_id, lane, waiting, now);
            }
        }
        Ok(())
    }

    /// Adds up minutes that are old enough, drops figures and tasks that are older than they are kept. How many minutes.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn roll_queue_figures_up(&self) -> ServiceResult<usize> {
        let now = self.now();
        let until = Timestamp::from_millis(hour_of(now.plus_ms(-MINUTES_KEPT_MS)));
        let due = move |tx: &mut dyn Tx| Ok(!tx.list_figures(None, MINUTE_S, (Timestamp::from_millis(0), until))?.is_empty());
        if !self.store.transact(Access::Read, due).await? {
            return Ok(0);
        }
        Ok(self.store.transact(Access::Write, move |tx| roll_up(tx, until, now)).await?)
    }
}

/// Of several nodes that do this at once, the second one finds nothing left.
fn roll_up(tx: &mut dyn Tx, until: Timestamp, now: Timestamp) -> StoreResult<usize> {
    let minutes = tx.list_figures(None, MINUTE_S, (Timestamp::from_millis(0), until))?;
    let hours = added_up(&minutes);
    tx.put_figures(&hours)?;
    tx.drop_figures(MINUTE_S, until)?;
    tx.drop_figures(HOUR_S, now.plus_ms(-HOURS_KEPT_MS))?;
    tx.drop_tasks(now.plus_ms(-TASKS_KEPT_MS))?;
    Ok(minutes.len())
}

/// Minutes of all nodes as hours of none in particular.
fn added_up(minutes: &[QueueFigure]) -> Vec<QueueFigure> {
    let mut hours: BTreeMap<(OrganisationId, i64, i32), Span> = BTreeMap::new();
    for minute in minutes {
        let hour = hours.entry((minute.organisation_id, hour_of(minute.at), minute.lane)).or_default();
        hour.merge(&Span::read(&minute.body));
    }
    let row = |((organisation_id, at, lane), span): ((OrganisationId, i64, i32), Span)| QueueFigure {
        organisation_id,
        step_s: HOUR_S,
        at: Timestamp::from_millis(at),
        lane,
        node_id: Uuid::nil(),
        body: RawJson::of(&span),
    };
    hours.into_iter().map(row).collect()
}

/// The beginning of an hour.
fn hour_of(at: Timestamp) -> i64 {
    at.millis() - at.millis().rem_euclid(HOUR_MS)
}

#[cfg(test)]
mod tests;
