//! The outline of a space in a view that hides something: every document of it with its version as seen, and the sums of
//! that. It is read once, and then brought up to date with what changed since, by the row: a pull costs no scan.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use sync_core::cursor::Cursor;
use sync_core::document::CONFLICTS;
use sync_core::ports::{ChangeRow, DocumentPage, DocumentRow, Head, History, SpaceAccess, StoreResult, Tx};
use sync_core::{Audience, DocumentKey, SpaceId, UserId};

use super::View;
use super::document::Subject;
use super::reads::Reads;
use super::sight::is;
use crate::digest::checksum_share;

/// Rows read together.
const ROWS_AT_ONCE: i64 = 500;
/// Documents in all outlines that are remembered together: some 60 MiB.
const MOST_REMEMBERED: usize = 400_000;

/// What a view shows of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Its body.
    Live,
    /// That it was deleted.
    Deleted,
    /// That it left the view.
    Gone,
}

/// The documents of a space as one view shows them, at one head.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outline {
    head: i64,
    rows: BTreeMap<DocumentKey, (i64, Shown)>,
    by_version: BTreeMap<i64, DocumentKey>,
    sums: BTreeMap<String, (i64, u64)>,
}

impl Outline {
    /// The outline of a member's view, as the transaction sees the space.
    ///
    /// # Errors
    /// [`sync_core::ports::StoreError`].
    pub(crate) fn load(
        tx: &mut dyn Tx,
        (access, view): (&SpaceAccess, &View),
        remembered: &Outlines,
        reads: &mut Reads,
    ) -> StoreResult<Arc<Self>> {
        let place = Place::of(access, view);
        let mut outline = remembered.take(&place, access.head.version).unwrap_or_default();
        if outline.head < access.head.version {
            let own = Arc::make_mut(&mut outline);
            own.read_on(tx, (access, view), reads)?;
            own.head = access.head.version;
        }
        remembered.keep(place, Arc::clone(&outline));
        Ok(outline)
    }

    fn read_on(&mut self, tx: &mut dyn Tx, (access, view): (&SpaceAccess, &View), reads: &mut Reads) -> StoreResult<()> {
        let mut page = DocumentPage {
            space_id: access.space.space_id,
            above: self.head,
            seen_by: Audience::of([view.role]),
            deleted_above: 0,
            left_above: 0,
            limit: ROWS_AT_ONCE,
        };
        loop {
            let rows = reads.list(tx, page, view.role)?;
            let left = left_at(tx, view, (access.space.space_id, access.head), &rows)?;
            for row in rows.iter() {
                let shown = shown(view, row, left.get(&row.key).copied())?;
                self.put(&row.key, shown);
            }
            match rows.last() {
                Some(last) if i64::try_from(rows.len()).is_ok_and(|read| read == ROWS_AT_ONCE) => page.above = last.version,
                _ => return Ok(()),
            }
        }
    }

    fn put(&mut self, key: &DocumentKey, shown: Option<(i64, Shown)>) {
        if let Some((version, before)) = self.rows.remove(key) {
            if self.by_version.get(&version).is_some_and(|other| other == key) {
                self.by_version.remove(&version);
            }
            if before == Shown::Live {
                self.count(key, (-1, 0_u64.wrapping_sub(checksum_share(key.id(), version))));
            }
        }
        let Some((version, now)) = shown else { return };
        self.rows.insert(key.clone(), (version, now));
        self.by_version.insert(version, key.clone());
        if now == Shown::Live {
            self.count(key, (1, checksum_share(key.id(), version)));
        }
    }

    fn count(&mut self, key: &DocumentKey, (documents, share): (i64, u64)) {
        let sum = self.sums.entry(key.collection().to_owned()).or_default();
        *sum = (sum.0 + documents, sum.1.wrapping_add(share));
    }

    /// The live documents: how many, and their checksum, by collection. Empty ones are left out.
    pub(crate) fn totals(&self) -> BTreeMap<String, (i64, u64)> {
        self.sums.iter().filter(|(_, (documents, _))| *documents > 0).map(|(name, total)| (name.clone(), *total)).collect()
    }

    /// The documents of which whoever shows a cursor is told, above a place, by their versions as seen.
    pub(crate) fn above<'o>(&'o self, place: i64, cursor: &Cursor) -> impl Iterator<Item = (i64, &'o DocumentKey, Shown)> + use<'o> {
        let deleted_above = if cursor.floor.is_some() { 0 } else { cursor.began };
        let left_above = cursor.floor.unwrap_or(0).max(deleted_above);
        let from = place.saturating_add(1);
        self.by_version.range(from..).filter_map(move |(version, key)| {
            let (_, shown) = *self.rows.get(key)?;
            let is_told = match shown {
                Shown::Live => true,
                Shown::Deleted => *version > deleted_above,
                Shown::Gone => *version > left_above,
            };
            is_told.then_some((*version, key, shown))
        })
    }

    /// What is shown of a document, and its version as seen.
    pub(crate) fn find(&self, key: &DocumentKey) -> Option<(i64, Shown)> {
        self.rows.get(key).copied()
    }

    /// The live documents whose keys are above one text and below another, in the order of their keys.
    pub(crate) fn live<'o>(&'o self, after: &str, before: &str) -> impl Iterator<Item = (&'o DocumentKey, i64)> + use<'o> {
        let (after, before) = (std::ops::Bound::Excluded(after), std::ops::Bound::Excluded(before));
        let range = self.rows.range::<str, _>((after, before));
        range.filter(|(_, (_, shown))| *shown == Shown::Live).map(|(key, (version, _))| (key, *version))
    }
}

