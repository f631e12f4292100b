//! What the operations of a record changed from and to. The log itself holds no values: they are rebuilt from the change log,
//! for those who read them. Sensitive ones are left out, until somebody who may read them has one revealed, which is an act of
//! its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use sync_core::json::Object;
use sync_core::ports::{Access, AuditRecord, ChangeRow, DocumentRow, History, SpaceAccess, StoreResult, Tx};
use sync_core::protocol::v1::audit::{AuditField, RevealRequest};
use sync_core::schema::lens::Lens;
use sync_core::{Code, DocumentKey, Problem, Schema, SpaceId};
use uuid::Uuid;

use super::reading::{Reach, results_of};
use super::{Act, write};
use crate::access::{self, Standing, require_session};
use crate::explain::Past;
use crate::view::{Subject, View};
use crate::{Caller, Service, ServiceResult};

/// Documents whose changes are rebuilt for one record; the answer says where there are more.
const MAX_DOCUMENTS: usize = 100;

impl Service {
    /// What a sensitive field was changed from and to, for somebody whose role reads it. That they looked is recorded, in the
    /// transaction that reads it.
    ///
    /// # Errors
    /// `unknown_record`; `forbidden` where their role does not read the field; `unknown_document` where the record does not
    /// change it, or the history does not tell; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn reveal_audit(&self, caller: &Caller, record_id: Uuid, request: RevealRequest) -> ServiceResult<AuditField> {
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        let work = move |tx: &mut dyn Tx| {
            require_session(tx, &caller)?;
            let record = Reach::load(tx, &caller)?.find(tx, record_id)?;
            let Some(account) = Account::load(tx, &caller, (&record, Some(&request.document)))? else { return Err(may_not().into()) };
            let found = account.fields().into_iter().find(|told| told.0.field == request.field);
            let untold = || {
                let detail = "this record does not change that field of that document, or the history does not tell any more what it was";
                Problem::new(Code::UnknownDocument, detail)
            };
            let (field, reads) = found.ok_or_else(untold)?;
            if !reads {
                return Err(may_not().into());
            }
            let act = Act::by(&caller, "field.reveal")
                .in_space(account.access.space.space_id)
                .about(&record_id)
                .because(request.reason.as_deref())
                .with(json!({"document": field.document, "field": field.field, "version": field.version}));
            write(tx, &*entropy, now, [act])?;
            Ok(field)
        };
        self.decide(caller.oversee(Access::Write), work).await
    }
}

/// The problem of a field that the caller does not read.
pub(crate) fn may_not() -> Problem {
    Problem::new(Code::Forbidden, "your role in this space does not read this field. Ask a lead of the space")
}

/// The fields that a record's operations changed, as the caller sees them, and whether some were left out as too many.
pub(super) fn of_record(tx: &mut dyn Tx, caller: &Caller, record: &AuditRecord) -> StoreResult<(Vec<AuditField>, bool)> {
    let Some(account) = Account::load(tx, caller, (record, None))? else { return Ok((Vec::new(), false)) };
    let shown = |(field, reads): (AuditField, bool)| {
        let masked = !reads || account.is_sensitive(&field);
        if masked { AuditField { from: None, to: None, masked, ..field } } else { field }
    };
    Ok((account.fields().into_iter().map(shown).collect(), account.truncated))
}

/// A change that a record tells of.
struct Told {
    key: DocumentKey,
    version: i64,
    /// Which members; `None` for those that differ: it was deleted.
    fields: Option<Vec<String>>,
    /// The version of the schema in whose words the fields are named, where the operation said one.
    said_in: Option<u32>,
}

/// The documents that a record is about, with their changes since.
struct Account {
    access: SpaceAccess,
    view: View,
    told: Vec<Told>,
    /// Whether it is about more documents than are looked at.
    truncated: bool,
    logs: BTreeMap<DocumentKey, Past>,
}

impl Account {
    /// Of what a record tells, all or one document's. `None` where the caller is no member of the space: values are for members.
    fn load(tx: &mut dyn Tx, caller: &Caller, (record, document): (&AuditRecord, Option<&str>)) -> StoreResult<Option<Self>> {
        let Some(space_id) = record.space_id else { return Ok(None) };
        let standing = access::load(tx, caller, &[space_id])?.remove(&space_id);
        let Some(Standing::Member(access)) = standing else { return Ok(None) };
        let damaged = || sync_core::ports::StoreError::Damaged(format!("the schema of space {space_id}"));
        let schema = Schema::of_space(access.space.schema.as_deref()).ok_or_else(damaged)?;
        let mut told: Vec<Told> = results_of(record).iter().flat_map(told).collect();
        let is_asked_for = |told: &Told| document.is_none_or(|document| told.key.as_str() == document);
        told.retain(|told| told.version > access.head.history_from && is_asked_for(told));
        let truncated = cut(&mut told);
        let logs = load_logs(tx, (space_id, &schema), &told)?;
        let view = View::of(&access, &schema, caller.user_id);
        Ok(Some(Self { access, view, told, truncated, logs }))
    }

    /// Each field with what it was and became, by its present name, and whether the caller reads it.
    fn fields(&self) -> Vec<(AuditField, bool)> {
        let logs = self.told.iter().filter_map(|told| Some((told, self.logs.get(&told.key)?)));
        logs.flat_map(|(told, log)| self.fields_of(told, log)).collect()
    }

