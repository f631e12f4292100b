//! `rejoin bench push`: devices that edit their own documents as fast as they are answered.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use super::crew::{Plan, Tally, Worker, create_spaces, share_out};
use super::report::Figures;
use super::target::Target;
use crate::commands::serve::Signals;
use crate::failure::Failure;
use crate::progress::Progress;

/// Devices that make documents at the same time: enough to keep the server busy, few enough not to swell it.
const SEEDERS: usize = 4;
/// Devices that log in at the same time: each login costs the server what makes passwords hard to guess.
const LOGINS: usize = 4;
/// The longest latency that is told apart, in microseconds.
const LONGEST_US: u64 = 600_000_000;
/// How long a token must live from the beginning of a run.
const TOKEN: Duration = Duration::from_secs(600);

/// Logs devices in, makes spaces and documents.
pub(crate) async fn prepare(target: &Target, plan: &Plan, progress: &Progress) -> Result<Vec<Worker>, Failure> {
    progress.begin("log in", plan.devices);
    let logins = Rc::new(Semaphore::new(LOGINS));
    let mut tasks = JoinSet::new();
    for number in 0..plan.devices {
        let (endpoint, account, plan, logins) = (target.endpoint.clone(), target.account.clone(), *plan, Rc::clone(&logins));
        tasks.spawn_local(async move {
            let _turn = logins.acquire().await;
            Worker::login(&endpoint, &account, number, &plan).await
        });
    }
    let mut workers = join(tasks, |_| progress.advance(1)).await?;
    let first = workers.first_mut().ok_or_else(|| Failure::Input("--devices 0: at least one is needed".into()))?;
    let spaces = create_spaces(&mut first.device, plan.spaces).await?;
    share_out(plan, &spaces, &mut workers);
    progress.begin("make documents", plan.documents);
    let seeders = Rc::new(Semaphore::new(SEEDERS));
    let mut tasks = JoinSet::new();
    for mut worker in workers {
        let (seeders, progress, bytes) = (Rc::clone(&seeders), progress.clone(), plan.document_bytes);
        tasks.spawn_local(async move {
            let _turn = seeders.acquire().await;
            worker.create_documents(|made| progress.advance(made), bytes).await?;
            Ok(worker)
        });
    }
    join(tasks, |_| {}).await
}

/// Waits for all, and fails with the first failure.
pub(crate) async fn join<T: 'static>(mut tasks: JoinSet<Result<T, Failure>>, each: impl Fn(&T)) -> Result<Vec<T>, Failure> {
    let mut all = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        let one = ended.map_err(|error| Failure::Failed(format!("a device broke off: {error}")))??;
        each(&one);
        all.push(one);
    }
    Ok(all)
}

/// What one stretch of pushes did.
struct Stretch {
    workers: Vec<Worker>,
    seconds: f64,
    requests: u64,
    latency_us: Histogram<u64>,
}

/// Edits until so many operations were sent.
async fn stretch(workers: Vec<Worker>, batch: usize, operations: usize, progress: &Progress) -> Result<Stretch, Failure> {
    let left = Rc::new(Cell::new(operations));
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for mut worker in workers {
        let (left, progress) = (Rc::clone(&left), progress.clone());
        tasks.spawn_local(async move {
            let mut latencies_us = Vec::new();
            loop {
                let taken = left.get().min(batch);
                if taken == 0 {
                    return Ok((worker, latencies_us));
                }
                left.set(left.get() - taken);
                let sent = Instant::now();
                worker.edit_next(taken).await?;
                latencies_us.push(u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX));
                progress.advance(taken);
            }
        });
    }
    let ended = join(tasks, |_| {}).await?;
    let seconds = began.elapsed().as_secs_f64();
    let mut stretch = Stretch { workers: Vec::new(), seconds, requests: 0, latency_us: histogram()? };
    for (worker, latencies_us) in ended {
        stretch.workers.push(worker);
        for latency in latencies_us {
            stretch.requests += 1;
            stretch.latency_us.saturating_record(latency.max(1));
        }
    }
    Ok(stretch)
}

