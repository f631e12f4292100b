//! Deciding a group's conflict as a whole.

use std::collections::BTreeSet;

use serde_json::Value;
use sync_core::conflict::{Conflict, ConflictState, DisputedField, Side};
use sync_core::json::{Object, pointer, pointer_tokens};
use sync_core::operation::Kind;
use sync_core::protocol::v1::{Choice, Resolution};
use sync_core::{Code, OpId, Operation, Problem, Stamp};

use super::choice::{counted, outcome};
use super::desk::{Desk, Progress};
use crate::push::working::{Answered, answer_shift, close, live_value, refresh};
use crate::push::{Asker, Mode, Overlay, Sent, decide};

/// Why nothing of a group was applied.
enum Stopped {
    /// One of its operations can't be applied any more.
    CannotApply,
    /// It writes what only others may.
    NotOwner,
}

impl Desk<'_> {
    pub(super) fn decide_group(&mut self, mut conflict: Conflict, resolution: &Resolution, asker: Asker) -> Result<Progress, Problem> {
        let theirs = match &resolution.whole {
            Some(Choice::Ours) => false,
            Some(Choice::Theirs) => true,
            _ => return Err(Problem::new(Code::Malformed, "a group is decided as a whole: send choose, ours or theirs").at("/choose")),
        };
        if conflict.state == ConflictState::Resolved {
            return Ok(Progress::default());
        }
        let stale = Progress { stale: true, ..Progress::default() };
        if conflict.documents.iter().flat_map(|part| part.fields.values()).any(|field| field.changed > resolution.version) {
            return Ok(stale);
        }
        let mut progress = Progress { decided: true, ..Progress::default() };
        if theirs {
            if self.dispute_news(&mut conflict, resolution.version) {
                self.world.write_conflict(conflict, asker.by, asker.at);
                return Ok(stale);
            }
            match answer_shift(&mut self.world, &conflict, asker) {
                Answered::CannotApply => return Ok(stale),
                Answered::Shifted(told) => {
                    progress.version = told.version();
                    progress.told = Some(told);
                }
                Answered::NoShift => match self.apply_group(&conflict, asker) {
                    Ok(version) => progress.version = version,
                    Err(Stopped::CannotApply) => return Ok(stale),
                    Err(Stopped::NotOwner) => {
                        let detail = "the group writes what you do not own: an owner of all of it may choose theirs";
                        return Err(Problem::new(Code::NotOwner, detail).at("/choose"));
                    }
                },
            }
        }
        let by = Side { role: Some(self.world.role), ..asker.side() };
        let choice = if theirs { Choice::Theirs } else { Choice::Ours };
        for field in conflict.documents.iter_mut().flat_map(|part| part.fields.values_mut()) {
            field.decide(counted(&choice).as_str(), outcome(field, &choice), by.clone());
        }
        conflict.resolved_by = Some(by);
        self.count(&conflict, asker.by.op_id, 1);
        close(&mut self.world, &mut conflict);
        let closed = self.world.write_conflict(conflict, asker.by, asker.at);
        progress.version = progress.version.or(Some(closed));
        Ok(progress)
    }

    /// What others changed after the version that was seen, and the group would overwrite though it was not disputed
    /// before, is disputed now. Whether there is any.
    fn dispute_news(&self, conflict: &mut Conflict, seen: i64) -> bool {
        let changed = self.world.head + 1;
        let operations = self.group_operations(conflict);
        let mut any = false;
        for part in &mut conflict.documents {
            let Some(operation) = operations.iter().find(|operation| operation.op_id == part.op_id) else { continue };
            let Some(doc) = operation.key.as_ref().and_then(|key| self.world.docs.get(key)).filter(|doc| doc.version > seen) else {
                continue;
            };
            let whole = operation.kind == Kind::Delete || !doc.is_live();
            let names = operation.patch.keys().filter(|name| doc.fields.version_of(name) > seen).map(|name| pointer(&[name]));
            let news: Vec<String> = if whole { vec![String::new()] } else { names.collect() };
            for path in news {
                // a place inside the member does not cover what was written beside it
                if part.fields.contains_key("") || part.fields.contains_key(&path) {
                    continue;
                }
                let name = pointer_tokens(&path).and_then(|tokens| tokens.into_iter().next()).unwrap_or_default();
                let theirs = self.sent(operation, &name, &doc.body);
                let policy = operation.key.as_ref().map(|key| &self.world.policies.of(key.collection()).policy);
                let reason = Some("others changed it after the version that was seen".to_owned());
                let live = policy.map(|policy| live_value(doc, &path, policy)).unwrap_or_default();
                let field = DisputedField { reason, ..DisputedField::between(Value::Null, live, theirs, changed) };
                part.fields.insert(path, field);
                any = true;
            }
        }
        any
    }

    /// What the sender made of a member, over what is live; of a whole document, nothing: it is shown by its members.
    fn sent(&self, operation: &Operation, name: &str, live: &Object) -> Value {
        let known = self.world.known.get(&operation.op_id).filter(|_| !name.is_empty());
        known.map_or(Value::Null, |known| known.overlay.value_over(name, live))
    }

    /// What the sender's chain had laid over the document before an operation: a value that goes back to the base is a
    /// change of what the sender saw.
    fn chain_before(&self, operation: &Operation) -> Overlay {
        let known = |op_id: &OpId| self.world.known.get(op_id);
        let before = known(&operation.op_id).and_then(|known| known.origin.before);
        before.as_ref().and_then(known).map(|known| known.overlay.clone()).unwrap_or_default()
    }

    /// Applies a group's operations with their own values; nothing when one of them can't be applied any more.
    fn apply_group(&mut self, conflict: &Conflict, asker: Asker) -> Result<Option<i64>, Stopped> {
        let operations = self.group_operations(conflict);
        let keys: BTreeSet<_> = operations.iter().filter_map(|operation| operation.key.clone()).collect();
        let checkpoint = self.world.checkpoint(keys.iter().cloned());
        let mut version = None;
        for mut operation in operations {
            let Some(key) = operation.key.clone() else { continue };
            let unseen = self.world.known.get(&operation.op_id).is_some_and(|known| known.origin.seen.is_none());
            if unseen && operation.base_version > 0 {
                // a version of another log, or one that the sender could not see: here it means nothing
                operation.base_version = i64::MAX;
            }
            let overlay = self.chain_before(&operation);
            let stamp = Stamp(asker.at.millis(), 0, asker.by.op_id);
            let sent = Sent { operation: &operation, key: &key, overlay: &overlay, stamp };
            let effect = match decide(&self.world, sent, Mode::TheirsWin) {
                Ok(effect) if !effect.beside.proposed.is_empty() => Err(Stopped::NotOwner),
                Ok(effect) if effect.asked.is_none() => Ok(effect),
                _ => Err(Stopped::CannotApply),
            };
            let effect = match effect {
                Ok(effect) => effect,
                Err(stopped) => {
                    self.world.roll_back(checkpoint);
                    return Err(stopped);
                }
            };
            if let Some(state) = effect.change {
                version = Some(self.world.change(&key, state, asker.by, asker.at, (asker.at.millis(), 0)));
            }
        }
        let before = checkpoint.head();
        for key in keys.iter().filter(|key| self.world.docs.get(*key).is_some_and(|doc| doc.version > before)).collect::<Vec<_>>() {
            refresh(&mut self.world, key, asker);
        }
        Ok(version)
    }
}
