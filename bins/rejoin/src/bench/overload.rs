//! `rejoin bench overload`: what a server does with five times as much as it can.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::sleep;

use super::arrivals::{Outcome, StretchFigures, offer, quantile_ms, together};
use super::crew::{Plan, Worker};
use super::metrics;
use super::push;
use super::report::{Figures, number, round, table};
use super::target::Target;
use super::wire::Endpoint;
use crate::failure::Failure;
use crate::progress::Progress;

/// What is offered, of what can be done.
const TIMES: f64 = 5.0;
/// What is offered before and afterwards.
const EASY: f64 = 0.5;
/// For how long it is offered at most, in seconds.
const LONGEST_BESIDE_S: usize = 15;
/// Requests that may be under way at once: a crowd that waits for nobody.
const CREW: usize = 768;
/// Devices that push without a pause, to find out what can be done.
const PEAK_DEVICES: usize = 64;

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OverloadFigures {
    pub(crate) database: &'static str,
    pub(crate) batch: usize,
    /// Operations per second of devices that push without a pause.
    pub(crate) peak_operations_per_s: f64,
    pub(crate) peak_p99_ms: Option<f64>,
    /// Before, during and after.
    pub(crate) stretches: Vec<StretchFigures>,
    /// What was done of what can be done.
    pub(crate) share_of_peak: f64,
    /// Seconds after which everything was as before.
    pub(crate) back_after_s: Option<usize>,
    /// The largest resident memory that was seen.
    pub(crate) rss_bytes: Option<u64>,
}

/// Finds out what the server can do, offers five times as much, and looks how it comes back.
pub(crate) async fn measure(
    target: &Target,
    plan: &Plan,
    (batch, operations): (usize, usize),
    during: usize,
    progress: &Progress,
) -> Result<OverloadFigures, Failure> {
    let devices = PEAK_DEVICES.min(plan.devices.max(1));
    let plan = Plan { devices, ..*plan };
    let workers = push::prepare(target, &plan, progress).await?;
    let (workers, peak) = push::measure(target, &plan, workers, (batch, operations), progress).await?;
    let crew = crew_of(workers, batch)?;
    let beside = during.div_ceil(2).min(LONGEST_BESIDE_S);
    let per_s = peak.operations_per_s / number(u64::try_from(batch).unwrap_or(1));
    let watch = tokio::task::spawn_local(watch_memory(target.endpoint.clone()));
    let mut seconds = Vec::new();
    for (what, share, length) in [("before", EASY, beside), ("5×", TIMES, during), ("after", EASY, beside)] {
        progress.begin(&format!("overload, {what}"), length);
        seconds.push((what, offer(&crew, per_s * share, length, batch).await?));
    }
    watch.abort();
    let rss_bytes = watch.await.ok().flatten().max(target.usage().await?.rss_bytes);
    figures(target, (batch, &peak), &seconds, rss_bytes)
}

fn figures(
    target: &Target,
    (batch, peak): (usize, &Figures),
    seconds: &[(&str, Vec<Outcome>)],
    rss_bytes: Option<u64>,
) -> Result<OverloadFigures, Failure> {
    let mut stretches = Vec::new();
    for (what, outcomes) in seconds {
        let length = number(u64::try_from(outcomes.len()).unwrap_or(1));
        stretches.push(StretchFigures::of(what, &together(outcomes)?, length));
    }
    let normal_ms = stretches.first().and_then(|before| before.accepted_p99_ms);
    let after = seconds.last().map(|(_, outcomes)| outcomes.as_slice()).unwrap_or_default();
    let done = stretches.get(1).map_or(0.0, |during| during.accepted_operations_per_s);
    Ok(OverloadFigures {
        database: target.database,
        batch,
        peak_operations_per_s: round(peak.operations_per_s, 0),
        peak_p99_ms: peak.p99_ms,
        share_of_peak: round(done / peak.operations_per_s, 3),
        back_after_s: back_after(after, normal_ms),
        stretches,
        rss_bytes,
    })
}

