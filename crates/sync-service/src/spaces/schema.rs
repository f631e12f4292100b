//! A space's schema: reading one that is sent, and replacing it. Documents that have another form, or another audience,
//! under the new one are changed in the log, page by page, in the transaction that replaces it: devices hear of it as of
//! any change. `docs/adr/0010-lenses.md` says why.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use sync_core::conflict::{Conflict, DisputedField};
use sync_core::document::CONFLICTS;
use sync_core::limits::MAX_SCHEMA_BYTES;
use sync_core::ports::{ConflictFilter, ConflictPage, DocumentPage, Head, SpaceAccess, StoreError, StoreResult, Tx};
use sync_core::protocol::v1::spaces::Change;
use sync_core::schema::lens::Lens;
use sync_core::schema::{SchemaFault, Upgrade};
use sync_core::{Audience, Code, ConflictId, DocumentKey, FieldVersion, FieldVersions, Problem, Schema};

use super::malformed;
use crate::ServiceResult;
use crate::epochs::Shared;
use crate::push::working::{Doc, World, documents_of, load_conflict_documents, load_documents, write};
use crate::push::{Asker, NewState};
use crate::view::View;

/// Documents, and conflicts, that are read together.
const PAGE: i64 = 500;

/// A schema as it was sent, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sent {
    source: Value,
    schema: Arc<Schema>,
}

impl Sent {
    /// Its stored form.
    pub(super) fn record(&self) -> String {
        self.schema.to_record(&self.source)
    }
}

/// Reads and checks a schema; `None` for `null`.
pub(super) fn checked(source: &Value) -> Result<Option<Sent>, Problem> {
    let schema = match source {
        Value::Null => return Ok(None),
        Value::String(name) => Schema::built_in(name).ok_or_else(|| {
            let detail =
                format!("There is no built-in schema {name:?}; there is \"wedding\". A schema of your own goes here as an object.");
            malformed(detail, "/schema")
        })?,
        Value::Object(_) => {
            let bytes = source.to_string().len();
            if bytes > MAX_SCHEMA_BYTES {
                let detail = format!(
                    "The schema is {bytes} bytes of compact JSON, more than {MAX_SCHEMA_BYTES}. Name fewer collections, fields or values."
                );
                return Err(Problem::new(Code::TooLarge, detail).at("/schema"));
            }
            Schema::from_value(source).map(Arc::new).map_err(|fault| unusable(&fault))?
        }
        _ => return Err(malformed("schema is to be the name of a built-in schema, an object, or left out", "/schema")),
    };
    Ok(Some(Sent { source: source.clone(), schema }))
}

/// What is wrong with a schema, with its place in the request.
fn unusable(fault: &SchemaFault) -> Problem {
    malformed(format!("The schema can't be used: {}", fault.detail), &format!("/schema{}", fault.pointer))
}

/// Puts a schema in the place of a space's own, and moves the documents along. Only under the lock of the log.
///
/// # Errors
/// `malformed` with a pointer where the new one can't follow; the store's.
pub(super) fn replace(tx: &mut dyn Tx, access: &mut SpaceAccess, change: &Change<Sent>, by: Asker) -> ServiceResult<()> {
    let sent = match change {
        Change::Keep => return Ok(()),
        Change::Clear if access.space.schema.is_none() => return Ok(()),
        Change::Clear => {
            let detail = "A space keeps its schema: its documents and devices speak it. Send a newer version of it, or leave schema out.";
            return Err(malformed(detail, "/schema").into());
        }
        Change::Set(sent) => sent,
    };
    let space_id = access.space.space_id;
    let damaged = || StoreError::Damaged(format!("the schema of space {space_id}"));
    let before = Schema::of_space(access.space.schema.as_deref()).ok_or_else(damaged)?;
    let mut schema = Schema::clone(&sent.schema);
    schema.upgrades.clone_from(&before.upgrades);
    if let Some(record) = access.space.schema.as_deref() {
        let stored = Schema::source_of_space(record).ok_or_else(damaged)?;
        if schema == *before || names_the_same(&sent.source, &stored, &before) {
            return Ok(());
        }
        schema.may_follow(&before).map_err(|fault| unusable(&fault))?;
    } else {
        takes_collections(tx, access, &schema)?;
    }
    // a space without a schema has no older form
    let from = access.space.schema.as_ref().map_or(schema.version, |_| before.version);
    let mut walk = Walk { access, schema: Arc::new(schema.clone()), from, by, head: access.head.version };
    walk.documents(tx)?;
    walk.conflicts(tx)?;
    let (upgrade, lifts) = (Upgrade { from, before: access.head.version, after: walk.head }, !schema.lenses.is_empty());
    if lifts && from < schema.version {
        schema.upgrades.push(upgrade);
    }
    access.space.schema = Some(schema.to_record(&sent.source));
    Ok(())
}

