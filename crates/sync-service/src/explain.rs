//! Explain: why an operation came out as it did, rebuilt from what is stored: its payload, its chain, and the change log.

mod asked;
mod fields;
mod intents;
mod past;

use std::collections::BTreeSet;
use std::sync::Arc;

use merge_engine::{Decision as HowDecided, Policy};
use serde_json::Value;
use sync_core::conflict::{Conflict, DisputedField};
use sync_core::document::CONFLICTS;
use sync_core::json::{Object, RawJson, pointer_tokens};
use sync_core::ports::{SpaceAccess, StoreError, StoreResult, StoredOperation, Tx};
use sync_core::protocol::v1::explain::{Base, BaseSource, Decided, Explanation, FieldExplanation, ReadBy, Sender};
use sync_core::schema::lens::Lens;
use sync_core::{Code, ConflictId, DocumentKey, Kind, OpId, Problem, Role, Schema, Status, Timestamp};

use self::asked::{asked, questions_of};
use self::fields::Case;
use self::past::Decision as _;
pub(crate) use self::past::Past;
use crate::access::{self, Standing, require_session};
use crate::push::working::{Known, load_known, payload_of};
use crate::view::{Subject, View};
use crate::{Caller, Service, ServiceResult};

impl Service {
    /// Why an operation came out as it did, for its sender and for the members who may see its document: now, and as it
    /// was before and after. What was refused is shown to its sender and to leads.
    ///
    /// # Errors
    /// `unknown_operation`; the store's.
    pub async fn explain(&self, caller: &Caller, op_id: OpId) -> ServiceResult<Explanation> {
        let caller = *caller;
        let work = move |tx: &mut dyn Tx| {
            require_session(tx, &caller)?;
            Ok(Reader::open(tx, &caller, op_id)?.map(|reader| reader.explain(tx)).transpose()?.flatten())
        };
        let found = self.decide(caller.read(), work).await?;
        let unknown = || Problem::new(Code::UnknownOperation, "there is no operation under this op_id about anything that you may see");
        Ok(found.ok_or_else(unknown)?)
    }
}

/// A stored operation, and what its reader is to it.
struct Reader {
    known: Known,
    is_sender: bool,
    access: Option<SpaceAccess>,
    /// What they see of the space; of one in which they are no member, nothing is told.
    view: View,
    /// What an operation and a document were in an older form of it is told in the present one.
    schema: Arc<Schema>,
}

impl Reader {
    fn open(tx: &mut dyn Tx, caller: &Caller, op_id: OpId) -> StoreResult<Option<Self>> {
        let Some(found) = tx.load_results(caller.organisation_id, &[op_id])?.pop() else { return Ok(None) };
        let space_id = found.space_id;
        let access = match access::load(tx, caller, &[space_id])?.remove(&space_id) {
            Some(Standing::Member(access)) => Some(access),
            _ => None,
        };
        let is_sender = found.user_id == caller.user_id;
        if !(is_sender || access.is_some()) {
            return Ok(None);
        }
        let schema = match &access {
            Some(access) => Schema::of_space(access.space.schema.as_deref())
                .ok_or_else(|| StoreError::Damaged(format!("the schema of space {space_id}")))?,
            None => Schema::open(),
        };
        let known = load_known(tx, caller.organisation_id, &schema, [op_id].into())?.remove(&op_id);
        let view = match &access {
            Some(access) => View::of(access, &schema, caller.user_id),
            None => View::whole(&schema, (Role::Viewer, caller.user_id)),
        };
        Ok(known.map(|known| Self { known, is_sender, access, view, schema }))
    }