/// After how many seconds nobody was refused any more, and nobody waited for more than twice as long as before.
fn back_after(seconds: &[Outcome], normal_ms: Option<f64>) -> Option<usize> {
    // what is a matter of milliseconds is no sign of load
    let limit_ms = normal_ms? * 2.0 + 5.0;
    let calm = |outcome: &Outcome| {
        outcome.refused == 0 && outcome.failed == 0 && quantile_ms(&outcome.accepted_us, 0.99).is_some_and(|p99| p99 <= limit_ms)
    };
    let unrest = seconds.iter().rposition(|outcome| !calm(outcome)).map_or(0, |last| last + 1);
    (unrest < seconds.len()).then_some(unrest)
}

/// Divides the documents of some devices among more hands, each with a connection of its own.
fn crew_of(workers: Vec<Worker>, batch: usize) -> Result<Rc<RefCell<Vec<Worker>>>, Failure> {
    let each = CREW / workers.len().max(1);
    let crew: Vec<Worker> = workers.into_iter().flat_map(|worker| worker.divided(each, batch)).collect();
    if crew.is_empty() {
        return Err(Failure::Input(format!("there are too few documents for batches of {batch}: use more --documents")));
    }
    Ok(Rc::new(RefCell::new(crew)))
}

/// The largest resident memory, for as long as it is polled.
async fn watch_memory(endpoint: Endpoint) -> Option<u64> {
    let mut most = None;
    for _ in 0..3_600 {
        // a server that does not answer just now tells nothing
        most = most.max(metrics::read(&endpoint).await.ok().and_then(|usage| usage.rss_bytes));
        sleep(Duration::from_secs(1)).await;
    }
    most
}

/// For eyes.
pub(crate) fn tables(figures: &OverloadFigures) -> String {
    let decimal = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
    let row = |stretch: &StretchFigures| {
        vec![
            format!("overload {}, {}", figures.database, stretch.what),
            format!("{:.0}", stretch.offered_per_s),
            format!("{:.0}", stretch.accepted_operations_per_s),
            format!("{:.0} %", stretch.accepted_operations_per_s / figures.peak_operations_per_s * 100.0),
            decimal(stretch.accepted_p50_ms),
            decimal(stretch.accepted_p99_ms),
            stretch.refused.to_string(),
            decimal(stretch.refused_p99_ms),
            stretch.without_retry_after.to_string(),
            stretch.failed.to_string(),
            stretch.unsent.to_string(),
        ]
    };
    let heads = ["run", "req/s", "ops/s", "of peak", "p50 ms", "p99 ms", "refused", "p99 ms", "no Retry-After", "failed", "unsent"];
    let text = table(&heads, &figures.stretches.iter().map(row).collect::<Vec<_>>());
    let memory = figures.rss_bytes.map_or_else(|| "unknown".to_owned(), |bytes| format!("{:.1} MiB", number(bytes) / f64::from(1 << 20)));
    let back = figures.back_after_s.map_or_else(|| "not within the run".to_owned(), |seconds| format!("after {seconds} s"));
    let (peak, p99, batch) = (figures.peak_operations_per_s, decimal(figures.peak_p99_ms), figures.batch);
    text + &format!("peak {peak:.0} ops/s, p99 {p99} ms, batches of {batch}; most memory {memory}; back to normal {back}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_is_when_nothing_is_otherwise_any_more() {
        let second = |refused, ms: u64| {
            let mut outcome = Outcome::new().unwrap();
            outcome.refused = refused;
            outcome.accepted_us.saturating_record(ms * 1_000);
            outcome
        };
        let back = |seconds: &[(u64, u64)]| {
            let seconds: Vec<Outcome> = seconds.iter().map(|(refused, ms)| second(*refused, *ms)).collect();
            back_after(&seconds, Some(10.0))
        };
        assert_eq!(back(&[(0, 10), (0, 10)]), Some(0));
        assert_eq!(back(&[(7, 10), (0, 40), (0, 20), (0, 10)]), Some(2));
        assert_eq!(back(&[(0, 10), (1, 10)]), None);
        assert_eq!(back_after(&[], Some(10.0)), None);
        assert_eq!(back_after(&[second(0, 1)], None), None);
    }
}