/// A built-in schema's bare name is the one that the space has, in whatever version it is pinned to: what was read can
/// be sent back.
fn names_the_same(sent: &Value, stored: &Value, before: &Schema) -> bool {
    stored.is_string() && sent.as_str() == Some(before.name.as_str())
}

/// A first schema has all collections in which there are documents.
fn takes_collections(tx: &mut dyn Tx, access: &SpaceAccess, schema: &Schema) -> ServiceResult<()> {
    let sums = tx.load_sums(access.space.space_id)?;
    let missing = |collection: &String| collection != CONFLICTS && schema.collection(collection).is_none();
    match sums.into_iter().filter(|sum| sum.documents > 0).map(|sum| sum.collection).find(missing) {
        None => Ok(()),
        Some(collection) => {
            let detail = format!("The schema can't be used: the space has documents in {collection:?}, which it leaves out. Name it.");
            Err(malformed(detail, "/schema/collections").into())
        }
    }
}

/// The way of a space's documents to a new schema.
struct Walk<'a> {
    access: &'a SpaceAccess,
    schema: Arc<Schema>,
    from: u32,
    by: Asker,
    /// The head so far.
    head: i64,
}

impl Walk<'_> {
    fn world(&self) -> World {
        let head = Head { version: self.head, ..self.access.head };
        let view = View::whole(&self.schema, (self.access.member.role, self.access.member.user_id));
        World::new(self.access.space.space_id, view, head, Shared::all(head))
    }

    fn write(&mut self, tx: &mut dyn Tx, mut world: World) -> StoreResult<()> {
        write(tx, &mut world, self.access.space.organisation_id, &mut [])?;
        self.head = world.head;
        Ok(())
    }

    /// Changes the documents, live and deleted, that have another form or another audience.
    fn documents(&mut self, tx: &mut dyn Tx) -> StoreResult<()> {
        let (space_id, last) = (self.access.space.space_id, self.access.head.version);
        let mut page = DocumentPage { space_id, above: 0, seen_by: Audience::EVERYONE, deleted_above: 0, left_above: 0, limit: PAGE };
        let mut lenses: BTreeMap<String, Option<Lens>> = BTreeMap::new();
        loop {
            let rows = tx.list_documents(page)?;
            // what the walk changed stands above the head at which it began
            let Some(above) = rows.iter().map(|row| row.version).filter(|version| *version <= last).max() else { return Ok(()) };
            page.above = above;
            let mut world = self.world();
            for row in rows.iter().filter(|row| row.version <= last && row.key.collection() != CONFLICTS) {
                let name = row.key.collection();
                let lens = lenses.entry(name.to_owned()).or_insert_with(|| self.schema.lens(name, self.from));
                let doc = Doc::of_row(row)?;
                let body = match lens {
                    // of a grave nothing is left to be lifted
                    Some(lens) if doc.is_live() || !doc.body.is_empty() => lens.lift_document(&doc.body),
                    _ => doc.body.clone(),
                };
                let audience = self.schema.collection(name).map_or(Audience::EVERYONE, |collection| collection.audience(&body));
                if body != doc.body || audience != doc.audience {
                    let (state, before) = (NewState { body, live: doc.is_live() }, doc.fields.clone());
                    world.docs.insert(row.key.clone(), doc);
                    let version = world.change(&row.key, state, self.by.by, self.by.at, (self.by.at.millis(), 0));
                    if let (Some(lens), Some(doc)) = (lens, world.docs.get_mut(&row.key)) {
                        keep_stamps(&mut doc.fields, &before, lens, version);
                    }
                }
            }
            self.write(tx, world)?;
        }
    }

    /// Changes the open questions about such documents.
    fn conflicts(&mut self, tx: &mut dyn Tx) -> StoreResult<()> {
        let mut page = ConflictPage {
            space_ids: vec![self.access.space.space_id],
            open: Some(true),
            only: ConflictFilter::default(),
            after: None,
            limit: PAGE,
        };
        loop {
            let ids: Vec<ConflictId> = tx.list_conflicts(&page)?.into_iter().map(|(_, id)| id).collect();
            let Some(last) = ids.last().copied() else { return Ok(()) };
            page.after = Some(last);
            let mut world = self.world();
            load_conflict_documents(tx, &mut world, ids.iter().copied())?;
            let about: BTreeMap<DocumentKey, i64> = world.conflicts.values().flat_map(documents_of).map(|key| (key, i64::MAX)).collect();
            load_documents(tx, &mut world, &about)?;
            for id in ids {
                let Some(before) = world.conflicts.get(&id) else { continue };
                let conflict = self.lifted(before.clone());
                let moved = world.docs.get(&DocumentKey::conflict(id)).is_some_and(|own| own.audience != world.conflict_audience(before));
                if conflict != *before || moved {
                    world.write_conflict(conflict, self.by.by, self.by.at);
                }
            }
            self.write(tx, world)?;
        }
    }

    /// A question in the form of the new schema. Its sides stay what they were: an answer that is under way still holds.
    fn lifted(&self, mut conflict: Conflict) -> Conflict {
        if let Some(lens) = self.schema.lens(&conflict.collection, self.from) {
            conflict.fields = lifted_fields(conflict.fields, &lens);
        }
        for part in &mut conflict.documents {
            if let Some(lens) = self.schema.lens(&part.collection, self.from) {
                part.fields = lifted_fields(std::mem::take(&mut part.fields), &lens);
            }
        }
        conflict
    }
}

