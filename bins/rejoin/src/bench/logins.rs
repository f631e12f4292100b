//! `rejoin bench logins`: what a flood of logins does to those who sync.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::json;
use tokio::task::{JoinSet, LocalSet, spawn_blocking};

use super::arrivals::{StretchFigures, offer, quantile_ms, together};
use super::crew::{Plan, Worker};
use super::metrics;
use super::push::{self, histogram};
use super::report::{number, round, table};
use super::target::Target;
use super::wire::{Connection, Encoding, Endpoint, Request};
use crate::failure::Failure;
use crate::progress::Progress;

/// Single pushes in a second, before and during the flood.
const PUSHES_PER_S: f64 = 100.0;
/// Logins that are sent at once; the next ones follow when all of them were answered.
const WAVE: usize = 500;
/// Devices that sync.
const DEVICES: usize = 16;

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LoginFigures {
    pub(crate) database: &'static str,
    /// Single pushes without and with the flood.
    pub(crate) stretches: Vec<StretchFigures>,
    /// The pushes' 99th percentile with the flood as a multiple of that without.
    pub(crate) p99_times: Option<f64>,
    /// Logins that were sent, so many at once.
    pub(crate) logins: u64,
    pub(crate) at_once: usize,
    /// Passwords that were checked: all of them were wrong.
    pub(crate) checked: u64,
    pub(crate) checked_p99_ms: Option<f64>,
    /// Logins that were told to come later.
    pub(crate) refused: u64,
    pub(crate) refused_p99_ms: Option<f64>,
    /// Of these, such as were not told when.
    pub(crate) without_retry_after: u64,
    /// Other answers, and connections that broke.
    pub(crate) failed: u64,
    /// Resident memory before the flood, and the most during it.
    pub(crate) rss_quiet_bytes: Option<u64>,
    pub(crate) rss_flood_bytes: Option<u64>,
}

/// What became of logins.
#[derive(Debug)]
struct Tally {
    sent: u64,
    without_retry_after: u64,
    failed: u64,
    checked_us: Histogram<u64>,
    refused_us: Histogram<u64>,
}

impl Tally {
    fn new() -> Result<Self, Failure> {
        let (sent, without_retry_after, failed) = Default::default();
        Ok(Self { sent, without_retry_after, failed, checked_us: histogram()?, refused_us: histogram()? })
    }
}

/// Single pushes at a steady rate, first alone and then beside waves of logins.
pub(crate) async fn measure(target: &Target, plan: &Plan, seconds: usize, progress: &Progress) -> Result<LoginFigures, Failure> {
    let plan = Plan { devices: DEVICES, documents: plan.documents.max(DEVICES * 16), ..*plan };
    let workers = push::prepare(target, &plan, progress).await?;
    let crew: Vec<Worker> = workers.into_iter().flat_map(|worker| worker.divided(4, 1)).collect();
    let crew = Rc::new(RefCell::new(crew));
    progress.begin("single pushes, quiet", seconds);
    let quiet = together(&offer(&crew, PUSHES_PER_S, seconds, 1).await?)?;
    let rss_quiet_bytes = target.usage().await?.rss_bytes;
    progress.begin(&format!("single pushes beside {WAVE} logins at once"), seconds);
    let done = Arc::new(AtomicBool::new(false));
    // elsewhere: what their answers take here is not to be counted with the pushes
    let flooding = spawn_blocking({
        let (endpoint, done) = (target.endpoint.clone(), Arc::clone(&done));
        move || alone(flood(endpoint, &done))
    });
    let pushed = offer(&crew, PUSHES_PER_S, seconds, 1).await;
    done.store(true, Ordering::Relaxed);
    let (tally, rss_flood_bytes) = flooding.await.map_err(|error| Failure::Failed(format!("the logins broke off: {error}")))??;
    let flood = together(&pushed?)?;
    let length = number(u64::try_from(seconds).unwrap_or(1));
    let stretches = vec![StretchFigures::of("quiet", &quiet, length), StretchFigures::of("flood", &flood, length)];
    let p99 = [&quiet, &flood].map(|outcome| quantile_ms(&outcome.accepted_us, 0.99));
    let [quiet_ms, flood_ms] = p99;
    Ok(LoginFigures {
        database: target.database,
        stretches,
        p99_times: flood_ms.zip(quiet_ms).map(|(flood, quiet)| round(flood / quiet, 2)),
        logins: tally.sent,
        at_once: WAVE,
        checked: tally.checked_us.len(),
        checked_p99_ms: quantile_ms(&tally.checked_us, 0.99),
        refused: tally.refused_us.len(),
        refused_p99_ms: quantile_ms(&tally.refused_us, 0.99),
        without_retry_after: tally.without_retry_after,
        failed: tally.failed,
        rss_quiet_bytes,
        rss_flood_bytes,
    })
}

