//! `rejoin bench pull`: a first sync of everything, and a sync after a few changes.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sync_core::limits::{MAX_BODY_BYTES, MAX_CHANGES};

use super::client::{Device, read};
use super::crew::{Plan, SYNC, Worker, create_spaces, share_out};
use super::push::{histogram, must_all_be_applied};
use super::report::{number, round};
use super::target::Target;
use super::wire::Encoding;
use crate::failure::Failure;
use crate::progress::Progress;

/// Where a first sync begins.
const SNAPSHOT: &str = "/api/offline/sync/snapshot";
/// Changes before an incremental pull.
const CHANGES: usize = 100;
/// How often a first sync is repeated.
const FIRST_SYNCS: usize = 7;
/// How often an incremental pull is repeated.
const PULLS: usize = 30;

/// What one way of reading took; the times are the middle of several.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PullFigures {
    /// `first sync by snapshot`, `first sync by pages`, `after 100 changes`.
    pub(crate) what: String,
    pub(crate) database: &'static str,
    pub(crate) encoding: &'static str,
    pub(crate) documents: u64,
    pub(crate) repeats: usize,
    pub(crate) round_trips: u64,
    pub(crate) bytes_out: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_in_per_document: f64,
    pub(crate) p50_ms: f64,
    pub(crate) documents_per_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_cpu_us_per_document: Option<f64>,
}

/// A page of a pull; items are counted, not read.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) items: Vec<Box<RawValue>>,
    pub(crate) cursor: String,
    pub(crate) has_more: bool,
}

#[derive(Debug, Deserialize)]
struct Reply {
    changes: std::collections::BTreeMap<String, Page>,
}

/// Reads one page, as large as the protocol allows.
pub(crate) async fn page(device: &mut Device, space: &str, cursor: Option<&str>, encoding: Encoding) -> Result<Page, Failure> {
    let pull = json!({"spaces": {space: {"cursor": cursor}}, "max_changes": MAX_CHANGES, "max_bytes": MAX_BODY_BYTES});
    let body = json!({"protocol": 1, "operations": [], "pull": pull}).to_string();
    let answer = device.call("POST", SYNC, encoding, body.as_bytes()).await?;
    let mut reply: Reply = read(&answer, "POST", SYNC)?;
    reply.changes.remove(space).ok_or_else(|| Failure::Failed(format!("POST {SYNC} answered no changes of the space")))
}

/// What one sync read.
#[derive(Debug, Clone, Copy, Default)]
struct Took {
    documents: u64,
    round_trips: u64,
    bytes_out: u64,
    bytes_in: u64,
}

/// The device and what it reads.
struct Reader<'a> {
    device: Device,
    space: &'a str,
    encoding: Encoding,
}

