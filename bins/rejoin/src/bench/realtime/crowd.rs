//! Many sockets that mostly wait: what each costs, how fast all hear of one change, and how all come back at once.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{CrowdFigures, Scale, ms};
use crate::bench::crew::{Plan, Worker};
use crate::bench::listeners::{Book, Heardbook, Opened, gather, open_all, seats};
use crate::bench::push;
use crate::bench::report::{Usage, number, round};
use crate::bench::target::Target;
use crate::bench::wire::Encoding;
use crate::failure::Failure;
use crate::progress::Progress;

/// Sockets that are opened at the same time when nothing presses.
const AT_ONCE: usize = 100;
/// How long all may take to hear of a change.
const HEAR_WITHIN: Duration = Duration::from_secs(60);
/// How long a server is left alone before its memory is read.
const REST: Duration = Duration::from_secs(2);

/// Opens sockets in one space and watches them.
pub(super) async fn measure(target: &Target, scale: &Scale, progress: &Progress) -> Result<CrowdFigures, Failure> {
    let plan = Plan { devices: 1, documents: 50, spaces: 1, document_bytes: 600, encoding: Encoding::None, seed: scale.seed };
    let mut workers = push::prepare(target, &plan, progress).await?;
    let worker = workers.first_mut().ok_or_else(|| Failure::Failed("there is no device".into()))?;
    let spaces = worker.spaces().to_vec();
    progress.begin("gather listeners", scale.sockets.div_ceil(64));
    let mut listeners = gather(target, &mut worker.device, (&spaces, scale.sockets), || progress.advance(1)).await?;
    for listener in &mut listeners {
        listener.read_spaces(&spaces).await?;
    }
    let before = rested(target).await?;
    progress.begin("open sockets", scale.sockets);
    let book = Heardbook::shared()?;
    let seats_before = seats(&target.endpoint, &listeners, &spaces, scale.sockets);
    let opened = open_all(&seats_before, &book, AT_ONCE).await?;
    let quiet = rested(target).await?;
    sleep(Duration::from_secs(u64::try_from(scale.idle_seconds).unwrap_or(1))).await;
    let idle = target.usage().await?;
    let one_change = heard_by_all(worker, &book, scale.sockets).await?;
    let heard = book.borrow().heard;
    // all are lost; what they miss is what each hears first when it is back, from where it was before everything
    opened.sockets.iter().for_each(tokio::task::JoinHandle::abort);
    drop(opened);
    book.borrow_mut().begin_anew();
    let missed = Instant::now();
    worker.edit_one(|op_id| book.borrow_mut().sends(op_id, missed)).await?;
    progress.begin("all come back", scale.sockets);
    let (storm, back) = storm(&seats_before, &book, scale.sockets).await?;
    let after = rested(target).await?;
    let figures = CrowdFigures {
        database: target.database,
        sockets: scale.sockets,
        rss_kib_each: each_kib(&before, &quiet, scale.sockets),
        idle_cpu_percent: idle_percent(&quiet, &idle, scale.idle_seconds),
        one_change_ms: one_change.map(|took| round(ms(took), 1)),
        one_change_heard: heard,
        storm_ms: storm.map(|took| round(ms(took), 1)),
        storm_resumed: book.borrow().heard,
        storm_server_errors: back.server_errors,
        storm_other_errors: back.others,
        storm_rss: after.rss_bytes.zip(idle.rss_bytes).map(|(after, idle)| round(number(after) / number(idle), 2)),
    };
    back.sockets.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(figures)
}

/// Opens all sockets at once, and waits until each has heard what it missed.
async fn storm(seats: &[crate::bench::listeners::Seat], book: &Book, sockets: usize) -> Result<(Option<Duration>, Opened), Failure> {
    let began = Instant::now();
    let back = open_all(seats, book, seats.len()).await?;
    let heard = all_hear(book, sockets, began).await;
    Ok((heard, back))
}

/// Makes one change; how long until all have heard of it, if they did.
async fn heard_by_all(worker: &mut Worker, book: &Book, sockets: usize) -> Result<Option<Duration>, Failure> {
    book.borrow_mut().begin_anew();
    let began = Instant::now();
    worker.edit_one(|op_id| book.borrow_mut().sends(op_id, began)).await?;
    Ok(all_hear(book, sockets, began).await)
}

async fn all_hear(book: &Book, sockets: usize, began: Instant) -> Option<Duration> {
    let wanted = u64::try_from(sockets).unwrap_or(u64::MAX);
    while book.borrow().heard < wanted {
        if began.elapsed() > HEAR_WITHIN {
            return None;
        }
        sleep(Duration::from_millis(2)).await;
    }
    book.borrow().last.map(|last| last.duration_since(began))
}

async fn rested(target: &Target) -> Result<Usage, Failure> {
    sleep(REST).await;
    target.usage().await
}

fn each_kib(before: &Usage, after: &Usage, sockets: usize) -> Option<f64> {
    let grown = after.rss_bytes?.saturating_sub(before.rss_bytes?);
    Some(round(number(grown) / 1_024.0 / number(u64::try_from(sockets).unwrap_or(1)), 1))
}

fn idle_percent(before: &Usage, after: &Usage, seconds: usize) -> Option<f64> {
    let used = after.cpu?.saturating_sub(before.cpu?);
    Some(round(used.as_secs_f64() / number(u64::try_from(seconds).unwrap_or(1)) * 100.0, 1))
}
