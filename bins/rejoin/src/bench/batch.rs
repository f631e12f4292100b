//! Batches for the queue: sent as lines, followed until they are decided.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use sync_core::Timestamp;
use sync_core::limits::MAX_RECEIPTS;

use super::client::{Device, read};
use super::wire::Encoding;
use crate::failure::Failure;

/// Where batches go.
const BATCH: &str = "/api/offline/queue/batch";
/// Where it is asked what came of operations.
const RECEIPTS: &str = "/api/offline/sync/receipts";
/// How long a batch may take.
const DECIDED_WITHIN: Duration = Duration::from_secs(600);

/// Operations, a line each.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) text: String,
    pub(crate) op_ids: Vec<String>,
}

impl Lines {
    pub(crate) fn append(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.op_ids.extend(other.op_ids);
    }
}

/// A batch that was taken.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Taken {
    pub(crate) batch_id: String,
    queued: usize,
}

/// How far a batch is.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Progress {
    pub(crate) decided: usize,
    pub(crate) received_at: Timestamp,
}

/// Sends a batch; all of it must be queued.
pub(crate) async fn send(device: &mut Device, space: &str, lines: &Lines) -> Result<Taken, Failure> {
    let path = format!("{BATCH}?mode=each&space={space}");
    let answer = device.call_lines(&path, lines.text.as_bytes()).await?;
    let taken: Taken = read(&answer, "POST", BATCH)?;
    if taken.queued == lines.op_ids.len() {
        return Ok(taken);
    }
    let said = String::from_utf8_lossy(&answer.body).chars().take(400).collect::<String>();
    Err(Failure::Failed(format!("of {} operations only {} were queued: {said}", lines.op_ids.len(), taken.queued)))
}

/// How far a batch is.
pub(crate) async fn progress(device: &mut Device, batch: &Taken) -> Result<Progress, Failure> {
    let path = format!("{BATCH}/{}", batch.batch_id);
    let answer = device.call("GET", &path, Encoding::None, b"").await?;
    read(&answer, "GET", BATCH)
}

/// Waits until so many of a batch are decided; `advance` is told how many more are.
pub(crate) async fn wait(device: &mut Device, batch: &Taken, decided: usize, advance: impl Fn(usize)) -> Result<Progress, Failure> {
    let (began, mut before) = (Instant::now(), 0);
    loop {
        let now = progress(device, batch).await?;
        advance(now.decided.saturating_sub(before));
        if now.decided >= decided {
            return Ok(now);
        }
        if began.elapsed() > DECIDED_WITHIN {
            return Err(Failure::Failed(format!("after {} s only {} of {decided} are decided", began.elapsed().as_secs(), now.decided)));
        }
        before = now.decided;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What came of an operation.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) status: String,
    pub(crate) decided_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct Receipts {
    receipts: Vec<Receipt>,
}

/// What came of operations, in their order.
pub(crate) async fn receipts(device: &mut Device, op_ids: &[String]) -> Result<Vec<Receipt>, Failure> {
    let mut all = Vec::with_capacity(op_ids.len());
    for some in op_ids.chunks(MAX_RECEIPTS) {
        let answer = device.call("POST", RECEIPTS, Encoding::None, json!({"op_ids": some}).to_string().as_bytes()).await?;
        let read: Receipts = read(&answer, "POST", RECEIPTS)?;
        all.extend(read.receipts);
    }
    Ok(all)
}

/// Operations by what came of them.
pub(crate) fn tally(receipts: &[Receipt]) -> BTreeMap<String, u64> {
    let mut statuses = BTreeMap::new();
    for receipt in receipts {
        *statuses.entry(receipt.status.clone()).or_default() += 1;
    }
    statuses
}