/// Runs something on a runtime of its own, on this thread.
fn alone<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("no runtime can be started: {error}")))?;
    LocalSet::new().block_on(&runtime, work)
}

/// One wave of logins after another, and the most memory that was seen between them.
async fn flood(endpoint: Endpoint, done: &AtomicBool) -> Result<(Tally, Option<u64>), Failure> {
    let tally = Rc::new(RefCell::new(Tally::new()?));
    let mut most = None;
    while !done.load(Ordering::Relaxed) {
        let mut wave = JoinSet::new();
        for _ in 0..WAVE {
            wave.spawn_local(attempt(endpoint.clone(), Rc::clone(&tally)));
        }
        // looked at while they wait
        most = most.max(metrics::read(&endpoint).await.ok().and_then(|usage| usage.rss_bytes));
        while wave.join_next().await.is_some() {}
    }
    let tally = Rc::try_unwrap(tally).map_err(|_| Failure::Failed("a login is still under way".into()))?;
    Ok((tally.into_inner(), most))
}

/// A login with an email that nobody has: it costs the server what any other does.
async fn attempt(endpoint: Endpoint, tally: Rc<RefCell<Tally>>) {
    let number = {
        let mut tally = tally.borrow_mut();
        tally.sent += 1;
        tally.sent
    };
    let body = json!({"email": format!("nobody{number}@example.org"), "password": "a password of nobody"}).to_string();
    let path = "/api/auth/login";
    let request = Request { method: "POST", path, token: "", encoding: Encoding::None, body: body.as_bytes(), lines: false };
    let began = Instant::now();
    let answer = Connection::new(&endpoint).ask(request).await;
    let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
    let mut tally = tally.borrow_mut();
    match answer {
        Ok(answer) if answer.status == 401 => tally.checked_us.saturating_record(took_us),
        Ok(answer) if answer.status == 503 => {
            tally.without_retry_after += u64::from(answer.retry_after_s.is_none());
            tally.refused_us.saturating_record(took_us);
        }
        _ => tally.failed += 1,
    }
}

/// For eyes.
pub(crate) fn tables(figures: &LoginFigures) -> String {
    let decimal = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
    let memory = |bytes: Option<u64>| bytes.map_or_else(|| "–".to_owned(), |bytes| format!("{:.1}", number(bytes) / f64::from(1 << 20)));
    let row = |stretch: &StretchFigures, rss: Option<u64>| {
        vec![
            format!("logins {}, {}", figures.database, stretch.what),
            format!("{:.0}", stretch.offered_per_s),
            decimal(stretch.accepted_p50_ms),
            decimal(stretch.accepted_p99_ms),
            (stretch.refused + stretch.failed + stretch.unsent).to_string(),
            memory(rss),
        ]
    };
    let rss = [figures.rss_quiet_bytes, figures.rss_flood_bytes];
    let rows: Vec<_> = figures.stretches.iter().zip(rss).map(|(stretch, rss)| row(stretch, rss)).collect();
    let text = table(&["run", "pushes/s", "p50 ms", "p99 ms", "not taken", "RSS MiB"], &rows);
    let times = figures.p99_times.map_or_else(|| "unknown".to_owned(), |times| format!("{times:.2}×"));
    text + &format!(
        "p99 {times}; {} logins, {} at once: {} checked (p99 {} ms), {} refused (p99 {} ms, {} without Retry-After), {} failed\n",
        figures.logins,
        figures.at_once,
        figures.checked,
        decimal(figures.checked_p99_ms),
        figures.refused,
        decimal(figures.refused_p99_ms),
        figures.without_retry_after,
        figures.failed
    )
}
