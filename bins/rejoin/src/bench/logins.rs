//! `rejoin bench logins`: what a flood of logins does to those who sync.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, JoinSet, LocalSet, spawn_blocking};

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
/// Logins that are sent at once; the next ones follow when all of them are done.
const WAVE: usize = 500;
/// Devices that sync.
const DEVICES: usize = 16;

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LoginFigures {
    pub(crate) database: &'static str,
    pub(crate) at_once: usize,
    /// Single pushes alone.
    pub(crate) quiet: StretchFigures,
    pub(crate) rss_quiet_bytes: Option<u64>,
    pub(crate) floods: Vec<FloodFigures>,
}

/// A flood, and the pushes beside it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FloodFigures {
    pub(crate) pushes: StretchFigures,
    /// The pushes' 99th percentile as a multiple of that without it.
    pub(crate) p99_times: Option<f64>,
    /// Logins that were sent.
    pub(crate) logins: u64,
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
    /// The most resident memory.
    pub(crate) rss_bytes: Option<u64>,
}

/// What those do who were told to come later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// They come when they were told to, as clients do.
    Waits,
    /// They come again as soon as all others were answered.
    Insists,
}

impl Manner {
    const fn name(self) -> &'static str {
        match self {
            Self::Waits => "who wait as told",
            Self::Insists => "who never wait",
        }
    }
}

/// What became of logins.
#[derive(Debug)]
struct Tally {
    sent: u64,
    without_retry_after: u64,
    failed: u64,
    checked_us: Histogram<u64>,
    refused_us: Histogram<u64>,
    rss_bytes: Option<u64>,
}

impl Tally {
    fn new() -> Result<Self, Failure> {
        let (sent, without_retry_after, failed) = Default::default();
        Ok(Self { sent, without_retry_after, failed, checked_us: histogram()?, refused_us: histogram()?, rss_bytes: None })
    }

    fn figures(&self, (pushes, p99_times): (StretchFigures, Option<f64>)) -> FloodFigures {
        FloodFigures {
            pushes,
            p99_times,
            logins: self.sent,
            checked: self.checked_us.len(),
            checked_p99_ms: quantile_ms(&self.checked_us, 0.99),
            refused: self.refused_us.len(),
            refused_p99_ms: quantile_ms(&self.refused_us, 0.99),
            without_retry_after: self.without_retry_after,
            failed: self.failed,
            rss_bytes: self.rss_bytes,
        }
    }
}

/// Single pushes at a steady rate, first alone and then beside floods of logins.
pub(crate) async fn measure(target: &Target, plan: &Plan, seconds: usize, progress: &Progress) -> Result<LoginFigures, Failure> {
    let plan = Plan { devices: DEVICES, documents: plan.documents.max(DEVICES * 16), ..*plan };
    let workers = push::prepare(target, &plan, progress).await?;
    let crew: Vec<Worker> = workers.into_iter().flat_map(|worker| worker.divided(4, 1)).collect();
    let crew = Rc::new(RefCell::new(crew));
    progress.begin("single pushes, quiet", seconds);
    let alone = together(&offer(&crew, PUSHES_PER_S, seconds, 1).await?)?;
    let rss_quiet_bytes = target.usage().await?.rss_bytes;
    let length = number(u64::try_from(seconds).unwrap_or(1));
    let mut floods = Vec::new();
    for manner in [Manner::Waits, Manner::Insists] {
        progress.begin(&format!("single pushes beside {WAVE} logins at once, {}", manner.name()), seconds);
        let flooding = Flooding::begin(target.endpoint.clone(), manner);
        let pushed = offer(&crew, PUSHES_PER_S, seconds, 1).await;
        let tally = flooding.end().await?;
        let pushed = together(&pushed?)?;
        let [quiet_ms, flood_ms] = [&alone, &pushed].map(|outcome| quantile_ms(&outcome.accepted_us, 0.99));
        let times = flood_ms.zip(quiet_ms).map(|(flood, quiet)| round(flood / quiet, 2));
        floods.push(tally.figures((StretchFigures::of(manner.name(), &pushed, length), times)));
    }
    Ok(LoginFigures {
        database: target.database,
        at_once: WAVE,
        quiet: StretchFigures::of("quiet", &alone, length),
        rss_quiet_bytes,
        floods,
    })
}

/// A flood that goes on.
struct Flooding {
    done: Arc<AtomicBool>,
    tally: JoinHandle<Result<Tally, Failure>>,
}

