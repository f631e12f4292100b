//! Reading the log: admins all of their organisation's, leads what is of their spaces, everybody their own acts.

use std::collections::BTreeMap;

use serde_json::Value;
use sync_core::json::RawJson;
use sync_core::ports::{Access, AuditFilter, AuditRecord, StoreResult, StoredOperation, Tx, Visible};
use sync_core::protocol::v1::audit::{AuditItem, AuditList, AuditState, AuditUser};
use sync_core::{Code, DeviceId, OpId, Problem, SpaceId, Timestamp, UserId};
use uuid::Uuid;

use super::{fields, results};
use crate::access::{list_own, require_session};
use crate::{Caller, Service, ServiceResult};

/// The most records on one page.
pub const MAX_AUDIT_RECORDS: i64 = 200;
/// Spaces over which one list runs.
const MAX_SPACES: i64 = 1_000;
/// Records that are looked through for one operation.
const MAX_LOOKED_AT: i64 = 1_000;

/// Which records to list: those for which everything that is given holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// In this space.
    pub space: Option<SpaceId>,
    /// By this person.
    pub user: Option<UserId>,
    /// On this device.
    pub device: Option<DeviceId>,
    /// Of this action.
    pub action: Option<String>,
    /// About this.
    pub subject: Option<String>,
    /// About this operation: its push, its decision, and what people did to it. All on one page.
    pub op: Option<OpId>,
    /// At this instant or later.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub to: Option<Timestamp>,
    /// At most this many. One outside 1–[`MAX_AUDIT_RECORDS`] is brought within.
    pub limit: i64,
    /// After the last of another page.
    pub after: Option<Uuid>,
}

impl AuditQuery {
    fn filter(&self, reach: &Reach) -> AuditFilter {
        AuditFilter {
            visible: reach.visible.clone(),
            space_id: self.space,
            user_id: self.user,
            device_id: self.device,
            action: self.action.clone(),
            subject: self.subject.clone(),
            from: self.from,
            until: self.to,
        }
    }
}

/// What of the log somebody may see.
pub(super) struct Reach {
    caller: Caller,
    /// `None`: all of the organisation's.
    visible: Option<Visible>,
}

impl Reach {
    pub(super) fn load(tx: &mut dyn Tx, caller: &Caller) -> StoreResult<Self> {
        if caller.admin {
            return Ok(Self { caller: *caller, visible: None });
        }
        let own = list_own(tx, caller, None, MAX_SPACES)?;
        let led = own.iter().filter(|access| access.member.role.may_manage()).map(|access| access.space.space_id);
        Ok(Self { caller: *caller, visible: Some(Visible { user_id: caller.user_id, space_ids: led.collect() }) })
    }

    /// A record that may be seen.
    ///
    /// # Errors
    /// `unknown_record`, the same for one that there is not and one of others; the store's.
    pub(super) fn find(&self, tx: &mut dyn Tx, record_id: Uuid) -> ServiceResult<AuditRecord> {
        let found = tx.find_audit_record(self.caller.organisation_id, record_id)?;
        let unknown =
            || Problem::new(Code::UnknownRecord, "there is no such record of something that you did, or in a space that you lead");
        Ok(found.filter(|record| self.sees(record)).ok_or_else(unknown)?)
    }

    fn sees(&self, record: &AuditRecord) -> bool {
        self.visible.as_ref().is_none_or(|visible| {
            record.user_id == Some(visible.user_id) || record.space_id.is_some_and(|space_id| visible.space_ids.contains(&space_id))
        })
    }
}

impl Service {
    /// The records that the caller may see, newest first.
    ///
    /// # Errors
    /// The store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn list_audit(&self, caller: &Caller, query: AuditQuery) -> ServiceResult<AuditList> {
        let (caller, now) = (*caller, self.now());
        let work = move |tx: &mut dyn Tx| {
            require_session(tx, &caller)?;
            let reach = Reach::load(tx, &caller)?;
            let (records, next) = match query.op {
                Some(op_id) => (of_operation(tx, &reach, &query, op_id)?, None),
                None => page(tx, &reach, &query)?,
            };
            Ok(AuditList { items: present(tx, &caller, records)?, next, server_time: now })
        };
        self.decide(caller.oversee(Access::Read), work).await
    }

    /// One record, with what its operations changed from and to, as far as the history tells and the caller reads it. Values
    /// of sensitive fields are left out.
    ///
    /// # Errors
    /// `unknown_record`; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn get_audit(&self, caller: &Caller, record_id: Uuid) -> ServiceResult<AuditItem> {
        let caller = *caller;
        let work = move |tx: &mut dyn Tx| {
            require_session(tx, &caller)?;
            let record = Reach::load(tx, &caller)?.find(tx, record_id)?;
            let (fields, truncated) = fields::of_record(tx, &caller, &record)?;
            let mut items = present(tx, &caller, vec![record])?;
            let item = items.pop().ok_or_else(|| Problem::new(Code::UnknownRecord, "the record is gone"))?;
            Ok(AuditItem { fields, truncated, ..item })
        };
        self.decide(caller.oversee(Access::Read), work).await
    }
}

