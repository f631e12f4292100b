//! Verify: whether a device's copy is the server's, by sums, then by rows; and what puts it right.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sync_core::document::CONFLICTS;
use sync_core::limits::{DEFAULT_PAGE_BYTES, MAX_CHANGES, MAX_REPAIR_BYTES, MAX_VERIFY_ROWS};
use sync_core::ports::{DocumentRow, LivePage, SpaceAccess, StoreError, StoreResult, Tx};
use sync_core::protocol::v1::{HeldRow, Item, ItemKind, Pull, Repair, VerifyRequest, VerifyResponse, VerifyStep};
use sync_core::{Audience, Code, DocumentKey, Problem, Schema, SpaceId, Timestamp, json};

use crate::access::{self, Standing, require_member, require_session};
use crate::cursors::CursorKeys;
use crate::devices::Contact;
use crate::digest::{checksum_share, sha256};
use crate::pull::{Pulled, Pushed, outline_of, read_spaces, totals};
use crate::snapshot::{end_of, start_of};
use crate::view::{Outline, Outlines, Subject, View};
use crate::{Caller, Service, ServiceResult};

/// Documents read together: at most 64 MiB.
const ROWS_AT_ONCE: usize = 256;
/// Ids and versions read together.
const VERSIONS_AT_ONCE: i64 = 10_000;

impl Service {
    /// One step of a comparison.
    ///
    /// # Errors
    /// `unknown_space`, `unauthenticated`, `malformed` for a row in a bucket that is not its own, `too_large` when more is
    /// to be put right than one answer carries; the store's.
    pub async fn verify(&self, caller: &Caller, request: VerifyRequest) -> ServiceResult<VerifyResponse> {
        let shown = match &request.step {
            VerifyStep::Sums { cursor, .. } => cursor.as_deref(),
            VerifyStep::Rows { .. } => None,
        };
        let keys = self.cursor_keys(shown).await?;
        let (caller, now, outlines) = (*caller, self.now(), Arc::clone(&self.outlines));
        // what is no UUID names a space that nobody has
        let space_id = request.space_id.parse().unwrap_or(SpaceId(uuid::Uuid::nil()));
        let work = move |tx: &mut dyn Tx| {
            require_session(tx, &caller)?;
            match &request.step {
                VerifyStep::Sums { cursor, collections } => {
                    sums(tx, (&caller, now), (&keys, &outlines), space_id, (cursor.clone(), request.schema), collections.as_deref())
                }
                VerifyStep::Rows { held, deep } => {
                    let access = require_member(tx, &caller, space_id)?;
                    let schema = Schema::of_space(access.space.schema.as_deref());
                    let schema = schema.ok_or_else(|| StoreError::Damaged(format!("the schema of space {space_id}")))?;
                    let view = View::of(&access, &schema, caller.user_id);
                    let outline = outline_of(tx, (&access, &view), &outlines)?;
                    let mut repairs = Repairs { access: &access, view, outline, deep: *deep, room: Room::ANSWER };
                    let repair = held.iter().map(|(collection, buckets)| Ok((collection.clone(), repairs.of(tx, collection, buckets)?)));
                    Ok((VerifyResponse::Repair { repair: repair.collect::<ServiceResult<_>>()? }, Pulled::default()))
                }
            }
        };
        let (answer, pulled) = self.decide(caller.read(), work).await?;
        self.note_presented(&pulled);
        self.note_contact(&caller, Contact::Read);
        Ok(answer)
    }
}