impl Flooding {
    /// Begins one on a thread of its own: what its answers take here is not to be counted with the pushes.
    fn begin(endpoint: Endpoint, manner: Manner) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let tally = spawn_blocking({
            let done = Arc::clone(&done);
            move || by_itself(flood(endpoint, manner, &done))
        });
        Self { done, tally }
    }

    async fn end(self) -> Result<Tally, Failure> {
        self.done.store(true, Ordering::Relaxed);
        self.tally.await.map_err(|error| Failure::Failed(format!("the logins broke off: {error}")))?
    }
}

/// Runs something on a runtime of its own, on this thread.
fn by_itself<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("no runtime can be started: {error}")))?;
    LocalSet::new().block_on(&runtime, work)
}

/// One wave of logins after another, and the most memory that was seen between them.
async fn flood(endpoint: Endpoint, manner: Manner, done: &Arc<AtomicBool>) -> Result<Tally, Failure> {
    let tally = Rc::new(RefCell::new(Tally::new()?));
    while !done.load(Ordering::Relaxed) {
        let mut wave = JoinSet::new();
        for _ in 0..WAVE {
            wave.spawn_local(log_in(endpoint.clone(), manner, (Rc::clone(&tally), Arc::clone(done))));
        }
        // looked at while they wait
        let rss_bytes = metrics::read(&endpoint).await.ok().and_then(|usage| usage.rss_bytes);
        while wave.join_next().await.is_some() {}
        let mut tally = tally.borrow_mut();
        tally.rss_bytes = tally.rss_bytes.max(rss_bytes);
    }
    let tally = Rc::try_unwrap(tally).map_err(|_| Failure::Failed("a login is still under way".into()))?;
    Ok(tally.into_inner())
}

/// One person who logs in: once, or until their password was checked.
async fn log_in(endpoint: Endpoint, manner: Manner, (tally, done): (Rc<RefCell<Tally>>, Arc<AtomicBool>)) {
    while let Some(wait) = attempt(&endpoint, &tally).await
        && manner == Manner::Waits
    {
        tokio::time::sleep(wait).await;
        if done.load(Ordering::Relaxed) {
            break;
        }
    }
}

/// A login with an email that nobody has: it costs the server what any other does. How long it was told to wait.
async fn attempt(endpoint: &Endpoint, tally: &RefCell<Tally>) -> Option<Duration> {
    let number = {
        let mut tally = tally.borrow_mut();
        tally.sent += 1;
        tally.sent
    };
    let body = json!({"email": format!("nobody{number}@example.org"), "password": "a password of nobody"}).to_string();
    let path = "/api/auth/login";
    let request = Request { method: "POST", path, token: "", encoding: Encoding::None, body: body.as_bytes(), lines: false };
    let began = Instant::now();
    let answer = Connection::new(endpoint).ask(request).await;
    let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
    let mut tally = tally.borrow_mut();
    match answer {
        Ok(answer) if answer.status == 401 => tally.checked_us.saturating_record(took_us),
        Ok(answer) if answer.status == 503 => {
            tally.without_retry_after += u64::from(answer.retry_after_s.is_none());
            tally.refused_us.saturating_record(took_us);
            let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            return problem.get("retry_after_ms").and_then(Value::as_u64).map(Duration::from_millis);
        }
        _ => tally.failed += 1,
    }
    None
}

/// For eyes.
pub(crate) fn tables(figures: &LoginFigures) -> String {
    let decimal = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
    let memory = |bytes: Option<u64>| decimal(bytes.map(|bytes| number(bytes) / f64::from(1 << 20)));
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
    let mut rows = vec![row(&figures.quiet, figures.rss_quiet_bytes)];
    rows.extend(figures.floods.iter().map(|flood| row(&flood.pushes, flood.rss_bytes)));
    let text = table(&["run", "pushes/s", "p50 ms", "p99 ms", "not taken", "RSS MiB"], &rows);
    let told = |flood: &FloodFigures| {
        format!(
            "{} at once, {}: p99 {}×; {} logins, {} checked (p99 {} ms), {} refused (p99 {} ms, {} without Retry-After), {} failed\n",
            figures.at_once,
            flood.pushes.what,
            decimal(flood.p99_times),
            flood.logins,
            flood.checked,
            decimal(flood.checked_p99_ms),
            flood.refused,
            decimal(flood.refused_p99_ms),
            flood.without_retry_after,
            flood.failed
        )
    };
    text + &figures.floods.iter().map(told).collect::<String>()
}
