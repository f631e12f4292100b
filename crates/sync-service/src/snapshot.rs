//! Snapshot: a whole space as lines, by (tier, collection, id), for a device that begins anew.
//!
//! It notes the head when it begins and reads page by page, each page in a transaction of its own and at its present
//! state: what changes meanwhile is above that head, and comes with the pull that follows. One page is read ahead while
//! the one before it is written, and no more: whoever reads slowly is read for slowly.

mod lines;

use std::collections::HashMap;
use std::future::Future as _;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use sync_core::cursor::Cursor;
use sync_core::mark::{Mark, Place};
use sync_core::ports::{DocumentRow, LiveDocument, LivePage, SpaceAccess, StoreError, StoreResult, Transaction, Tx};
use sync_core::{Audience, Code, DocumentKey, Problem, Schema, SpaceId};

use self::lines::{End, Head, MarkLine, Tier, write_document, write_line};
use crate::access::{require_member, require_session};
use crate::audit::Act;
use crate::cursors::{CursorKeys, epoch_tag, mark_tag};
use crate::devices::Contact;
use crate::pull::{outline_of, totals};
use crate::view::{Outline, Outlines, Subject, View};
use crate::{Caller, Service, ServiceError, ServiceResult};

/// Documents between two marks.
const DOCUMENTS_A_PAGE: u64 = 1_000;
/// A page with large documents ends earlier.
const BYTES_A_PAGE: usize = 1_048_576;
/// Rows of one statement: at most 64 MiB of documents, where a database hands them over together.
const ROWS_AT_ONCE: u64 = 256;

/// A snapshot that is being read. Dropping it ends the reading.
pub struct SnapshotReader {
    service: Service,
    plan: Arc<Plan>,
    first: Option<Vec<u8>>,
    pending: Option<Transaction<Result<Page, Problem>>>,
}

/// What holds for all pages.
struct Plan {
    caller: Caller,
    keys: CursorKeys,
    space_id: SpaceId,
    epoch_tag: u32,
    view: View,
    outlines: Arc<Outlines>,
    /// The head when the snapshot began.
    began: i64,
    /// The collections that have documents in the view, as places without an id.
    stops: Vec<Place>,
}

/// How far a snapshot came.
#[derive(Debug, Clone, Default)]
struct Progress {
    sent: u64,
    last: Option<Place>,
}

/// A page's lines, and where to go on; `None` at the end.
struct Page {
    lines: Vec<u8>,
    next: Option<Progress>,
}

impl Service {
    /// Begins a snapshot of a space, or goes on after a mark. Its first page is read before this returns.
    ///
    /// # Errors
    /// `unknown_space`, `unauthenticated`, `snapshot_gone` for a mark that can't be used; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn snapshot(&self, caller: &Caller, space_id: SpaceId, mark: Option<&str>) -> ServiceResult<SnapshotReader> {
        let keys = self.cursor_keys(mark).await?;
        let given = mark.map(|text| keys.read_mark(text, space_id, caller.user_id));
        let (caller, outlines) = (*caller, Arc::clone(&self.outlines));
        let work = move |tx: &mut dyn Tx| {
            let (access, view) = enter(tx, &caller, space_id)?;
            let mark = given.clone().map(|mark| resumable(&access, &view, mark)).transpose()?;
            Ok(open(tx, (&access, &view, &outlines), (caller, &keys), mark)?)
        };
        let (plan, page) = self.decide(caller.read(), work).await?;
        self.note_contact(&caller, Contact::Read);
        // one that goes on is the same
        if mark.is_none() {
            self.record_export(&caller, Act::by(&caller, "export.snapshot").in_space(space_id)).await?;
        }
        let mut reader = SnapshotReader { service: self.clone(), plan: Arc::new(plan), first: Some(page.lines), pending: None };
        reader.read_ahead(page.next);
        Ok(reader)
    }
}

impl SnapshotReader {
    /// The next lines, some hundred KiB at a time; `None` after the last. After an error there is nothing more.
    pub fn poll_lines(&mut self, context: &mut Context<'_>) -> Poll<Option<ServiceResult<Vec<u8>>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let Some(pending) = &mut self.pending else { return Poll::Ready(None) };
        let outcome = ready!(Pin::new(pending).poll(context));
        self.pending = None;
        Poll::Ready(Some(match outcome {
            Ok(Ok(page)) => {
                self.read_ahead(page.next);
                Ok(page.lines)
            }
            Ok(Err(problem)) => Err(problem.into()),
            Err(error) => Err(error.into()),
        }))
    }