/// What changed, and the sums where there is nothing more.
fn sums(
    tx: &mut dyn Tx,
    (caller, now): (&Caller, Timestamp),
    (keys, outlines): (&CursorKeys, &Outlines),
    space_id: SpaceId,
    (cursor, schema): (Option<String>, Option<u32>),
    collections: Option<&[String]>,
) -> ServiceResult<(VerifyResponse, Pulled)> {
    let standing = access::load(tx, caller, &[space_id])?.remove(&space_id).unwrap_or(Standing::Unknown);
    let member = match standing {
        Standing::Former(_) => None,
        other => Some(other.member()?),
    };
    let text = space_id.to_string();
    let pull = Pull { schema, spaces: vec![(text.clone(), cursor)], max_changes: MAX_CHANGES, max_bytes: DEFAULT_PAGE_BYTES };
    let mut pulled = read_spaces(tx, (caller, now), (keys, outlines), &pull, &Pushed::default())?;
    let changes = pulled.changes.remove(&text).unwrap_or_default();
    let whole = !changes.has_more && changes.problem.is_none();
    let buckets = match member.filter(|_| whole) {
        None => None,
        Some(access) => {
            let schema = Schema::of_space(access.space.schema.as_deref());
            let schema = schema.ok_or_else(|| StoreError::Damaged(format!("the schema of space {space_id}")))?;
            let outline = outline_of(tx, (&access, &View::of(&access, &schema, caller.user_id)), outlines)?;
            let names = match collections {
                Some(names) => names.to_vec(),
                None => totals(tx, &access, outline.as_deref())?.into_keys().collect(),
            };
            let of = |name: String| Ok((name.clone(), bucket_sums(tx, (&access, outline.as_deref()), &name)?));
            Some(names.into_iter().map(of).collect::<StoreResult<_>>()?)
        }
    };
    Ok((VerifyResponse::Sums { changes: Box::new(changes), buckets }, pulled))
}

/// The bucket of a document: the first byte of the SHA-256 of its id.
fn bucket(id: &str) -> u8 {
    let [first, ..] = sha256(id.as_bytes());
    first
}

/// The checksum of each bucket.
fn bucket_sums(tx: &mut dyn Tx, seen: (&SpaceAccess, Option<&Outline>), collection: &str) -> StoreResult<Vec<String>> {
    let mut sums = [0_u64; 256];
    visit_versions(tx, seen, collection, |id, version| {
        if let Some(sum) = sums.get_mut(usize::from(bucket(id))) {
            *sum = sum.wrapping_add(checksum_share(id, version));
        }
    })?;
    Ok(sums.iter().map(|sum| format!("{sum:016x}")).collect())
}

/// Visits the ids and versions of a collection's live documents in the view.
fn visit_versions(
    tx: &mut dyn Tx,
    (access, outline): (&SpaceAccess, Option<&Outline>),
    collection: &str,
    mut visit: impl FnMut(&str, i64),
) -> StoreResult<()> {
    let (start, before) = (start_of(collection), end_of(collection));
    if let Some(outline) = outline {
        outline.live(&start, &before).for_each(|(key, version)| visit(key.id(), version));
        return Ok(());
    }
    let mut after = start.clone();
    loop {
        let page = LivePage {
            space_id: access.space.space_id,
            after: &after,
            before: &before,
            seen_by: Audience::of([access.member.role]),
            bodies: false,
            limit: VERSIONS_AT_ONCE,
        };
        let (mut found, mut last) = (0, None);
        tx.visit_live(page, &mut |live| {
            visit(live.key.get(start.len()..).unwrap_or_default(), live.version);
            found += 1;
            if found == VERSIONS_AT_ONCE {
                last = Some(live.key.to_owned());
            }
            ControlFlow::Continue(())
        })?;
        match last {
            Some(key) => after = key,
            None => return Ok(()),
        }
    }
}

/// The repairs of one answer.
struct Repairs<'a> {
    access: &'a SpaceAccess,
    view: View,
    outline: Option<Arc<Outline>>,
    deep: bool,
    room: Room,
}

/// What one answer still has room for.
struct Room {
    items: usize,
    bytes: usize,
}

impl Room {
    const ANSWER: Self = Self { items: MAX_VERIFY_ROWS, bytes: MAX_REPAIR_BYTES };

    fn take(&mut self, bytes: usize) -> Result<(), Problem> {
        let left = self.items.checked_sub(1).zip(self.bytes.checked_sub(bytes));
        let (items, bytes) = left.ok_or_else(|| {
            let detail = format!(
                "more differs than one answer carries ({MAX_VERIFY_ROWS} documents, {MAX_REPAIR_BYTES} bytes); name fewer buckets, or take a snapshot"
            );
            Problem::new(Code::TooLarge, detail).at("/rows")
        })?;
        *self = Self { items, bytes };
        Ok(())
    }
}