/// A page, and where the next begins.
pub(super) fn page(tx: &mut dyn Tx, reach: &Reach, query: &AuditQuery) -> StoreResult<(Vec<AuditRecord>, Option<String>)> {
    let limit = query.limit.clamp(1, MAX_AUDIT_RECORDS);
    let organisation_id = reach.caller.organisation_id;
    // one more than asked tells whether there is a next page
    let mut records = tx.list_audit_records(organisation_id, &query.filter(reach), query.after, limit + 1)?;
    let most = usize::try_from(limit).unwrap_or(0);
    let more = records.len() > most;
    records.truncate(most);
    let next = records.last().filter(|_| more).map(|last| last.record_id.to_string());
    Ok((records, next))
}

/// What is recorded of an operation: the requests and steps in which it was taken and decided, found by their time, and the
/// acts that are about it.
fn of_operation(tx: &mut dyn Tx, reach: &Reach, query: &AuditQuery, op_id: OpId) -> StoreResult<Vec<AuditRecord>> {
    let organisation_id = reach.caller.organisation_id;
    let filter = query.filter(reach);
    let about = AuditFilter { subject: Some(op_id.to_string()), ..filter.clone() };
    let mut found = if query.subject.is_none() { tx.list_audit_records(organisation_id, &about, None, MAX_LOOKED_AT)? } else { Vec::new() };
    if let Some(row) = tx.load_operations(organisation_id, &[op_id])?.pop() {
        for at in times_of(&row) {
            let then = AuditFilter {
                space_id: Some(row.space_id),
                from: filter.from.max(Some(at)),
                until: Some(filter.until.map_or(at.plus_ms(1), |until| until.min(at.plus_ms(1)))),
                ..filter.clone()
            };
            let listed = tx.list_audit_records(organisation_id, &then, None, MAX_LOOKED_AT)?;
            found.extend(listed.into_iter().filter(|record| lists(record, op_id)));
        }
    }
    found.sort_unstable_by_key(|record| std::cmp::Reverse(record.record_id));
    found.dedup_by_key(|record| record.record_id);
    Ok(found)
}

/// When it was decided, and when it came into the queue.
fn times_of(row: &StoredOperation) -> Vec<Timestamp> {
    let mut times = vec![row.decided_at];
    times.extend(row.received_at.filter(|at| *at != row.decided_at));
    times
}

/// Whether a record's results have one of an operation.
fn lists(record: &AuditRecord, op_id: OpId) -> bool {
    let text = op_id.to_string();
    results_of(record).iter().any(|result| result.get("op_id").and_then(Value::as_str) == Some(&text))
}

/// The results that a record lists.
pub(super) fn results_of(record: &AuditRecord) -> Vec<Value> {
    let details = record.details.as_ref().map(RawJson::object).unwrap_or_default();
    match details.get("results") {
        Some(Value::Array(results)) => results::each(results.clone()),
        _ => Vec::new(),
    }
}

/// Records as they are told, with the names that people have now.
pub(super) fn present(tx: &mut dyn Tx, caller: &Caller, records: Vec<AuditRecord>) -> StoreResult<Vec<AuditItem>> {
    let mut user_ids: Vec<UserId> = records.iter().filter_map(|record| record.user_id).collect();
    user_ids.sort_unstable();
    user_ids.dedup();
    let users = tx.load_users(caller.organisation_id, &user_ids)?;
    let names: BTreeMap<UserId, String> = users.into_iter().map(|user| (user.user_id, user.name)).collect();
    Ok(records.into_iter().map(|record| item(record, &names)).collect())
}

fn item(record: AuditRecord, names: &BTreeMap<UserId, String>) -> AuditItem {
    let state = match record.leaf_index {
        None => AuditState::Waiting,
        // what is committed to has a salt
        Some(_) if record.salt.is_none() => AuditState::Redacted,
        Some(_) => AuditState::Sequenced,
    };
    let mut details = record.details.filter(|details| details.as_str() != "{}").map(|details| details.object());
    if let Some(Value::Array(results)) = details.as_mut().and_then(|details| details.get_mut("results")) {
        *results = results::each(std::mem::take(results));
    }
    let details = details.as_ref().map(RawJson::from_object);
    AuditItem {
        record_id: record.record_id,
        at: record.at,
        action: record.action,
        space_id: record.space_id,
        user: record.user_id.map(|user_id| AuditUser { user_id, name: names.get(&user_id).cloned() }),
        device_id: record.device_id,
        subject: record.subject,
        reason: record.reason,
        trace: record.trace,
        details,
        leaf_index: record.leaf_index,
        state,
        fields: Vec::new(),
        truncated: false,
    }
}