impl Reader<'_> {
    /// Follows a cursor to the end.
    async fn pages(&mut self, mut cursor: Option<String>) -> Result<(Took, String), Failure> {
        let mut took = Took::default();
        let before = (self.device.connection.sent_bytes, self.device.connection.received_bytes);
        loop {
            let page = page(&mut self.device, self.space, cursor.as_deref(), self.encoding).await?;
            took.round_trips += 1;
            took.documents += u64::try_from(page.items.len()).unwrap_or(u64::MAX);
            if !page.has_more {
                took.bytes_out = self.device.connection.sent_bytes - before.0;
                took.bytes_in = self.device.connection.received_bytes - before.1;
                return Ok((took, page.cursor));
            }
            cursor = Some(page.cursor);
        }
    }

    /// Takes a snapshot, and then what was committed meanwhile: only then a device is complete.
    async fn snapshot(&mut self) -> Result<(Took, String), Failure> {
        let before = (self.device.connection.sent_bytes, self.device.connection.received_bytes);
        let path = format!("{SNAPSHOT}?space={}", self.space);
        let answer = self.device.call("GET", &path, self.encoding, b"").await?;
        let broken = || Failure::Failed(format!("GET {SNAPSHOT} did not come to its end"));
        let mut lines = answer.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let documents = lines.clone().filter(|line| line.starts_with(br#"{"type":"document""#)).count();
        let end: Value = lines.next_back().and_then(|line| serde_json::from_slice(line).ok()).ok_or_else(broken)?;
        let cursor = end.get("cursor").and_then(Value::as_str).filter(|_| end.get("type") == Some(&"end".into())).ok_or_else(broken)?;
        let (mut took, cursor) = self.pages(Some(cursor.to_owned())).await?;
        took.round_trips += 1;
        took.documents += u64::try_from(documents).unwrap_or(u64::MAX);
        took.bytes_out = self.device.connection.sent_bytes - before.0;
        took.bytes_in = self.device.connection.received_bytes - before.1;
        Ok((took, cursor))
    }

    /// Whether the server has snapshots.
    async fn has_snapshots(&mut self) -> Result<bool, Failure> {
        let path = format!("{SNAPSHOT}?space={}", self.space);
        Ok(self.device.status("GET", &path).await? != 404)
    }
}

/// Runs all ways of reading, in a space of its own.
pub(crate) async fn measure(target: &Target, plan: &Plan, quick: bool, progress: &Progress) -> Result<Vec<PullFigures>, Failure> {
    let plan = Plan { devices: 1, spaces: 1, ..*plan };
    progress.begin("log in", 2);
    let mut writer = Worker::login(&target.endpoint, &target.account, 0, &plan).await?;
    let device = Device::login(&target.endpoint, &target.account, "bench reader").await?;
    let spaces = create_spaces(&mut writer.device, 1).await?;
    share_out(&plan, &spaces, std::slice::from_mut(&mut writer));
    progress.begin("make documents", plan.documents);
    writer.create_documents(|made| progress.advance(made), plan.document_bytes).await?;
    let mut reader = Reader { device, space: spaces.first().map(String::as_str).unwrap_or_default(), encoding: plan.encoding };
    let repeats = if quick { (3, 10) } else { (FIRST_SYNCS, PULLS) };
    let mut figures = Vec::new();
    let expected = u64::try_from(plan.documents).unwrap_or(u64::MAX);
    let ways: &[bool] = if reader.has_snapshots().await? { &[true, false] } else { &[false] };
    for by_snapshot in ways {
        let what = if *by_snapshot { "first sync by snapshot" } else { "first sync by pages" };
        progress.begin(what, repeats.0);
        let before = target.usage().await?.cpu;
        let mut times = histogram()?;
        let mut took = Took::default();
        for _ in 0..repeats.0 {
            let began = Instant::now();
            (took, _) = if *by_snapshot { reader.snapshot().await? } else { reader.pages(None).await? };
            record(&mut times, began);
            must_be(what, expected, took.documents)?;
            progress.advance(1);
        }
        let cpu = target.usage().await?.cpu.zip(before).map(|(after, before)| after.saturating_sub(before));
        figures.push(figures_of(what.to_owned(), target, &plan, repeats.0, took, &times, cpu));
    }
    figures.push(incremental(target, &plan, repeats.1, (&mut writer, &mut reader), progress).await?);
    Ok(figures)
}

/// Edits some documents and pulls, again and again.
async fn incremental(
    target: &Target,
    plan: &Plan,
    repeats: usize,
    (writer, reader): (&mut Worker, &mut Reader<'_>),
    progress: &Progress,
) -> Result<PullFigures, Failure> {
    let changes = CHANGES.min(plan.documents);
    let what = format!("after {changes} changes");
    progress.begin(&what, repeats);
    let (mut times, mut took) = (histogram()?, Took::default());
    let (_, mut cursor) = reader.pages(None).await?;
    for _ in 0..repeats {
        writer.edit_next(changes).await?;
        let began = Instant::now();
        (took, cursor) = reader.pages(Some(cursor)).await?;
        record(&mut times, began);
        must_be(&what, u64::try_from(changes).unwrap_or(u64::MAX), took.documents)?;
        progress.advance(1);
    }
    must_all_be_applied("the edits before a pull", &writer.tally)?;
    Ok(figures_of(what, target, plan, repeats, took, &times, None))
}

fn record(times: &mut Histogram<u64>, began: Instant) {
    times.saturating_record(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
}

fn must_be(what: &str, expected: u64, documents: u64) -> Result<(), Failure> {
    if expected == documents { Ok(()) } else { Err(Failure::Failed(format!("{what}: {documents} documents instead of {expected}"))) }
}

fn figures_of(
    what: String,
    target: &Target,
    plan: &Plan,
    repeats: usize,
    took: Took,
    times: &Histogram<u64>,
    cpu: Option<Duration>,
) -> PullFigures {
    let p50_ms = number(times.value_at_quantile(0.5)) / 1_000.0;
    let all = number(took.documents) * number(u64::try_from(repeats).unwrap_or(u64::MAX));
    PullFigures {
        what,
        database: target.database,
        encoding: plan.encoding.as_str(),
        documents: took.documents,
        repeats,
        round_trips: took.round_trips,
        bytes_out: took.bytes_out,
        bytes_in: took.bytes_in,
        bytes_in_per_document: round(number(took.bytes_in) / number(took.documents), 1),
        p50_ms: round(p50_ms, 3),
        documents_per_s: round(number(took.documents) / (p50_ms / 1_000.0), 0),
        server_cpu_us_per_document: cpu.map(|cpu| round(cpu.as_secs_f64() * 1e6 / all, 2)),
    }
}
