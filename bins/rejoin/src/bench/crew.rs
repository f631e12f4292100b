//! The devices of a run, each with documents that nobody else edits.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use sync_core::limits::{MAX_BODY_BYTES, MAX_OPERATIONS};
use sync_core::ports::Clock as _;
use uuid::Uuid;

use super::batch::Lines;
use super::client::{Account, Device, read};
use super::data::{COLLECTION, Fields, Numbers, document, patch};
use super::wire::{Answer, Encoding, Endpoint};
use crate::failure::Failure;
use crate::system::SystemClock;

/// Operations of one request that makes documents.
const SEED_BATCH: usize = 250;
/// Attempts at operations that the server answers `waiting`.
const ATTEMPTS: u32 = 20;
/// The wait before they are sent again.
const PAUSE: Duration = Duration::from_millis(50);
/// Where a push goes.
pub(crate) const SYNC: &str = "/api/offline/sync";

/// What there is to work on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) devices: usize,
    pub(crate) documents: usize,
    pub(crate) spaces: usize,
    pub(crate) document_bytes: usize,
    pub(crate) encoding: Encoding,
    pub(crate) seed: u64,
}

/// A document as its owner knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owned {
    pub(crate) id: Uuid,
    space: usize,
    pub(crate) version: i64,
    edits: u32,
}

/// A device and the documents that it alone edits.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) device: Device,
    pub(crate) documents: Vec<Owned>,
    pub(crate) tally: Tally,
    /// The patches that were sent, where they are asked for.
    pub(crate) written: Option<Vec<(Uuid, String)>>,
    encoding: Encoding,
    spaces: Rc<[String]>,
    numbers: Numbers,
    next: usize,
    body: String,
}

/// What became of a request that is sent once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Its operations have results.
    Taken,
    /// It was told to come later.
    Refused {
        /// Whether it was told when.
        retry_after: bool,
    },
    /// Anything else.
    Failed,
}

/// What became of operations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) statuses: BTreeMap<String, u64>,
    /// Why the first that was refused was refused.
    pub(crate) problem: Option<String>,
}

impl Tally {
    fn count(&mut self, result: &ResultReply<'_>) {
        // a request whose answer was lost may have been sent twice
        let status = if result.status == "duplicate" { result.was.unwrap_or(result.status) } else { result.status };
        match self.statuses.get_mut(status) {
            Some(number) => *number += 1,
            None => drop(self.statuses.insert(status.to_owned(), 1)),
        }
        if let (None, Some(problem)) = (&self.problem, &result.problem) {
            self.problem = Some(problem.to_string());
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (status, number) in &other.statuses {
            *self.statuses.entry(status.clone()).or_default() += number;
        }
        if self.problem.is_none() {
            self.problem.clone_from(&other.problem);
        }
    }
}

/// What is read of the answer to a push.
#[derive(Debug, Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    results: Vec<ResultReply<'a>>,
}

#[derive(Debug, Deserialize)]
struct ResultReply<'a> {
    op_id: &'a str,
    status: &'a str,
    was: Option<&'a str>,
    version: Option<i64>,
    problem: Option<Value>,
}

impl Worker {
    /// Logs in on a new device.
    pub(crate) async fn login(endpoint: &Endpoint, account: &Account, number: usize, plan: &Plan) -> Result<Self, Failure> {
        let device = Device::login(endpoint, account, &format!("bench {number}")).await?;
        let numbers = Numbers::new(plan.seed, u64::try_from(number).unwrap_or_default());
        Ok(Self {
            device,
            documents: Vec::new(),
            tally: Tally::default(),
            written: None,
            encoding: plan.encoding,
            spaces: Rc::from([]),
            numbers,
            next: 0,
            body: String::new(),
        })
    }

    /// Makes this device's share of the documents.
    pub(crate) async fn create_documents(&mut self, made: impl Fn(usize), bytes: usize) -> Result<(), Failure> {
        let batch = SEED_BATCH.min(MAX_BODY_BYTES / 2 / (bytes + 512)).clamp(1, MAX_OPERATIONS);
        let mut first = 0;
        while first < self.documents.len() {
            let places: Vec<usize> = (first..self.documents.len().min(first + batch)).collect();
            self.send(&places, Work::Create { bytes }).await?;
            made(places.len());
            first += batch;
        }
        let refused: u64 = self.tally.statuses.iter().filter(|(status, _)| *status != "applied").map(|(_, number)| number).sum();
        if refused > 0 {
            return Err(Failure::Failed(format!("{refused} documents can't be made: {}", self.tally.problem.clone().unwrap_or_default())));
        }
        self.tally = Tally::default();
        self.numbers.shuffle(&mut self.documents);
        // a request stays within one space as far as it goes
        self.documents.sort_by_key(|document| document.space);
        Ok(())
    }

