//! What a large batch does to those who push a change now and then, and to what is urgent.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use serde_json::json;

use super::{BesideFigures, Scale};
use crate::bench::arrivals::{Outcome, offer, quantile_ms, together};
use crate::bench::batch::{self, Lines, Taken};
use crate::bench::client::Device;
use crate::bench::crew::{Plan, Worker};
use crate::bench::data::{COLLECTION, Fields};
use crate::bench::push;
use crate::bench::report::{number, round};
use crate::bench::target::Target;
use crate::failure::Failure;
use crate::progress::Progress;

/// Single pushes in a second.
const PUSHES_PER_S: f64 = 50.0;
/// Seconds before anything is queued.
const QUIET_S: usize = 3;
/// Operations of lane 0.
const URGENT: usize = 100;
/// Devices that push a change now and then.
const PUSHERS: usize = 8;

/// Queues many operations of lane 3, then a few of lane 0, while single pushes go on.
pub(super) async fn measure(target: &Target, (plan, scale): (&Plan, &Scale), progress: &Progress) -> Result<BesideFigures, Failure> {
    let pushers = PUSHERS * 16;
    let documents = scale.queued + URGENT + pushers;
    let plan = Plan { documents, spaces: 1, devices: 1, ..*plan };
    let mut workers = push::prepare(target, &plan, progress).await?;
    let mut all = workers.pop().ok_or_else(|| Failure::Failed("there is no device".into()))?;
    let space = all.spaces().first().cloned().unwrap_or_default();
    declare_lanes(&mut all.device, &space).await?;
    let bulk = all.lines_of(0..scale.queued, Fields::PlaceAndGuests);
    let urgent = all.lines_of(scale.queued..scale.queued + URGENT, Fields::StartAndState);
    let mut device = all.device.beside();
    let crew: Vec<Worker> = all.keep_from(scale.queued + URGENT).divided(PUSHERS, 1);
    let crew = Rc::new(RefCell::new(crew));
    progress.begin("single pushes, nothing queued", QUIET_S);
    let quiet = together(&offer(&crew, PUSHES_PER_S, QUIET_S, 1).await?)?;
    progress.begin("single pushes beside a batch", bulk.op_ids.len());
    let done = Rc::new(Cell::new(false));
    let pushing = tokio::task::spawn_local(push_until(Rc::clone(&crew), Rc::clone(&done)));
    let worked = work_off(&mut device, &space, (&bulk, &urgent)).await;
    done.set(true);
    let pushes = pushing.await.map_err(|error| Failure::Failed(format!("the pushes broke off: {error}")))??;
    let pushes = together(&pushes)?;
    let (batch_s, lane_0_ms, then) = worked?;
    Ok(BesideFigures {
        database: target.database,
        operations: bulk.op_ids.len(),
        batch_s: round(batch_s, 1),
        pushes: pushes.accepted,
        push_p50_ms: quantile_ms(&pushes.accepted_us, 0.5),
        push_p99_ms: quantile_ms(&pushes.accepted_us, 0.99),
        quiet_p99_ms: quantile_ms(&quiet.accepted_us, 0.99),
        lane_0_ms: round(lane_0_ms, 0),
        share_then: round(number(u64::try_from(then).unwrap_or(0)) / number(u64::try_from(bulk.op_ids.len()).unwrap_or(1)), 3),
        failed: pushes.failed + pushes.refused,
    })
}

/// Gives the space a schema by which starts are of lane 0, and everything else of lane 3.
async fn declare_lanes(device: &mut Device, space: &str) -> Result<(), Failure> {
    let collections = json!({COLLECTION: {"lane": 3, "fields": {"starts_at": {"type": "text", "lane": 0}}}});
    let schema = json!({"schema": {"name": "bench", "version": 1, "collections": collections}});
    device.call_json("PUT", &format!("/api/spaces/{space}"), &schema).await.map(drop)
}

/// Pushes single changes until it is told to stop.
async fn push_until(crew: Rc<RefCell<Vec<Worker>>>, done: Rc<Cell<bool>>) -> Result<Vec<Outcome>, Failure> {
    let mut outcomes = Vec::new();
    while !done.get() {
        outcomes.extend(offer(&crew, PUSHES_PER_S, 1, 1).await?);
    }
    Ok(outcomes)
}

/// Seconds until the large batch was decided, milliseconds until the urgent one was, and how much of the large one was
/// decided by then.
async fn work_off(device: &mut Device, space: &str, (bulk, urgent): (&Lines, &Lines)) -> Result<(f64, f64, usize), Failure> {
    let began = Instant::now();
    let large: Taken = batch::send(device, space, bulk).await?;
    let small = batch::send(device, space, urgent).await?;
    let taken = Instant::now();
    batch::wait(device, &small, urgent.op_ids.len(), |_| {}).await?;
    let lane_0_ms = taken.elapsed().as_secs_f64() * 1_000.0;
    let then = batch::progress(device, &large).await?.decided;
    batch::wait(device, &large, bulk.op_ids.len(), |_| {}).await?;
    Ok((began.elapsed().as_secs_f64(), lane_0_ms, then))
}