    fn fields_of(&self, told: &Told, log: &Past) -> Vec<(AuditField, bool)> {
        let (schema, collection) = (&self.view.schema, told.key.collection());
        let lens: Option<Lens> = schema.lens(collection, told.said_in.unwrap_or_else(|| schema.version_at(told.version)));
        let around = [told.version - 1, told.version];
        let is_there = Subject::of_row(&log.row).is_ok_and(|subject| self.view.sees(&subject));
        let sees = is_there && around.iter().all(|version| log.seen_at(*version, &self.view));
        let states = around.map(|version| log.at(version));
        let field = |name: &str| {
            let [from, to] = states.each_ref().map(|state| {
                let value = state.as_ref().and_then(|body| body.get(name));
                Some(value.cloned().unwrap_or(Value::Null))
            });
            let document = told.key.as_str().to_owned();
            let field = AuditField { document, version: told.version, field: name.to_owned(), from, to, masked: false };
            (field, sees && self.reads(collection, name, &states))
        };
        let present = |said: &String| field(lens.as_ref().map_or(said.as_str(), |lens| lens.name_of(said)));
        match &told.fields {
            Some(said) => said.iter().map(present).collect(),
            // nobody said these names: they are for whoever reads them
            None => differing(&states).into_iter().map(field).filter(|(_, reads)| *reads).collect(),
        }
    }

    /// Whether the caller reads a member in each state in which the document was there: whoever an operation made its owner
    /// does not read what it was before.
    fn reads(&self, collection: &str, member: &str, states: &[Option<Object>]) -> bool {
        let mut there = states.iter().flatten().peekable();
        if there.peek().is_none() {
            return self.view.reads(collection, member, None);
        }
        there.all(|body| self.view.reads(collection, member, Some(body)))
    }

    fn is_sensitive(&self, field: &AuditField) -> bool {
        let collection = field.document.split('/').next().unwrap_or_default();
        self.view.is_sensitive(collection, &field.field)
    }
}

/// The members that differ between two states.
fn differing(states: &[Option<Object>; 2]) -> BTreeSet<&str> {
    let [before, after] = states.each_ref().map(Option::as_ref);
    let names = [before, after].into_iter().flatten().flat_map(Object::keys);
    names.filter(|name| before.and_then(|body| body.get(*name)) != after.and_then(|body| body.get(*name))).map(String::as_str).collect()
}

/// What a result tells of changes, of one document or of several; nothing where it made none.
fn told(result: &Value) -> Vec<Told> {
    let parts = result.get("documents").and_then(Value::as_array).into_iter().flatten();
    std::iter::once(result).chain(parts).filter_map(|part| told_of(part, result)).collect()
}

fn told_of(part: &Value, result: &Value) -> Option<Told> {
    let key = DocumentKey::from_stored(part.get("document")?.as_str()?.to_owned()).filter(|key| !key.id().is_empty())?;
    let names = |fields: &Value| Some(fields.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>());
    let fields = part.get("fields").map(names);
    let is_deleted = || result.get("kind").and_then(Value::as_str) == Some("delete");
    let fields = fields.map_or_else(|| is_deleted().then_some(None), |names| names.map(Some))?;
    let said_in = result.get("schema").and_then(Value::as_u64).and_then(|version| u32::try_from(version).ok());
    let version = part.get("version").or_else(|| result.get("version"))?.as_i64()?;
    Some(Told { key, version, fields, said_in })
}

/// Keeps what is told of so many documents; whether any was left out.
fn cut(told: &mut Vec<Told>) -> bool {
    let (mut kept, all) = (BTreeSet::new(), told.len());
    told.retain(|told| kept.contains(&told.key) || (kept.len() < MAX_DOCUMENTS && kept.insert(told.key.clone())));
    told.len() < all
}

/// Reads the documents that changes are about, and their history back to before them.
fn load_logs(tx: &mut dyn Tx, (space_id, schema): (SpaceId, &Arc<Schema>), told: &[Told]) -> StoreResult<BTreeMap<DocumentKey, Past>> {
    let mut first: BTreeMap<DocumentKey, i64> = BTreeMap::new();
    for told in told {
        let before = told.version - 1;
        first.entry(told.key.clone()).and_modify(|first| *first = before.min(*first)).or_insert(before);
    }
    if first.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = tx.load_documents(space_id, &first.keys().cloned().collect::<Vec<_>>())?;
    let histories: Vec<History> = rows
        .iter()
        .filter_map(|row| Some(History { from: row.version, above: *first.get(&row.key)? }))
        .filter(|history| history.from > history.above)
        .collect();
    let mut changes: BTreeMap<DocumentKey, Vec<ChangeRow>> = BTreeMap::new();
    for change in if histories.is_empty() { Vec::new() } else { tx.list_changes(space_id, &histories)? } {
        changes.entry(change.key.clone()).or_default().push(change);
    }
    let log = |row: DocumentRow| {
        let (changes, from) = (changes.remove(&row.key).unwrap_or_default(), first.get(&row.key).copied().unwrap_or(row.version));
        (row.key.clone(), Past::new(row, changes, (from, Arc::clone(schema))))
    };
    Ok(rows.into_iter().map(log).collect())
}