    /// Edits the next documents, one operation each, in one request.
    pub(crate) async fn edit_next(&mut self, batch: usize) -> Result<(), Failure> {
        let places = self.next_places(batch);
        self.send(&places, Work::Edit(Fields::PlaceAndGuests)).await
    }

    /// Where the next documents are, round and round.
    pub(crate) fn next_places(&mut self, batch: usize) -> Vec<usize> {
        let documents = self.documents.len().max(1);
        let places = (self.next..self.next + batch).map(|place| place % documents).collect();
        self.next = (self.next + batch) % documents;
        places
    }

    /// The id of a document's space.
    pub(crate) fn space_of(&self, document: &Owned) -> &str {
        self.spaces.get(document.space).map_or("", String::as_str)
    }

    /// One operation for each document, sent until each has a result.
    pub(crate) async fn send(&mut self, places: &[usize], work: Work) -> Result<(), Failure> {
        self.write_body(places, work);
        let mut waiting = self.sync(places).await?;
        let mut attempt = 1;
        while !waiting.is_empty() {
            if attempt == ATTEMPTS {
                return Err(Failure::Failed(format!("{} operations still wait after {ATTEMPTS} attempts", waiting.len())));
            }
            attempt += 1;
            self.device.refusals += 1;
            tokio::time::sleep(PAUSE).await;
            // the others answer as duplicates of themselves
            waiting = self.sync(places).await?;
        }
        Ok(())
    }

    /// The ids of the spaces of the run.
    pub(crate) fn spaces(&self) -> &[String] {
        &self.spaces
    }