impl Repairs<'_> {
    fn of(&mut self, tx: &mut dyn Tx, collection: &str, buckets: &BTreeMap<u8, Vec<HeldRow>>) -> ServiceResult<Repair> {
        check_buckets(collection, buckets)?;
        let mut live: BTreeMap<String, i64> = BTreeMap::new();
        visit_versions(tx, (self.access, self.outline.as_deref()), collection, |id, version| {
            if buckets.contains_key(&bucket(id)) {
                live.insert(id.to_owned(), version);
            }
        })?;
        let held: BTreeMap<&str, &HeldRow> = buckets.values().flatten().map(|row| (row.id.as_str(), row)).collect();
        let (wanted, drop) = differences(&held, &live, self.deep);
        let keys: Vec<DocumentKey> = wanted.iter().filter_map(|id| DocumentKey::new(collection, id)).collect();
        let mut items = Vec::new();
        for keys in keys.chunks(ROWS_AT_ONCE) {
            let mut rows = tx.load_documents(self.access.space.space_id, keys)?;
            rows.sort_unstable_by(|one, other| one.key.cmp(&other.key));
            for mut row in rows {
                let mut hides = self.view.hides_members(collection);
                if let Some(outline) = &self.outline {
                    row.body = self.view.show(&Subject::of_row(&row)?, &row.body);
                    let seen = outline.find(&row.key).map_or(row.version, |(version, _)| version);
                    hides |= collection == CONFLICTS;
                    row.version = seen;
                }
                if held.get(row.key.id()).is_some_and(|held| self.is_right(held, &row)) {
                    continue;
                }
                self.room.take(row.body.as_str().len())?;
                items.push(item(row, hides));
            }
        }
        Ok(Repair { items, drop })
    }

    /// Whether what is held is the document, as far as was asked.
    fn is_right(&self, held: &HeldRow, row: &DocumentRow) -> bool {
        held.version == row.version && (!self.deep || held.digest.as_deref() == Some(digest_of(row).as_str()))
    }
}

/// Every row stands in its own bucket, once: one in another would be taken for one that is not there.
fn check_buckets(collection: &str, buckets: &BTreeMap<u8, Vec<HeldRow>>) -> Result<(), Problem> {
    for (name, rows) in buckets {
        let mut seen = BTreeSet::new();
        for (index, row) in rows.iter().enumerate() {
            let at = || format!("/rows{}/{index}", json::pointer(&[collection, &format!("{name:02x}")]));
            let own = bucket(&row.id);
            if own != *name {
                let detail = format!("{:?} is of bucket {own:02x}: the first byte of SHA-256 of the id", row.id);
                return Err(Problem::new(Code::Malformed, detail).at(at()));
            }
            if !seen.insert(&row.id) {
                return Err(Problem::new(Code::Malformed, format!("{:?} stands there twice", row.id)).at(at()));
            }
        }
    }
    Ok(())
}

/// The ids of documents to look at or to send, and of those to drop.
fn differences(held: &BTreeMap<&str, &HeldRow>, live: &BTreeMap<String, i64>, deep: bool) -> (Vec<String>, Vec<String>) {
    let differs = |id: &str, version: i64| deep || held.get(id).is_none_or(|row| row.version != version);
    let wanted = live.iter().filter(|(id, version)| differs(id, **version)).map(|(id, _)| id.clone()).collect();
    let drop = held.keys().filter(|id| !live.contains_key(**id)).map(|id| (*id).to_owned()).collect();
    (wanted, drop)
}

/// SHA-256 of a document in canonical form (RFC 8785), base64url without padding.
fn digest_of(row: &DocumentRow) -> String {
    URL_SAFE_NO_PAD.encode(sha256(json::canonical(&Value::Object(row.body.object())).as_bytes()))
}

/// Of a document of which some is hidden nobody is named: the device asks what it holds, and not who wrote it.
fn item(row: DocumentRow, hides: bool) -> Item {
    Item {
        collection: row.key.collection().to_owned(),
        document_id: row.key.id().to_owned(),
        version: row.version,
        kind: ItemKind::Document,
        patch: None,
        document: Some(row.body),
        by: (!hides).then_some(row.by),
        at: (!hides).then_some(row.at),
        echo: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_bounded_in_documents_and_bytes() {
        let mut room = Room { items: 2, bytes: 10 };
        assert_eq!(room.take(11).map_err(|problem| problem.code), Err(Code::TooLarge));
        assert_eq!((room.take(4), room.take(6)), (Ok(()), Ok(())), "what did not fit took nothing");
        assert_eq!(room.take(0).map_err(|problem| problem.code), Err(Code::TooLarge));
    }

    #[test]
    fn the_bucket_is_the_first_byte_of_sha256sum() {
        // printf d1 | sha256sum
        assert_eq!(format!("{:02x}", bucket("d1")), "8b");
    }
}
