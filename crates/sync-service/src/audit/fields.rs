//! What the operations of a record changed from and to. The log itself holds no values: they are rebuilt from the change log,
//! for those who read them. Sensitive ones are left out, until somebody who may read them has one revealed, which is an act of
//! its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use sync_core::json::Object;
use sync_core::ports::{Access, AuditRecord, ChangeRow, DocumentRow, History, SpaceAccess, StoreResult, Tx};
use sync_core::protocol::v1::audit::{AuditField, RevealRequest};
use sync_core::{Audience, Code, DocumentKey, Problem, Schema, SpaceId};
use uuid::Uuid;

use super::reading::{Reach, results_of};
use super::{Act, write};
use crate::access::{self, Standing, require_session};
use crate::view::{Subject, View};
use crate::{Caller, Service, ServiceResult};

/// Documents whose changes are rebuilt for one record.
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
            let Some(past) = Past::load(tx, &caller, &record)? else { return Err(may_not().into()) };
            let found = past.fields().into_iter().find(|told| told.0.document == request.document && told.0.field == request.field);
            let untold = || {
                let detail = "this record does not change that field of that document, or the history does not tell any more what it was";
                Problem::new(Code::UnknownDocument, detail)
            };
            let (field, reads) = found.ok_or_else(untold)?;
            if !reads {
                return Err(may_not().into());
            }
            let act = Act::by(&caller, "field.reveal")
                .in_space(past.access.space.space_id)
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

/// The fields that a record's operations changed, as the caller sees them.
pub(super) fn of_record(tx: &mut dyn Tx, caller: &Caller, record: &AuditRecord) -> StoreResult<Vec<AuditField>> {
    let Some(past) = Past::load(tx, caller, record)? else { return Ok(Vec::new()) };
    let shown = |(field, reads): (AuditField, bool)| {
        let masked = !reads || past.is_sensitive(&field);
        if masked { AuditField { from: None, to: None, masked, ..field } } else { field }
    };
    Ok(past.fields().into_iter().map(shown).collect())
}

/// A change that a record tells of.
struct Told {
    key: DocumentKey,
    version: i64,
    fields: Vec<String>,
}

/// The documents that a record is about, with their changes since.
struct Past {
    access: SpaceAccess,
    view: View,
    told: Vec<Told>,
    rows: BTreeMap<DocumentKey, DocumentRow>,
    changes: BTreeMap<DocumentKey, Vec<ChangeRow>>,
}

impl Past {
    /// `None` where the caller is no member of the space: values are for members.
    fn load(tx: &mut dyn Tx, caller: &Caller, record: &AuditRecord) -> StoreResult<Option<Self>> {
        let Some(space_id) = record.space_id else { return Ok(None) };
        let standing = access::load(tx, caller, &[space_id])?.remove(&space_id);
        let Some(Standing::Member(access)) = standing else { return Ok(None) };
        let damaged = || sync_core::ports::StoreError::Damaged(format!("the schema of space {space_id}"));
        let schema = Schema::of_space(access.space.schema.as_deref()).ok_or_else(damaged)?;
        let mut told: Vec<Told> = results_of(record).iter().filter_map(told).collect();
        told.retain(|told| told.version > access.head.history_from);
        told.truncate(MAX_DOCUMENTS);
        let (rows, changes) = load_past(tx, space_id, &told)?;
        let view = View::of(&access, &schema, caller.user_id);
        Ok(Some(Self { access, view, told, rows, changes }))
    }

    /// Each field with what it was and became, and whether the caller reads it.
    fn fields(&self) -> Vec<(AuditField, bool)> {
        let mut all = Vec::new();
        for told in &self.told {
            let Some(row) = self.rows.get(&told.key) else { continue };
            let (before, after) = (self.at(row, told.version - 1), self.at(row, told.version));
            let now = Subject::of_row(row).is_ok_and(|subject| self.view.sees(&subject));
            let sees = now && self.is_shown(row, &before) && self.is_shown(row, &after);
            for field in &told.fields {
                let value = |body: &Object| Some(body.get(field).cloned().unwrap_or(Value::Null));
                let reads = sees && self.view.reads(told.key.collection(), field, Some(&after));
                let document = told.key.as_str().to_owned();
                let (from, to) = (value(&before), value(&after));
                all.push((AuditField { document, version: told.version, field: field.clone(), from, to, masked: false }, reads));
            }
        }
        all
    }

    /// Whether the document, in a state that it had, was in the caller's view; what was not there is hidden from nobody.
    fn is_shown(&self, row: &DocumentRow, body: &Object) -> bool {
        let name = row.key.collection();
        let audience = self.view.schema.collection(name).map_or(Audience::EVERYONE, |collection| collection.audience(body));
        body.is_empty() || self.view.sees_body(name, audience, body)
    }

    fn is_sensitive(&self, field: &AuditField) -> bool {
        let collection = field.document.split('/').next().unwrap_or_default();
        self.view.is_sensitive(collection, &field.field)
    }

    /// The document at a version: later changes taken back, newest first.
    fn at(&self, row: &DocumentRow, version: i64) -> Object {
        let mut body = row.body.object();
        let later = self.changes.get(&row.key).into_iter().flatten().take_while(|change| change.version > version);
        for (name, value) in later.flat_map(|change| change.before.object()) {
            if value.is_null() {
                body.remove(&name);
            } else {
                body.insert(name, value);
            }
        }
        body
    }
}

/// What a result tells of a change; nothing where it made none.
fn told(result: &Value) -> Option<Told> {
    let key = DocumentKey::from_stored(result.get("document")?.as_str()?.to_owned()).filter(|key| !key.id().is_empty())?;
    let fields = result.get("fields")?.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned);
    Some(Told { key, version: result.get("version")?.as_i64()?, fields: fields.collect() })
}

type Rows = BTreeMap<DocumentKey, DocumentRow>;
type Changes = BTreeMap<DocumentKey, Vec<ChangeRow>>;

/// Reads the documents that changes are about, and their history back to before them.
fn load_past(tx: &mut dyn Tx, space_id: SpaceId, told: &[Told]) -> StoreResult<(Rows, Changes)> {
    let keys: Vec<DocumentKey> = told.iter().map(|told| told.key.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    let mut changes = Changes::new();
    if keys.is_empty() {
        return Ok((Rows::new(), changes));
    }
    let rows: Rows = tx.load_documents(space_id, &keys)?.into_iter().map(|row| (row.key.clone(), row)).collect();
    let first = |key: &DocumentKey| told.iter().filter(|told| told.key == *key).map(|told| told.version - 1).min();
    let histories: Vec<History> = rows
        .values()
        .filter_map(|row| Some(History { from: row.version, above: first(&row.key)? }))
        .filter(|history| history.from > history.above)
        .collect();
    if !histories.is_empty() {
        for change in tx.list_changes(space_id, &histories)? {
            changes.entry(change.key.clone()).or_default().push(change);
        }
    }
    Ok((rows, changes))
}