    /// Edits the next document; `names` is told the operation's id before it goes out.
    pub(crate) async fn edit_one(&mut self, names: impl FnOnce(String)) -> Result<(), Failure> {
        let places = self.next_places(1);
        self.write_body(&places, Work::Edit(Fields::PlaceAndGuests));
        let op_id = self.body.split(r#""op_id":""#).nth(1).and_then(|rest| rest.get(..36)).map(str::to_owned);
        names(op_id.unwrap_or_default());
        let waiting = self.sync(&places).await?;
        if waiting.is_empty() { Ok(()) } else { Err(Failure::Failed("an operation was not taken, and is to be sent again".into())) }
    }

    /// An edit of each of its documents, a line each.
    pub(crate) fn lines(&mut self, fields: Fields) -> Lines {
        self.lines_of(0..self.documents.len(), fields)
    }

    /// An edit of each of some of its documents, a line each.
    pub(crate) fn lines_of(&mut self, places: Range<usize>, fields: Fields) -> Lines {
        let mut lines = Lines::default();
        for place in places {
            self.write_body(&[place], Work::Edit(fields));
            let operation = self.body.split_once(r#""operations":["#).and_then(|(_, rest)| rest.strip_suffix("]}"));
            let Some(operation) = operation else { continue };
            lines.op_ids.extend(operation.get(10..46).map(str::to_owned));
            lines.text.push_str(operation);
            lines.text.push('\n');
        }
        lines
    }

    /// The same device without the first so many of its documents.
    pub(crate) fn keep_from(mut self, first: usize) -> Self {
        self.documents.drain(..first.min(self.documents.len()));
        Self { next: 0, ..self }
    }

    /// One request of edits, sent once, whatever comes of it.
    pub(crate) async fn attempt(&mut self, batch: usize) -> Attempt {
        let places = self.next_places(batch);
        self.write_body(&places, Work::Edit(Fields::PlaceAndGuests));
        let Ok(answer) = self.device.try_once("POST", SYNC, self.encoding, self.body.as_bytes()).await else { return Attempt::Failed };
        match answer.status {
            200 => match self.take_results(&places, &answer) {
                Ok(waiting) if waiting.is_empty() => Attempt::Taken,
                _ => Attempt::Failed,
            },
            429 | 503 => Attempt::Refused { retry_after: answer.retry_after_s.is_some() },
            _ => Attempt::Failed,
        }
    }

    /// The same documents in at most so many hands, `least` or more in each, each with a connection of its own to the
    /// same device.
    pub(crate) fn divided(self, hands: usize, least: usize) -> Vec<Self> {
        let each = self.documents.len().div_ceil(hands.max(1)).max(least).max(1);
        let hand = |(number, documents): (usize, &[Owned])| Self {
            device: self.device.beside(),
            documents: documents.to_vec(),
            tally: Tally::default(),
            written: None,
            encoding: self.encoding,
            spaces: Rc::clone(&self.spaces),
            numbers: self.numbers.clone().beside(u64::try_from(number).unwrap_or_default()),
            next: 0,
            body: String::new(),
        };
        self.documents.chunks(each).filter(|documents| documents.len() >= least).enumerate().map(hand).collect()
    }

    /// Sends the body and takes the results, unless some operations wait: those are returned.
    async fn sync(&mut self, places: &[usize]) -> Result<Vec<String>, Failure> {
        let answer = self.device.call("POST", SYNC, self.encoding, self.body.as_bytes()).await?;
        self.take_results(places, &answer)
    }

    /// Takes the results, unless some operations wait: those are returned.
    fn take_results(&mut self, places: &[usize], answer: &Answer) -> Result<Vec<String>, Failure> {
        let reply: Reply<'_> = read(answer, "POST", SYNC)?;
        if reply.results.len() != places.len() {
            return Err(Failure::Failed(format!("POST {SYNC} answered {} results for {} operations", reply.results.len(), places.len())));
        }
        let waiting = reply.results.iter().filter(|result| result.status == "waiting");
        let waiting: Vec<String> = waiting.map(|result| result.op_id.to_owned()).collect();
        if !waiting.is_empty() {
            return Ok(waiting);
        }
        for (place, result) in places.iter().zip(&reply.results) {
            self.tally.count(result);
            if let (Some(document), Some(version)) = (self.documents.get_mut(*place), result.version) {
                document.version = version;
            }
        }
        Ok(waiting)
    }

    fn write_body(&mut self, places: &[usize], work: Work) {
        let now = SystemClock.now();
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        let first = places.first().and_then(|place| self.documents.get(*place)).map(|document| document.space);
        let name = first.and_then(|space| self.spaces.get(space)).map_or("", String::as_str);
        let begun = write!(body, r#"{{"protocol":1,"sent_at":"{now}","space_id":"{name}","operations":["#);
        debug_assert!(begun.is_ok(), "writing into a String");
        let spaces = Rc::clone(&self.spaces);
        for (index, place) in places.iter().enumerate() {
            let Some(document) = self.documents.get_mut(*place) else { continue };
            if index > 0 {
                body.push(',');
            }
            let (op_id, id, version) = (self.numbers.uuid(now), document.id, document.version);
            let (kind, edit) = match work {
                Work::Create { .. } => ("create", 0),
                Work::Edit(_) => ("update", document.edits + 1),
            };
            document.edits = edit;
            let written = write!(
                body,
                r#"{{"op_id":"{op_id}","collection":"{COLLECTION}","document_id":"{id}","kind":"{kind}","base_version":{version},"created_at":"{now}","patch":"#
            );
            debug_assert!(written.is_ok(), "writing into a String");
            let begins = body.len();
            match work {
                Work::Create { bytes } => body.push_str(&self::document(&mut self.numbers, bytes)),
                Work::Edit(fields) => patch(&mut body, &mut self.numbers, fields, edit),
            }
            if let (Some(written), Some(patch)) = (&mut self.written, body.get(begins..)) {
                written.push((document.id, patch.to_owned()));
            }
            if Some(document.space) != first {
                body.push_str(r#","space_id":""#);
                body.push_str(spaces.get(document.space).map_or("", String::as_str));
                body.push('"');
            }
            body.push('}');
        }
        body.push_str("]}");
        self.body = body;
    }
}

/// What an operation does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// Makes the document, with a body of so many bytes.
    Create { bytes: usize },
    /// Changes two fields.
    Edit(Fields),
}

/// Gives each document to a space, and to one device: whole spaces where there are enough of them.
pub(crate) fn share_out(plan: &Plan, spaces: &[String], workers: &mut [Worker]) {
    let devices = workers.len().max(1);
    let shared: Rc<[String]> = Rc::from(spaces);
    let now = SystemClock.now();
    let mut numbers = Numbers::new(plan.seed, u64::MAX);
    for worker in workers.iter_mut() {
        worker.spaces = Rc::clone(&shared);
    }
    for number in 0..plan.documents {
        let space = number % plan.spaces;
        let owner = if plan.spaces >= devices { space % devices } else { number / plan.spaces % devices };
        if let Some(worker) = workers.get_mut(owner) {
            worker.documents.push(Owned { id: numbers.uuid(now), space, version: 0, edits: 0 });
        }
    }
}

/// Makes spaces and returns their ids.
pub(crate) async fn create_spaces(device: &mut Device, number: usize) -> Result<Vec<String>, Failure> {
    let mut spaces = Vec::with_capacity(number);
    for place in 1..=number {
        let space = device.call_json("POST", "/api/spaces", &json!({"name": format!("Bench {place} of {number}")})).await?;
        let id = space.get("space_id").and_then(Value::as_str);
        spaces.push(id.ok_or_else(|| Failure::Failed("POST /api/spaces answered no space_id".into()))?.to_owned());
    }
    Ok(spaces)
}