    /// The explanation, where the reader may see it.
    fn explain(self, tx: &mut dyn Tx) -> StoreResult<Option<Explanation>> {
        let row = &self.known.row;
        let payload = row.payload.object();
        let key = DocumentKey::from_stored(row.key.clone()).filter(|key| !key.id().is_empty());
        let past = match (&self.access, &key) {
            (Some(access), Some(key)) => Past::load(tx, (access, &self.view), key, row)?,
            _ => None,
        };
        let intent = match &self.access {
            Some(access) => intents::fields(tx, (access, &self.view), row, past.as_ref().and_then(Past::conflict).as_ref())?,
            None => Vec::new(),
        };
        let sees = match (&self.access, &past) {
            (Some(_), Some(past)) => past.is_shown(&self.view),
            // whoever may see one of the documents
            (Some(_), None) if !intent.is_empty() => true,
            // of what is not there, or not any more, leads are told
            (Some(access), None) => access.member.role.may_manage(),
            (None, _) => false,
        };
        let may = if row.status.satisfies() { sees } else { self.access.as_ref().is_some_and(|access| access.member.role.may_manage()) };
        if !(self.is_sender || may) {
            return Ok(None);
        }
        let fields = match (&past, &self.access, sees && row.status.satisfies()) {
            (_, _, true) if !intent.is_empty() => intent,
            (Some(past), Some(_), true) => {
                let all = self.fields(tx, past, &payload)?;
                let (told, seen) = (!all.is_empty(), seen_of(all, past, &self.view));
                if told && seen.is_empty() && !self.is_sender {
                    // nothing that it touched is there for them
                    return Ok(None);
                }
                seen
            }
            _ => Vec::new(),
        };
        self.told(tx, (&payload, key.as_ref()), (past.as_ref(), sees), fields).map(Some)
    }

    /// What is told of an operation beside its fields.
    fn told(
        &self,
        tx: &mut dyn Tx,
        (payload, key): (&Object, Option<&DocumentKey>),
        (past, sees): (Option<&Past>, bool),
        fields: Vec<FieldExplanation>,
    ) -> StoreResult<Explanation> {
        let row = &self.known.row;
        let mut base = self.base(payload, past);
        let (mut status, mut version) = (row.status, row.decided_version);
        let hides = key.map_or(self.view.role != Role::Lead, |key| self.view.hides_members(key.collection()));
        if !self.is_sender && hides {
            // what others had seen is another version for them, and what came of the rest is not told
            base.version = None;
            (status, version) = came_of(&fields, row);
            // the last of what an intent moved may be hidden
            version = version.filter(|_| key.is_some());
        }
        let read_by = match (&self.access, version) {
            (Some(access), Some(version)) if sees => read_by(tx, access, version)?,
            _ => Vec::new(),
        };
        let mut conflict_id = None;
        for id in questions_of(&self.known) {
            if conflict_id.is_none() && question(tx, row, id, &self.view)?.is_some() {
                conflict_id = Some(id);
            }
        }
        let explanation = explanation(row, payload, key, (base, fields, read_by));
        Ok(Explanation { conflict_id, version, status: status.as_str(), ..explanation })
    }

    fn base(&self, payload: &Object, past: Option<&Past>) -> Base {
        let version = payload.get("base_version").and_then(Value::as_i64);
        let inline = payload.get("base").is_some_and(Value::is_object);
        let chained = self.known.origin.before.is_some() || payload.get("after").is_some_and(Value::is_string);
        let source = match version {
            None | Some(0) if !chained => BaseSource::None,
            _ if chained => BaseSource::Chain,
            Some(version) if past.is_some_and(|past| self.may_have_seen(past, version)) => BaseSource::History,
            _ if inline => BaseSource::Inline,
            _ => BaseSource::None,
        };
        Base { version, source }
    }

    fn fields(&self, tx: &mut dyn Tx, past: &Past, payload: &Object) -> StoreResult<Vec<FieldExplanation>> {
        let row = &self.known.row;
        if past.row.key.collection() == CONFLICTS {
            let subject = Subject::of_row(&past.row)?;
            let seen = past.conflict().and_then(|conflict| self.view.ask(conflict, (&subject.fields, subject.version)));
            return Ok(seen.map(|(conflict, _)| answered(&conflict, payload)).unwrap_or_default());
        }
        let (Some(kind), patch) = payload_of(row) else { return Ok(Vec::new()) };
        let said_in = payload.get("schema").and_then(Value::as_u64).and_then(|version| u32::try_from(version).ok());
        let lens = self.schema.lens(past.row.key.collection(), said_in.unwrap_or_else(|| self.schema.version_at(row.head)));
        let patch = match &lens {
            Some(lens) if kind == Kind::Create => lens.lift_document(&patch),
            Some(lens) => lens.lift_patch(&patch),
            None => patch,
        };
        let inline = payload.get("base").and_then(Value::as_object);
        let inline = inline.map(|base| lens.as_ref().map_or_else(|| base.clone(), |lens| lens.lift_patch(base)));
        let base = self.sender_view(tx, past, payload, kind)?;
        let asked = asked(tx, &self.known)?;
        let decisions = decisions(row, self.schema.lens(past.row.key.collection(), self.schema.version_at(row.head)).as_ref());
        let policy = Policy::of(&self.schema, past.row.key.collection());
        let (before, after) = (past.at(row.before()), past.at(row.after()));
        let states = (past.tells(row.before())).then_some((&before, &after));
        let unknown = if base.is_some() {
            BTreeSet::new()
        } else {
            patch.keys().filter(|name| inline.as_ref().is_none_or(|base| !base.contains_key(*name))).cloned().collect()
        };
        let mut base = base.or(inline).unwrap_or_default();
        base.retain(|_, value| !value.is_null());
        Ok(fields::explain(&Case {
            kind,
            patch: &patch,
            base: &base,
            unknown: &unknown,
            states,
            disputed: &asked,
            decisions: &decisions,
            policy: &policy,
        }))
    }

