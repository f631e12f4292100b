//! How fast a queue is worked off that is full, beside inline batches in the same database.

use std::time::Instant;

use super::{DrainFigures, Scale};
use crate::bench::batch::{self, Lines};
use crate::bench::crew::Plan;
use crate::bench::data::Fields;
use crate::bench::push;
use crate::bench::report::{number, round};
use crate::bench::target::Target;
use crate::failure::Failure;
use crate::progress::Progress;

/// Fills the queue while nobody works it off, starts workers, and waits until it is empty.
pub(super) async fn measure(mut target: Target, (plan, scale): (&Plan, &Scale), progress: &Progress) -> Result<DrainFigures, Failure> {
    let plan = Plan { documents: scale.queued, spaces: 1, devices: plan.devices.min(scale.queued / scale.batch).max(1), ..*plan };
    let workers = push::prepare(&target, &plan, progress).await?;
    let (mut workers, inline) = push::measure(&target, &plan, workers, (scale.batch, scale.inline), progress).await?;
    push::must_be_applied(&inline)?;
    let mut lines = Lines::default();
    for worker in &mut workers {
        lines.append(worker.lines(Fields::StartAndState));
    }
    let first = workers.first_mut().ok_or_else(|| Failure::Failed("there is no device".into()))?;
    let space = first.spaces().first().cloned().unwrap_or_default();
    progress.begin("enqueue", lines.op_ids.len());
    let began = Instant::now();
    let taken = batch::send(&mut first.device, &space, &lines).await?;
    let enqueued = began.elapsed();
    target.restart(&[])?;
    let began = Instant::now();
    first.device.move_to(&target.endpoint);
    let before = target.usage().await?;
    progress.begin("drain", lines.op_ids.len());
    batch::wait(&mut first.device, &taken, lines.op_ids.len(), |more| progress.advance(more)).await?;
    let drained = began.elapsed();
    let after = target.usage().await?;
    let receipts = batch::receipts(&mut first.device, &lines.op_ids).await?;
    let operations = lines.op_ids.len();
    let all = number(u64::try_from(operations).unwrap_or(u64::MAX));
    let cpu = after.cpu.zip(before.cpu).map(|(after, before)| after.saturating_sub(before));
    let drained_per_s = round(all / drained.as_secs_f64(), 0);
    Ok(DrainFigures {
        database: target.database,
        operations,
        enqueued_per_s: round(all / enqueued.as_secs_f64(), 0),
        drained_per_s,
        inline_per_s: round(inline.operations_per_s, 0),
        share_of_inline: round(drained_per_s / inline.operations_per_s, 3),
        drain_cpu_us_per_operation: cpu.filter(|_| target.counts_database_cpu()).map(|cpu| round(cpu.as_secs_f64() * 1e6 / all, 1)),
        inline_cpu_us_per_operation: inline.server_cpu_us_per_operation,
        statuses: batch::tally(&receipts),
    })
}