    fn read_ahead(&mut self, next: Option<Progress>) {
        let Some(progress) = next else { return };
        let plan = Arc::clone(&self.plan);
        self.pending = Some(self.service.begin(plan.caller.read(), move |tx| {
            let access = plan.require_same(tx)?;
            Ok(plan.read_page(tx, &access, progress.clone(), Vec::new())?)
        }));
    }
}

/// The membership of a caller who may read, with their view.
fn enter(tx: &mut dyn Tx, caller: &Caller, space_id: SpaceId) -> ServiceResult<(SpaceAccess, View)> {
    require_session(tx, caller)?;
    let access = require_member(tx, caller, space_id)?;
    let schema = Schema::of_space(access.space.schema.as_deref());
    let schema = schema.ok_or_else(|| StoreError::Damaged(format!("the schema of space {space_id}")))?;
    let view = View::of(&access, &schema, caller.user_id);
    Ok((access, view))
}

/// A mark, where it still stands.
fn resumable(access: &SpaceAccess, view: &View, mark: Option<Mark>) -> ServiceResult<Mark> {
    mark.filter(|mark| stands(access, view, (mark.epoch_tag, mark.view_tag, mark.began))).ok_or_else(gone)
}

/// Whether a snapshot is of this log and this view, and the log still tells every deletion since it began.
fn stands(access: &SpaceAccess, view: &View, (epoch, tag, began): (u32, u32, i64)) -> bool {
    let head = access.head;
    epoch == epoch_tag(head.epoch) && tag == mark_tag(view) && (head.kept_from..=head.version).contains(&began)
}

fn gone() -> ServiceError {
    let detail = "the space's history or what you may see of it changed since this snapshot began, or the mark is none of yours; drop what was read of it and begin a new one";
    Problem::new(Code::SnapshotGone, detail).into()
}

/// The head line and the first page.
fn open(
    tx: &mut dyn Tx,
    (access, view, outlines): (&SpaceAccess, &View, &Arc<Outlines>),
    (caller, keys): (Caller, &CursorKeys),
    mark: Option<Mark>,
) -> StoreResult<(Plan, Page)> {
    let mut stops: Vec<(Place, i64)> = Vec::new();
    let outline = outline_of(tx, (access, view), outlines)?;
    for (collection, (documents, _)) in totals(tx, access, outline.as_deref())? {
        stops.push((Place { tier: view.schema.tier(&collection), key: start_of(&collection) }, documents));
    }
    stops.sort_unstable();
    let mut lines = Vec::new();
    let head = Head {
        space_id: access.space.space_id,
        epoch: access.head.epoch.to_string(),
        schema: view.schema.version,
        documents: stops.iter().map(|(_, documents)| documents).sum(),
        tiers: tiers(&stops),
    };
    write_line(&head, &mut lines);
    let plan = Plan {
        caller,
        keys: keys.clone(),
        space_id: access.space.space_id,
        epoch_tag: epoch_tag(access.head.epoch),
        view: view.clone(),
        outlines: Arc::clone(outlines),
        began: mark.as_ref().map_or(access.head.version, |mark| mark.began),
        stops: stops.into_iter().map(|(place, _)| place).collect(),
    };
    let progress = mark.map(|mark| Progress { sent: mark.sent, last: Some(mark.place) }).unwrap_or_default();
    let page = plan.read_page(tx, access, progress, lines)?;
    Ok((plan, page))
}

fn tiers(stops: &[(Place, i64)]) -> Vec<Tier> {
    let of_tier =
        |chunk: &[(Place, i64)]| Some(Tier { tier: chunk.first()?.0.tier, documents: chunk.iter().map(|(_, documents)| documents).sum() });
    stops.chunk_by(|one, other| one.0.tier == other.0.tier).filter_map(of_tier).collect()
}

impl Plan {
    /// Checks, before each page, that the caller may still read, the same log and the same view.
    fn require_same(&self, tx: &mut dyn Tx) -> ServiceResult<SpaceAccess> {
        let (access, view) = enter(tx, &self.caller, self.space_id)?;
        let same = stands(&access, &view, (self.epoch_tag, mark_tag(&self.view), self.began));
        if same { Ok(access) } else { Err(gone()) }
    }