    /// Whether the log tells the document at a base, and both the sender and the reader may know it as it was then: nobody
    /// reads what was hidden by claiming to have seen it.
    fn may_have_seen(&self, past: &Past, version: i64) -> bool {
        past.tells(version) && version <= self.known.row.head && self.access.is_some() && past.seen_at(version, &self.view)
    }

    /// What the sender had seen: the log at the base, with their chain laid over it; `None` where the log does not tell.
    fn sender_view(&self, tx: &mut dyn Tx, past: &Past, payload: &Object, kind: Kind) -> StoreResult<Option<Object>> {
        let version = payload.get("base_version").and_then(Value::as_i64).unwrap_or_default();
        let fresh = kind == Kind::Create || version == 0;
        if !(fresh || self.may_have_seen(past, version)) {
            return Ok(None);
        }
        let mut body = if fresh { Object::new() } else { past.at(version).unwrap_or_default() };
        let after = payload.get("after").and_then(Value::as_str).and_then(|text| text.parse().ok());
        if let Some(before) = self.known.origin.before.or(after) {
            let known = load_known(tx, self.known.row.organisation_id, &self.schema, [before].into())?.remove(&before);
            if let Some(known) = known.filter(|known| known.row.user_id == self.known.row.user_id) {
                known.overlay.beyond(version).lay_over(&mut body);
            }
        }
        Ok(Some(body))
    }
}

/// How the places of an operation were decided, under their present names.
fn decisions(row: &StoredOperation, lens: Option<&Lens>) -> Vec<HowDecided> {
    let mut decisions: Vec<HowDecided> = row.decisions.as_ref().and_then(RawJson::read).unwrap_or_default();
    for decision in &mut decisions {
        if let Some(place) = lens.and_then(|lens| lens.lift_pointer(&decision.path)) {
            decision.path = place;
        }
    }
    decisions
}

/// What an answer to a question made of its fields.
fn answered(conflict: &Conflict, payload: &Object) -> Vec<FieldExplanation> {
    let named = payload.get("fields").and_then(Value::as_object);
    let chosen = |path: &String| named.is_none_or(|named| named.contains_key(path));
    let field = |(path, field): (&String, &DisputedField)| {
        let (decided, reason) = match field.decided.as_deref() {
            None => (Decided::Conflict, "the question had changed since it was seen, and is still open"),
            Some("ours") => (Decided::Ours, "an answer kept what was live"),
            Some("theirs") => (Decided::Theirs, "an answer chose what the sender of the other side wrote"),
            Some("agreed") => (Decided::Noop, "both sides came to agree"),
            Some(_) => (Decided::Merged, "an answer chose something else"),
        };
        let outcome = match decided {
            _ if field.masked => Value::Null,
            Decided::Theirs => field.theirs.clone(),
            Decided::Merged => named.and_then(|named| named.get(path)?.get("value").cloned()).unwrap_or_else(|| field.base.clone()),
            _ => field.ours.clone(),
        };
        FieldExplanation {
            path: path.clone(),
            strategy: field.strategy.clone().map_or("ask".into(), Into::into),
            base: field.base.clone(),
            ours: field.ours.clone(),
            theirs: field.theirs.clone(),
            outcome,
            decided,
            reason: reason.into(),
            masked: field.masked,
        }
    };
    conflict.fields.iter().filter(|(path, _)| chosen(path)).map(field).collect()
}

