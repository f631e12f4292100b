//! From one device's push to the frames on other devices' sockets.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{FanoutFigures, Scale};
use crate::bench::arrivals::quantile_ms;
use crate::bench::crew::{Plan, Worker};
use crate::bench::listeners::{Book, Heardbook, gather, open_all, seats};
use crate::bench::push::{self, histogram};
use crate::bench::report::{number, round};
use crate::bench::target::{Node, Target};
use crate::bench::wire::Encoding;
use crate::failure::Failure;
use crate::progress::Progress;

/// Documents in each space: edits of a second are of different ones, so that each is heard of by itself.
const DOCUMENTS: usize = 40;
/// How long the last frames may take, on a machine that has other things to do: it is waited for no longer than for them.
const SETTLE: Duration = Duration::from_secs(60);
/// Seconds that are not measured.
const WARM_UP: usize = 2;

/// Pushes single edits into many spaces at a steady rate; sockets listen on the same node, or on another one.
pub(super) async fn measure(target: &Target, other: Option<&Node>, scale: &Scale, progress: &Progress) -> Result<FanoutFigures, Failure> {
    let plan = Plan {
        devices: scale.spaces,
        documents: scale.spaces * DOCUMENTS,
        spaces: scale.spaces,
        document_bytes: 600,
        encoding: Encoding::None,
        seed: scale.seed,
    };
    let mut workers = push::prepare(target, &plan, progress).await?;
    let spaces: Vec<String> = workers.first().map(|worker| worker.spaces().to_vec()).unwrap_or_default();
    let all = scale.spaces * scale.listeners;
    progress.begin("gather listeners", all);
    let lead = workers.first_mut().ok_or_else(|| Failure::Input("--spaces 0: at least one is needed".into()))?;
    let mut listeners = gather(target, &mut lead.device, (&spaces, scale.listeners), || {}).await?;
    for listener in &mut listeners {
        listener.read_spaces(&spaces).await?;
    }
    let book = Heardbook::shared()?;
    let endpoint = other.map_or(&target.endpoint, |node| &node.endpoint);
    let opened = open_all(&seats(endpoint, &listeners, &spaces, scale.listeners), &book, 50).await?;
    if opened.sockets.len() != all {
        return Err(Failure::Failed(format!("only {} of {all} sockets could be opened", opened.sockets.len())));
    }
    let crew = Rc::new(RefCell::new(workers));
    progress.begin("push to sockets", (WARM_UP + scale.seconds) * scale.pushes_per_s);
    let (warm, _) = pushes(&crew, &book, (scale.pushes_per_s, WARM_UP), progress).await?;
    settle(&book, scale.listeners, warm).await;
    book.borrow_mut().begin_anew();
    let began = Instant::now();
    let (sent, push_us) = pushes(&crew, &book, (scale.pushes_per_s, scale.seconds), progress).await?;
    let seconds = began.elapsed().as_secs_f64();
    settle(&book, scale.listeners, sent).await;
    opened.sockets.iter().for_each(tokio::task::JoinHandle::abort);
    let book = book.borrow();
    let place = if other.is_some() { "two nodes" } else { "one node" };
    Ok(FanoutFigures {
        what: format!("{}, {place}", target.database),
        spaces: scale.spaces,
        sockets: all,
        pushes: sent,
        pushes_per_s: round(number(sent) / seconds, 1),
        push_p99_ms: quantile_ms(&push_us, 0.99),
        p50_ms: quantile_ms(&book.latency_us, 0.5),
        p99_ms: quantile_ms(&book.latency_us, 0.99),
        frames: book.frames,
        pokes: book.pokes,
        missed: (sent * u64::try_from(scale.listeners).unwrap_or(1)).saturating_sub(book.heard),
    })
}

/// Waits until everything was heard that was sent, or nothing comes any more.
async fn settle(book: &Book, listeners: usize, sent: u64) {
    let (wanted, began) = (u64::try_from(listeners).unwrap_or(u64::MAX).saturating_mul(sent), Instant::now());
    while book.borrow().heard < wanted && began.elapsed() < SETTLE {
        sleep(Duration::from_millis(20)).await;
    }
}

/// Sends single edits at a steady rate, a device a space in turn; how many, and how long each took. Where every device still
/// waits for its answer none is sent: the rate is what the server takes.
async fn pushes(
    crew: &Rc<RefCell<Vec<Worker>>>,
    book: &Book,
    (per_s, seconds): (usize, usize),
    progress: &Progress,
) -> Result<(u64, hdrhistogram::Histogram<u64>), Failure> {
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(per_s).unwrap_or(1).max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut tasks: JoinSet<Result<Duration, Failure>> = JoinSet::new();
    let mut sent = 0;
    for _ in 0..per_s * seconds {
        ticks.tick().await;
        // the one that has waited longest, so that spaces take turns
        let worker = if crew.borrow().is_empty() { None } else { Some(crew.borrow_mut().remove(0)) };
        let Some(mut worker) = worker else { continue };
        let (crew, book) = (Rc::clone(crew), Rc::clone(book));
        sent += 1;
        tasks.spawn_local(async move {
            let began = Instant::now();
            let outcome = worker.edit_one(|op_id| book.borrow_mut().sends(op_id, began)).await;
            crew.borrow_mut().push(worker);
            outcome.map(|()| began.elapsed())
        });
        progress.advance(1);
    }
    let mut took_us = histogram()?;
    for took in push::join(tasks, |_| {}).await? {
        took_us.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
    }
    Ok((sent, took_us))
}