/// Latencies in microseconds, three digits of each.
pub(crate) fn histogram() -> Result<Histogram<u64>, Failure> {
    Histogram::new_with_bounds(1, LONGEST_US, 3).map_err(|error| Failure::Failed(format!("no histogram can be made: {error}")))
}

/// Bytes, refusals and results so far.
fn totals(workers: &[Worker]) -> (u64, u64, u64, Tally) {
    let mut tally = Tally::default();
    let (mut out, mut back, mut refusals) = (0, 0, 0);
    for worker in workers {
        out += worker.device.connection.sent_bytes;
        back += worker.device.connection.received_bytes;
        refusals += worker.device.refusals;
        tally.add(&worker.tally);
    }
    (out, back, refusals, tally)
}

/// One measured run after a warm-up.
pub(crate) async fn measure(
    target: &Target,
    plan: &Plan,
    mut workers: Vec<Worker>,
    (batch, operations): (usize, usize),
    progress: &Progress,
) -> Result<(Vec<Worker>, Figures), Failure> {
    let fewest = workers.iter().map(|worker| worker.documents.len()).min().unwrap_or_default();
    if fewest < batch {
        return Err(Failure::Input(format!(
            "each request edits {batch} different documents of its device, and a device has {fewest}: use at least {} documents, fewer devices, or a smaller batch",
            plan.devices * batch.max(1)
        )));
    }
    for worker in &mut workers {
        worker.device.renew(TOKEN).await?;
    }
    let warm_up = (operations / 10).max(plan.devices * batch);
    progress.begin(&format!("warm up, batches of {batch}"), warm_up);
    let mut workers = stretch(workers, batch, warm_up, progress).await?.workers;
    for worker in &mut workers {
        worker.tally = Tally::default();
    }
    progress.begin(&format!("push, batches of {batch}"), operations);
    let (out, back, refusals, _) = totals(&workers);
    let before = target.usage().await?;
    let Stretch { workers, seconds, requests, latency_us } = stretch(workers, batch, operations, progress).await?;
    let after = target.usage().await?;
    let (all_out, all_back, all_refusals, tally) = totals(&workers);
    let mut figures = Figures::of_run("push", target.database, plan, batch);
    figures.set_work(operations, requests, seconds, &latency_us);
    figures.set_bytes(all_out - out, all_back - back);
    figures.set_usage(&before, &after, target.counts_database_cpu());
    figures.refusals = all_refusals - refusals;
    figures.problem = tally.problem;
    figures.statuses = tally.statuses;
    Ok((workers, figures))
}

/// Fails when an operation was anything but applied.
pub(crate) fn must_be_applied(figures: &Figures) -> Result<(), Failure> {
    let tally = Tally { statuses: figures.statuses.clone(), problem: figures.problem.clone() };
    must_all_be_applied("the edits of documents that nobody else edits", &tally)
}

/// The same of any results.
pub(crate) fn must_all_be_applied(what: &str, tally: &Tally) -> Result<(), Failure> {
    let others = tally.statuses.iter().filter(|(status, _)| *status != "applied");
    let others: Vec<String> = others.map(|(status, number)| format!("{number} {status}")).collect();
    if others.is_empty() {
        return Ok(());
    }
    let why = tally.problem.as_deref().map(|problem| format!("; the first was refused because of {problem}")).unwrap_or_default();
    Err(Failure::Failed(format!("{what} should all be applied, and there were {}{why}", others.join(", "))))
}

/// Runs tasks that stay on this thread, until they are done or the process is asked to end.
pub(crate) fn on_this_thread<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("no runtime can be started: {error}")))?;
    LocalSet::new().block_on(&runtime, async {
        let signals = Signals::listen()?;
        tokio::select! {
            done = work => done,
            () = signals.any() => Err(Failure::Failed("interrupted; what was started is ended".into())),
        }
    })
}