/// The fields that a reader may read; of a whole document, the members. Of those of which it is told that they differ, the
/// values are left out.
fn seen_of(fields: Vec<FieldExplanation>, past: &Past, view: &View) -> Vec<FieldExplanation> {
    let name = past.row.key.collection();
    // what is said of a question was looked at as such
    if name == CONFLICTS || view.is_plain(name) {
        return fields;
    }
    let body = past.row.body.object();
    let seen = |mut field: FieldExplanation| {
        let sides = [&mut field.base, &mut field.ours, &mut field.theirs, &mut field.outcome];
        match first_token(&field.path) {
            Some(member) if view.reads(name, &member, Some(&body)) => {}
            Some(member) if view.is_told_of(name, &member) => {
                for value in sides {
                    *value = Value::Null;
                }
                field.masked = true;
            }
            Some(_) => return None,
            None => {
                for value in sides {
                    if let Value::Object(members) = value {
                        view.leave_out(name, members, &body);
                    }
                }
                if field.base.as_object().is_some_and(Object::is_empty) {
                    // as one is told in which there was nothing
                    field.base = Value::Null;
                }
            }
        }
        Some(field)
    };
    fields.into_iter().filter_map(seen).collect()
}

fn first_token(path: &str) -> Option<String> {
    pointer_tokens(path)?.into_iter().next()
}

/// The question that an operation asked, as a reader sees it.
fn question(tx: &mut dyn Tx, row: &StoredOperation, id: ConflictId, view: &View) -> StoreResult<Option<Conflict>> {
    let Some(stored) = tx.load_documents(row.space_id, &[DocumentKey::conflict(id)])?.pop() else { return Ok(None) };
    let subject = Subject::of_row(&stored)?;
    let conflict: Option<Conflict> = stored.body.read().filter(|_| view.sees(&subject));
    Ok(conflict.and_then(|conflict| view.ask(conflict, (&subject.fields, stored.version))).map(|(conflict, _)| conflict))
}

/// What came of an operation, by the fields that are seen of it alone.
fn came_of(fields: &[FieldExplanation], row: &StoredOperation) -> (Status, Option<i64>) {
    let any = |decided: Decided| fields.iter().any(|field| field.decided == decided);
    let changed = any(Decided::Theirs) || any(Decided::Merged);
    let status = match row.status {
        status if !status.satisfies() => status,
        _ if any(Decided::Conflict) => Status::Conflict,
        _ if !changed => Status::Noop,
        _ if any(Decided::Ours) || any(Decided::Merged) => Status::Merged,
        _ => Status::Applied,
    };
    (status, row.decided_version.filter(|_| changed))
}

/// The devices that showed a cursor at or above a version.
fn read_by(tx: &mut dyn Tx, access: &SpaceAccess, version: i64) -> StoreResult<Vec<ReadBy>> {
    let shown = tx.list_presented(access.space.space_id)?;
    Ok(shown.into_iter().filter(|shown| shown.floor >= version).map(|shown| ReadBy { device_id: shown.device_id, at: shown.at }).collect())
}

fn explanation(
    row: &StoredOperation,
    payload: &Object,
    key: Option<&DocumentKey>,
    (base, fields, read_by): (Base, Vec<FieldExplanation>, Vec<ReadBy>),
) -> Explanation {
    let text = |name: &str| payload.get(name).and_then(Value::as_str);
    Explanation {
        op_id: row.op_id,
        status: row.status.as_str(),
        space_id: row.space_id,
        collection: row.key.split('/').next().unwrap_or_default().to_owned(),
        document_id: key.map(|key| key.id().to_owned()),
        kind: text("kind").unwrap_or("resolution").to_owned(),
        by: Sender { user_id: row.user_id, device_id: row.device_id },
        created_at: text("created_at").and_then(Timestamp::parse),
        corrected_at: row.corrected_at.unwrap_or(row.decided_at),
        // an operation is decided with the time at which its request arrived
        received_at: row.decided_at,
        decided_at: row.decided_at,
        base,
        after: text("after").and_then(|text| text.parse().ok()),
        group: row.group.clone(),
        policy_version: row.policy_version,
        fields,
        version: row.decided_version,
        conflict_id: row.conflict_id,
        attempts: 1,
        problem: row.problem.clone(),
        read_by,
    }
}
