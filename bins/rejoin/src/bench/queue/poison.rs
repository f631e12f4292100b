//! What operations that can't be decided do to the others of their batch. Their documents were damaged in the database.

use hdrhistogram::Histogram;
use storage_diesel::bench::damage_documents;
use sync_core::{DocumentKey, SpaceId};

use super::{PoisonFigures, Scale};
use crate::bench::arrivals::quantile_ms;
use crate::bench::batch::{self, Lines};
use crate::bench::client::Device;
use crate::bench::crew::{Plan, Worker};
use crate::bench::data::{COLLECTION, Fields};
use crate::bench::push::{self, histogram};
use crate::bench::target::Target;
use crate::failure::Failure;
use crate::progress::Progress;

/// One operation in so many is poison.
const ONE_IN: usize = 100;

/// Works off batches without poison, then batches with some.
pub(super) async fn measure(mut target: Target, (plan, scale): (&Plan, &Scale), progress: &Progress) -> Result<PoisonFigures, Failure> {
    let healthy = scale.jobs * scale.rounds;
    let plan = Plan { documents: healthy * 2, spaces: 1, devices: 1, ..*plan };
    let mut workers = push::prepare(&target, &plan, progress).await?;
    let worker = workers.first_mut().ok_or_else(|| Failure::Failed("there is no device".into()))?;
    let space = worker.spaces().first().cloned().unwrap_or_default();
    let poisoned = damage(&mut target, worker, healthy)?;
    worker.device.move_to(&target.endpoint);
    progress.begin("batches without and with poison", scale.rounds * 2);
    let (mut without, mut others, mut undecided) = (histogram()?, histogram()?, 0);
    for round in 0..scale.rounds * 2 {
        let (first, bad) = (round * scale.jobs, round >= scale.rounds);
        let lines = worker.lines_of(first..first + scale.jobs, Fields::PlaceAndGuests);
        let is_poison = |place: usize| bad && (first + place - healthy).is_multiple_of(ONE_IN);
        let book = if bad { &mut others } else { &mut without };
        undecided += work_off(&mut worker.device, &space, (&lines, &is_poison), book).await?;
        progress.advance(1);
    }
    Ok(PoisonFigures {
        database: target.database,
        jobs: scale.jobs,
        poisoned: poisoned / scale.rounds.max(1),
        without_p99_ms: quantile_ms(&without, 0.99),
        others_p99_ms: quantile_ms(&others, 0.99),
        undecided,
    })
}

/// Damages some of the documents from a place on, while no server has them open. How many.
fn damage(target: &mut Target, worker: &Worker, from: usize) -> Result<usize, Failure> {
    let unreadable = || Failure::Failed("a space or a document has no readable id".into());
    let config =
        target.database_config().ok_or_else(|| Failure::Input("documents are damaged in a database of its own: leave --url out".into()))?;
    let space_id: SpaceId = worker.spaces().first().and_then(|space| space.parse().ok()).ok_or_else(unreadable)?;
    let some = worker.documents.iter().skip(from).step_by(ONE_IN);
    let keys: Option<Vec<DocumentKey>> = some.map(|document| DocumentKey::new(COLLECTION, &document.id.to_string())).collect();
    let keys = keys.ok_or_else(unreadable)?;
    target.stop_server()?;
    damage_documents(&config, space_id, &keys)?;
    target.restart(&[])?;
    Ok(keys.len())
}

/// Sends a batch, waits for all that can be decided, and notes how long each of these took. How many were not decided.
async fn work_off(
    device: &mut Device,
    space: &str,
    (lines, is_poison): (&Lines, &dyn Fn(usize) -> bool),
    book: &mut Histogram<u64>,
) -> Result<usize, Failure> {
    let taken = batch::send(device, space, lines).await?;
    let good = (0..lines.op_ids.len()).filter(|place| !is_poison(*place)).count();
    let progress = batch::wait(device, &taken, good, |_| {}).await?;
    let mut undecided = 0;
    for (place, receipt) in batch::receipts(device, &lines.op_ids).await?.iter().enumerate() {
        match receipt.decided_at {
            _ if is_poison(place) => {}
            None => undecided += 1,
            Some(at) => {
                let took_ms = at.millis().saturating_sub(progress.received_at.millis());
                book.saturating_record(u64::try_from(took_ms).unwrap_or(0).saturating_mul(1_000).max(1));
            }
        }
    }
    Ok(undecided)
}