/// A value in another form, or under another name, is as old as it was: whoever wrote it.
fn keep_stamps(fields: &mut FieldVersions, before: &FieldVersions, lens: &Lens, version: i64) {
    for (name, FieldVersion(_, stamp)) in &before.0 {
        if let Some(field) = fields.0.get_mut(lens.name_of(name)).filter(|field| field.0 == version) {
            field.1 = *stamp;
        }
    }
}

fn lifted_fields(fields: BTreeMap<String, DisputedField>, lens: &Lens) -> BTreeMap<String, DisputedField> {
    let taken: Vec<String> = fields.keys().cloned().collect();
    let lifted = |(path, field): (String, DisputedField)| {
        let value = |value| lens.lift_value(&path, value);
        let field = DisputedField { base: value(field.base), ours: value(field.ours), theirs: value(field.theirs), ..field };
        let place = lens.lift_pointer(&path).filter(|place| !taken.contains(place));
        (place.unwrap_or(path), field)
    };
    fields.into_iter().map(lifted).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_named_or_whole() {
        let record = |schema: &Value| checked(schema).map(|sent| sent.map(|sent| sent.record()));
        assert_eq!(record(&Value::Null), Ok(None));
        for (name, stored) in [("wedding", "\"wedding@3\""), ("wedding@1", "\"wedding\""), ("wedding@2", "\"wedding@2\"")] {
            assert_eq!(record(&json!(name)), Ok(Some(stored.into())));
        }
        let inline = json!({"name":"party","version":1,"collections":{"songs":{}}});
        assert_eq!(record(&inline), Ok(Some(inline.to_string())));
        for (schema, place, word) in [
            (json!("weding"), "/schema", "wedding"),
            (json!("wedding@99"), "/schema", "wedding"),
            (json!({"name":"x","version":1,"collections":{"Bad":{}}}), "/schema/collections/Bad", "Bad"),
            (json!({"name":"x"}), "/schema/collections", "missing"),
            (
                json!({"name":"x","version":1,"collections":{"a":{"fields":{"f":{"type":"txt"}}}}}),
                "/schema/collections/a/fields/f/type",
                "text",
            ),
            (json!(7), "/schema", "object"),
        ] {
            let problem = checked(&schema).unwrap_err();
            assert_eq!((problem.code, problem.pointer.as_deref()), (Code::Malformed, Some(place)));
            assert!(problem.detail.contains(word), "{}", problem.detail);
        }
    }

    #[test]
    fn a_schema_of_ones_own_is_bounded() {
        let padded = |bytes: usize| {
            let schema = |name: usize| json!({"name":"x".repeat(name),"version":1,"collections":{}});
            schema(bytes - schema(0).to_string().len())
        };
        assert!(checked(&padded(MAX_SCHEMA_BYTES)).is_ok());
        let problem = checked(&padded(MAX_SCHEMA_BYTES + 1)).unwrap_err();
        assert_eq!((problem.code, problem.pointer.as_deref()), (Code::TooLarge, Some("/schema")));
        assert!(problem.detail.contains("131073 bytes") && problem.detail.contains("131072"), "{}", problem.detail);
    }
}