/// What a view shows of a row, with the version as seen; `left` is the version at which it ceased to name the reader.
fn shown(view: &View, row: &DocumentRow, left: Option<i64>) -> StoreResult<Option<(i64, Shown)>> {
    if !view.has_role_in(row.audience) {
        return Ok(Some((row.audience_version, Shown::Gone)).filter(|_| !view.is_closed(row.key.collection())));
    }
    let subject = Subject::of_row(row)?;
    if let Some(version) = view.version_of(&subject) {
        return Ok(Some((version, if row.presence.deleted { Shown::Deleted } else { Shown::Live })));
    }
    let left = if row.key.collection() == CONFLICTS { view.ceased_at(&subject.fields) } else { left };
    Ok(left.map(|left| (left, Shown::Gone)))
}

/// Of documents that name somebody else now: the version at which they ceased to name the reader, where they once did. Only
/// those are looked at in which that member changed after they were made.
fn left_at(
    tx: &mut dyn Tx,
    view: &View,
    (space_id, head): (SpaceId, Head),
    rows: &[DocumentRow],
) -> StoreResult<HashMap<DocumentKey, i64>> {
    let mut histories: Vec<History> = Vec::new();
    for row in rows.iter().filter(|row| view.own_field(row.key.collection()).is_some() && view.has_role_in(row.audience)) {
        let subject = Subject::of_row(row)?;
        let since = row.presence.created.max(head.history_from);
        if !view.sees(&subject) && view.decided_at(row.key.collection(), &subject.fields) > since {
            histories.push(History { from: row.version, above: since });
        }
    }
    let mut left = HashMap::new();
    for change in if histories.is_empty() { Vec::new() } else { tx.list_changes(space_id, &histories)? } {
        if names_before(view, &change) {
            // the newest comes first
            left.entry(change.key.clone()).or_insert(change.version);
        }
    }
    Ok(left)
}

/// Whether a document named the reader before a change, and not after it.
fn names_before(view: &View, change: &ChangeRow) -> bool {
    let collection = change.key.collection();
    let Some(field) = view.own_field(collection) else { return false };
    let lens = view.schema.lens(collection, view.schema.version_at(change.version));
    let is_field = |name: &str| lens.as_ref().map_or(name, |lens| lens.name_of(name)) == field;
    change.before.object().iter().any(|(name, value)| is_field(name) && is(value, view.user_id))
}

/// Whose outline it is, and of which log.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    space_id: SpaceId,
    user_id: UserId,
    tag: u32,
    epoch: uuid::Uuid,
    /// Tombstones below it are gone.
    kept_from: i64,
}

impl Place {
    fn of(access: &SpaceAccess, view: &View) -> Self {
        let (space_id, Head { epoch, kept_from, .. }) = (access.space.space_id, access.head);
        Self { space_id, user_id: view.user_id, tag: view.tag(), epoch, kept_from }
    }
}

/// The outlines that this process remembers, those of longest ago going first.
#[derive(Debug, Default)]
pub(crate) struct Outlines(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    by_reader: HashMap<(SpaceId, UserId), (Place, Arc<Outline>, u64)>,
    used: BTreeMap<u64, (SpaceId, UserId)>,
    documents: usize,
    clock: u64,
}

impl Outlines {
    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered of a place, unless it is of a later head than the transaction sees.
    fn take(&self, place: &Place, head: i64) -> Option<Arc<Outline>> {
        let mut all = self.lock();
        let fits = |(other, outline, _): &(Place, Arc<Outline>, u64)| other == place && outline.head <= head;
        if !all.by_reader.get(&(place.space_id, place.user_id)).is_some_and(fits) {
            return None;
        }
        all.forget((place.space_id, place.user_id))
    }

    fn keep(&self, place: Place, outline: Arc<Outline>) {
        let mut all = self.lock();
        let reader = (place.space_id, place.user_id);
        let is_older = |(other, known, _): &(Place, Arc<Outline>, u64)| *other == place && known.head > outline.head;
        if outline.rows.len() > MOST_REMEMBERED || all.by_reader.get(&reader).is_some_and(is_older) {
            return;
        }
        all.forget(reader);
        all.clock += 1;
        let now = all.clock;
        all.documents += outline.rows.len();
        all.used.insert(now, reader);
        all.by_reader.insert(reader, (place, outline, now));
        while all.documents > MOST_REMEMBERED {
            let Some(oldest) = all.used.values().next().copied() else { break };
            all.forget(oldest);
        }
    }
}

impl Remembered {
    fn forget(&mut self, reader: (SpaceId, UserId)) -> Option<Arc<Outline>> {
        let (_, outline, used) = self.by_reader.remove(&reader)?;
        self.used.remove(&used);
        self.documents -= outline.rows.len();
        Some(outline)
    }
}