    /// Adds a page's lines: documents, and a mark or the end.
    fn read_page(&self, tx: &mut dyn Tx, access: &SpaceAccess, mut progress: Progress, mut lines: Vec<u8>) -> StoreResult<Page> {
        let mut left = DOCUMENTS_A_PAGE;
        let outline = outline_of(tx, (access, &self.view), &self.outlines)?;
        while let Some((place, before)) = self.range_after(progress.last.as_ref()) {
            let limit = left.min(ROWS_AT_ONCE);
            let range = (place.key.as_str(), before.as_str());
            let (found, last) = match &outline {
                Some(outline) => self.write_outlined(tx, (outline, range), limit, &mut lines)?,
                None => self.write_live(tx, range, limit, &mut lines)?,
            };
            progress.sent += found;
            left -= found;
            progress.last = Some(Place { tier: place.tier, key: last.unwrap_or(before) });
            if left == 0 || lines.len() >= BYTES_A_PAGE {
                return Ok(self.marked(progress, lines));
            }
        }
        let end = Cursor { epoch_tag: self.epoch_tag, view_tag: self.view.tag(), floor: None, place: self.began, began: self.began };
        let cursor = self.keys.sign(end, self.space_id, self.caller.user_id);
        write_line(&End { cursor, sent: progress.sent }, &mut lines);
        Ok(Page { lines, next: None })
    }

    /// Adds documents as they are stored. How many, and the last one, unless there are no more in the range.
    fn write_live(
        &self,
        tx: &mut dyn Tx,
        (after, before): (&str, &str),
        limit: u64,
        lines: &mut Vec<u8>,
    ) -> StoreResult<(u64, Option<String>)> {
        let (mut found, mut last) = (0, None);
        let page = LivePage {
            space_id: self.space_id,
            after,
            before,
            seen_by: Audience::of([self.view.role]),
            bodies: true,
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
        };
        tx.visit_live(page, &mut |live: LiveDocument<'_>| {
            write_document(live, lines);
            found += 1;
            if found == limit || lines.len() >= BYTES_A_PAGE {
                last = Some(live.key.to_owned());
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok((found, last))
    }

    /// The same of a view that hides something: documents as they are seen.
    fn write_outlined(
        &self,
        tx: &mut dyn Tx,
        (outline, (after, before)): (&Outline, (&str, &str)),
        limit: u64,
        lines: &mut Vec<u8>,
    ) -> StoreResult<(u64, Option<String>)> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let page: Vec<(DocumentKey, i64)> = outline.live(after, before).take(most).map(|(key, version)| (key.clone(), version)).collect();
        let keys: Vec<DocumentKey> = page.iter().map(|(key, _)| key.clone()).collect();
        let rows: HashMap<DocumentKey, DocumentRow> =
            tx.load_documents(self.space_id, &keys)?.into_iter().map(|row| (row.key.clone(), row)).collect();
        let mut found = 0;
        for (key, version) in &page {
            found += 1;
            if let Some(row) = rows.get(key) {
                let body = self.view.show(&Subject::of_row(row)?, &row.body);
                write_document(LiveDocument { key: key.as_str(), version: *version, body: body.as_str() }, lines);
            }
            if found == limit || lines.len() >= BYTES_A_PAGE {
                return Ok((found, Some(key.as_str().to_owned())));
            }
        }
        Ok((found, None))
    }

    /// Where to read on after a place: above which key, and below which.
    fn range_after(&self, last: Option<&Place>) -> Option<(Place, String)> {
        let from = last.map_or(0, |last| {
            // the collection in which the place is, or the first one behind it
            let behind = self.stops.partition_point(|stop| stop <= last);
            let within = behind
                .checked_sub(1)
                .filter(|at| self.stops.get(*at).is_some_and(|stop| stop.tier == last.tier && last.key < end_of(name_of(stop))));
            within.unwrap_or(behind)
        });
        let stop = self.stops.get(from)?;
        let place = last.filter(|last| *last > stop).unwrap_or(stop);
        Some((place.clone(), end_of(name_of(stop))))
    }

    fn marked(&self, progress: Progress, mut lines: Vec<u8>) -> Page {
        if let Some(place) = progress.last.clone() {
            let (epoch_tag, view_tag, began, sent) = (self.epoch_tag, mark_tag(&self.view), self.began, progress.sent);
            let mark = Mark { epoch_tag, view_tag, began, sent, place };
            let mark = self.keys.sign_mark(&mark, self.space_id, self.caller.user_id);
            write_line(&MarkLine { mark, sent: progress.sent }, &mut lines);
        }
        Page { lines, next: Some(progress) }
    }
}

/// The collection of a place without an id.
fn name_of(stop: &Place) -> &str {
    stop.key.strip_suffix('/').unwrap_or(&stop.key)
}

/// The text below every key of a collection.
pub(crate) fn start_of(collection: &str) -> String {
    format!("{collection}/")
}

/// The text above every key of a collection: `0` is the character after `/`.
pub(crate) fn end_of(collection: &str) -> String {
    format!("{collection}0")
}
