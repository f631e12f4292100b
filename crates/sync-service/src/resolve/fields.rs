//! Deciding the fields of a question about one document.

use sync_core::conflict::{Conflict, Side};
use sync_core::json::pointer_tokens;
use sync_core::limits::MAX_DOCUMENT_BYTES;
use sync_core::protocol::v1::Resolution;
use sync_core::{Code, DocumentKey, Problem};

use super::choice::{choices, choose, counted, outcome, together};
use super::desk::{Desk, Progress};
use super::right;
use crate::conflicts::unknown_conflict;
use crate::push::working::{live_value, refresh, settle};
use crate::push::{Asker, NewState};

impl Desk<'_> {
    pub(super) fn decide_fields(&mut self, mut conflict: Conflict, resolution: &Resolution, asker: Asker) -> Result<Progress, Problem> {
        let key = DocumentKey::new(&conflict.collection, &conflict.document_id).ok_or_else(unknown_conflict)?;
        let choices = choices(&self.seen(&conflict), resolution, |path| self.may_decide(&conflict, path))?;
        let choices = match self.world.schema.collection(key.collection()) {
            Some(collection) => together(&conflict, choices, &collection.groups)?,
            None => choices,
        };
        let mut progress = Progress::default();
        let doc = self.world.docs.get(&key).ok_or_else(unknown_conflict)?;
        right::check(&self.world, (&key, doc), (&conflict, &choices), asker)?;
        let policy = &self.world.policies.of(key.collection()).policy;
        let mut state = NewState { body: doc.body.clone(), live: doc.is_live() };
        let by = Side { role: Some(self.world.role), ..asker.side() };
        let asked = conflict.clone();
        let marks = self.world.docs.get(&DocumentKey::conflict(conflict.conflict_id)).map(|own| own.fields.clone()).unwrap_or_default();
        let mut decided: Vec<String> = Vec::new();
        for (path, choice) in &choices {
            let Some(field) = conflict.fields.get_mut(path).filter(|field| field.decided.is_none()) else { continue };
            // what stood before is what an answer that is taken back brings back
            field.ours = live_value(doc, path, policy);
            let changed = self.world.view.changed_at(&asked, (path, field), &marks);
            if changed > resolution.version || !choose(&mut state, (path, policy), field, choice) {
                progress.stale = true;
                continue;
            }
            field.decide(counted(choice).as_str(), outcome(field, choice), by.clone());
            decided.push(path.clone());
        }
        if decided.is_empty() {
            return Ok(progress);
        }
        progress.decided = true;
        self.check(&key, &state, &decided)?;
        conflict.resolved_by = Some(by);
        self.count(&conflict, asker.by.op_id, 1);
        for (path, choice) in choices.iter().filter(|(path, _)| resolution.remember && decided.contains(path)) {
            self.remember(&conflict, (&conflict.collection, path), counted(choice));
        }
        let id = conflict.conflict_id;
        self.world.conflicts.insert(id, conflict);
        progress.version = self.put(&key, state, asker);
        if let Some(conflict) = self.world.conflicts.get(&id).cloned() {
            settle(&mut self.world, conflict, asker);
        }
        // what changes nothing in the document changes the question at least
        progress.version = progress.version.or_else(|| self.world.conflicts.get(&id).map(|conflict| conflict.version));
        Ok(progress)
    }

    /// Puts a document's new state in place, where it is another one. Gives the version.
    pub(super) fn put(&mut self, key: &DocumentKey, state: NewState, asker: Asker) -> Option<i64> {
        let differs = self.world.docs.get(key).is_some_and(|doc| doc.body != state.body || doc.is_live() != state.live);
        if !differs {
            return None;
        }
        let version = self.world.change(key, state, asker.by, asker.at, (asker.at.millis(), 0));
        refresh(&mut self.world, key, asker);
        Some(version)
    }

    /// What a person chose must fit the schema and the limit like anything else.
    pub(super) fn check(&self, key: &DocumentKey, state: &NewState, paths: &[String]) -> Result<(), Problem> {
        if !state.live {
            return Ok(());
        }
        let touched: Vec<String> = paths.iter().filter_map(|path| pointer_tokens(path)?.into_iter().next()).collect();
        if let Some(collection) = self.world.schema.collection(key.collection()) {
            let names: Vec<String> = if touched.is_empty() { state.body.keys().cloned().collect() } else { touched };
            collection.check(&state.body, &names)?;
        }
        // what the caller does not see, counts for nobody
        let mut seen = state.body.clone();
        self.world.view.leave_out(key.collection(), &mut seen, &state.body);
        let bytes = serde_json::to_string(&seen).map_or(0, |text| text.len());
        if bytes > MAX_DOCUMENT_BYTES {
            let detail = format!("with this the document would be {bytes} bytes; at most {MAX_DOCUMENT_BYTES}: choose something shorter");
            return Err(Problem::new(Code::TooLarge, detail));
        }
        Ok(())
    }
}
