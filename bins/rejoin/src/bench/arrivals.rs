//! Requests that come at a fixed rate, whether or not the ones before them were answered: an open loop, as a crowd is.
//! Each is timed from when it was to be sent, so that a generator that falls behind does not flatter the server.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::crew::{Attempt, Worker};
use super::push::histogram;
use super::report::{number, round};
use crate::failure::Failure;

/// How often what is due is sent.
const TICK: Duration = Duration::from_millis(1);

/// What came of one second, or of a whole stretch.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Requests that were to be sent.
    pub(crate) due: u64,
    /// Of these, such as found no device free: the generator's own limit.
    pub(crate) unsent: u64,
    /// Requests that were taken.
    pub(crate) accepted: u64,
    /// Operations in them.
    pub(crate) operations: u64,
    /// Requests that were told to come later.
    pub(crate) refused: u64,
    /// Of these, such as were not told when.
    pub(crate) without_retry_after: u64,
    /// Connections that broke, and statuses that should not be.
    pub(crate) failed: u64,
    pub(crate) accepted_us: Histogram<u64>,
    pub(crate) refused_us: Histogram<u64>,
}

impl Outcome {
    pub(crate) fn new() -> Result<Self, Failure> {
        let (due, unsent, accepted, operations, refused, without_retry_after, failed) = Default::default();
        let (accepted_us, refused_us) = (histogram()?, histogram()?);
        Ok(Self { due, unsent, accepted, operations, refused, without_retry_after, failed, accepted_us, refused_us })
    }

    fn add(&mut self, attempt: Attempt, operations: usize, took: Duration) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        match attempt {
            Attempt::Taken => {
                self.accepted += 1;
                self.operations += u64::try_from(operations).unwrap_or(u64::MAX);
                self.accepted_us.saturating_record(took_us);
            }
            Attempt::Refused { retry_after } => {
                self.refused += 1;
                self.without_retry_after += u64::from(!retry_after);
                self.refused_us.saturating_record(took_us);
            }
            Attempt::Failed => self.failed += 1,
        }
    }
}

/// Milliseconds below which a share of what was recorded lies; `None` where nothing was.
pub(crate) fn quantile_ms(histogram: &Histogram<u64>, quantile: f64) -> Option<f64> {
    (!histogram.is_empty()).then(|| round(number(histogram.value_at_quantile(quantile)) / 1_000.0, 1))
}

/// A stretch as it is told.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StretchFigures {
    pub(crate) what: String,
    pub(crate) seconds: f64,
    pub(crate) offered_per_s: f64,
    pub(crate) unsent: u64,
    pub(crate) accepted_operations_per_s: f64,
    pub(crate) accepted_p50_ms: Option<f64>,
    pub(crate) accepted_p99_ms: Option<f64>,
    pub(crate) refused: u64,
    pub(crate) refused_p99_ms: Option<f64>,
    pub(crate) without_retry_after: u64,
    pub(crate) failed: u64,
}

impl StretchFigures {
    pub(crate) fn of(what: &str, outcome: &Outcome, seconds: f64) -> Self {
        Self {
            what: what.to_owned(),
            seconds: round(seconds, 1),
            offered_per_s: round(number(outcome.due) / seconds, 0),
            unsent: outcome.unsent,
            accepted_operations_per_s: round(number(outcome.operations) / seconds, 0),
            accepted_p50_ms: quantile_ms(&outcome.accepted_us, 0.5),
            accepted_p99_ms: quantile_ms(&outcome.accepted_us, 0.99),
            refused: outcome.refused,
            refused_p99_ms: quantile_ms(&outcome.refused_us, 0.99),
            without_retry_after: outcome.without_retry_after,
            failed: outcome.failed,
        }
    }
}

/// Sends requests of `batch` edits each, `per_s` in a second, for so many whole seconds; the outcome of each second by
/// when its requests were due. Devices come back to `crew` when they are answered.
pub(crate) async fn offer(crew: &Rc<RefCell<Vec<Worker>>>, per_s: f64, seconds: usize, batch: usize) -> Result<Vec<Outcome>, Failure> {
    let outcomes = (0..seconds).map(|_| Outcome::new()).collect::<Result<Vec<_>, _>>()?;
    let outcomes = Rc::new(RefCell::new(outcomes));
    let began = Instant::now();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut sent, mut tasks) = (0_u64, JoinSet::new());
    loop {
        ticks.tick().await;
        let due_at = Duration::from_secs_f64(number(sent) / per_s);
        let second = usize::try_from(due_at.as_secs()).unwrap_or(usize::MAX);
        if second >= seconds {
            break;
        }
        let mut next = due_at;
        while next <= began.elapsed() && usize::try_from(next.as_secs()).is_ok_and(|second| second < seconds) {
            send(crew, &outcomes, (began, next), batch, &mut tasks);
            sent += 1;
            next = Duration::from_secs_f64(number(sent) / per_s);
        }
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
    drop(tasks);
    let outcomes = Rc::try_unwrap(outcomes).map_err(|_| Failure::Failed("a request is still under way".into()))?;
    Ok(outcomes.into_inner())
}

/// Sends one request that was due at a time since the beginning, if a device is free.
fn send(
    crew: &Rc<RefCell<Vec<Worker>>>,
    outcomes: &Rc<RefCell<Vec<Outcome>>>,
    (began, due_at): (Instant, Duration),
    batch: usize,
    tasks: &mut JoinSet<()>,
) {
    let second = usize::try_from(due_at.as_secs()).unwrap_or(usize::MAX);
    let worker = crew.borrow_mut().pop();
    if let Some(outcome) = outcomes.borrow_mut().get_mut(second) {
        outcome.due += 1;
        outcome.unsent += u64::from(worker.is_none());
    }
    let Some(mut worker) = worker else { return };
    let (crew, outcomes) = (Rc::clone(crew), Rc::clone(outcomes));
    tasks.spawn_local(async move {
        let attempt = worker.attempt(batch).await;
        let took = began.elapsed().saturating_sub(due_at);
        if let Some(outcome) = outcomes.borrow_mut().get_mut(second) {
            outcome.add(attempt, batch, took);
        }
        crew.borrow_mut().push(worker);
    });
}

/// The outcomes of some seconds as one.
pub(crate) fn together(outcomes: &[Outcome]) -> Result<Outcome, Failure> {
    let mut all = Outcome::new()?;
    for one in outcomes {
        all.due += one.due;
        all.unsent += one.unsent;
        all.accepted += one.accepted;
        all.operations += one.operations;
        all.refused += one.refused;
        all.without_retry_after += one.without_retry_after;
        all.failed += one.failed;
        let added = all.accepted_us.add(&one.accepted_us).and_then(|()| all.refused_us.add(&one.refused_us));
        added.map_err(|error| Failure::Failed(format!("histograms can't be added: {error}")))?;
    }
    Ok(all)
}
