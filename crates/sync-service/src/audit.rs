//! The audit log: whoever does something that is to be known later writes an [`Act`] in the same transaction.

mod export;
mod fields;
mod gossip;
mod keys;
mod proof;
mod reading;
mod results;
mod sequence;
mod tree;
mod vouch;

use std::fmt::Display;

use audit_log::{Particulars, commitment};
use serde_json::{Value, json};
use sync_core::json::{Object, RawJson};
use sync_core::ports::{AuditRecord, Entropy, StoreResult, Tx};
use sync_core::{DeviceId, OrganisationId, SpaceId, Timestamp, UserId};

pub(crate) use self::fields::may_not;
pub(crate) use self::gossip::untold;
pub(crate) use self::keys::Keys;
pub use self::proof::Included;
pub use self::reading::{AuditQuery, MAX_AUDIT_RECORDS};
pub(crate) use self::results::{Answered, AnsweredDocument, of_answers, of_push, of_refused_answers, of_unread};
use crate::Caller;

/// Something that was done. An action has a dotted name, such as `device.revoke`.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    organisation_id: OrganisationId,
    space_id: Option<SpaceId>,
    action: &'static str,
    user_id: Option<UserId>,
    device_id: Option<DeviceId>,
    subject: Option<String>,
    reason: Option<String>,
    trace: Option<String>,
    details: Object,
}

impl Act {
    /// What a caller does; on the command line they have no device.
    pub(crate) fn by(caller: &Caller, action: &'static str) -> Self {
        Self {
            user_id: Some(caller.user_id),
            device_id: Some(caller.device_id).filter(|device_id| !device_id.0.is_nil()),
            trace: caller.trace.map(|trace| format!("{trace:032x}")),
            ..Self::of(caller.organisation_id, action)
        }
    }

    /// What nobody who is logged in does: the server by itself, or somebody who fails to log in.
    pub(crate) fn of(organisation_id: OrganisationId, action: &'static str) -> Self {
        let (space_id, user_id, device_id, subject, reason, trace, details) = Default::default();
        Self { organisation_id, space_id, action, user_id, device_id, subject, reason, trace, details }
    }

    /// In which space.
    pub(crate) fn in_space(self, space_id: SpaceId) -> Self {
        Self { space_id: Some(space_id), ..self }
    }

    /// To what or whom: an id.
    pub(crate) fn about(self, subject: &dyn Display) -> Self {
        Self { subject: Some(subject.to_string()), ..self }
    }

    /// Why, in their words.
    pub(crate) fn because(self, reason: Option<&str>) -> Self {
        Self { reason: reason.map(str::to_owned), ..self }
    }

    /// What else is known: the members of an object.
    pub(crate) fn with(mut self, details: Value) -> Self {
        if let Value::Object(members) = details {
            self.details.extend(members);
        }
        self
    }

    /// The results of a unit of work.
    pub(crate) fn listing(mut self, results: Vec<Value>) -> Self {
        self.details.insert("results".into(), Value::Array(results));
        self
    }

    /// What was changed from what to what; nothing where both are the same.
    pub(crate) fn changing(mut self, name: &str, from: impl Into<Value>, to: impl Into<Value>) -> Self {
        let (from, to) = (from.into(), to.into());
        if from != to {
            let changes = self.details.entry("changes").or_insert_with(|| json!({}));
            if let Some(changes) = changes.as_object_mut() {
                changes.insert(name.to_owned(), json!({"from": from, "to": to}));
            }
        }
        self
    }

    fn into_record(self, entropy: &(dyn Entropy + 'static), now: Timestamp) -> AuditRecord {
        let mut salt = [0; audit_log::SALT_BYTES];
        entropy.fill(&mut salt);
        let particulars = Particulars {
            user_id: self.user_id,
            device_id: self.device_id,
            subject: self.subject.as_deref(),
            reason: self.reason.as_deref(),
            trace: self.trace.as_deref(),
            details: &self.details,
        };
        let commitment = *commitment(&salt, &particulars).as_bytes();
        AuditRecord {
            record_id: entropy.uuid_v7(now),
            organisation_id: self.organisation_id,
            space_id: self.space_id,
            at: now,
            action: self.action.to_owned(),
            commitment: Some(commitment),
            leaf_index: None,
            salt: Some(salt),
            user_id: self.user_id,
            device_id: self.device_id,
            details: Some(RawJson::from_object(&self.details)),
            subject: self.subject,
            reason: self.reason,
            trace: self.trace,
        }
    }
}

/// Organisations that are told of an act in one statement.
const ORGANISATIONS: i64 = 500;

/// Writes an act into the log of each organisation: what is done to the installation is done to all of them. To be called
/// in the transaction that has the effect.
///
/// # Errors
/// [`sync_core::ports::StoreError`].
pub(crate) fn write_for_all(
    tx: &mut dyn Tx,
    entropy: &(dyn Entropy + 'static),
    now: Timestamp,
    act: impl Fn(OrganisationId) -> Act,
) -> StoreResult<()> {
    let mut after = None;
    loop {
        let page = tx.list_organisations(after, ORGANISATIONS)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.organisation_id);
        write(tx, entropy, now, page.iter().map(|organisation| act(organisation.organisation_id)))?;
    }
}

/// The commitment of an act that is in nobody's log, after the work that a record takes.
pub(crate) fn commitment_of(act: Act, entropy: &(dyn Entropy + 'static), now: Timestamp) -> Option<[u8; 32]> {
    act.into_record(entropy, now).commitment
}

/// Writes acts: to be called in the transaction that has their effect. One statement, however many they are.
///
/// # Errors
/// [`sync_core::ports::StoreError`].
pub(crate) fn write(
    tx: &mut dyn Tx,
    entropy: &(dyn Entropy + 'static),
    now: Timestamp,
    acts: impl IntoIterator<Item = Act>,
) -> StoreResult<()> {
    let records: Vec<AuditRecord> = acts.into_iter().map(|act| act.into_record(entropy, now)).collect();
    if records.is_empty() { Ok(()) } else { tx.insert_audit_records(&records) }
}
