//! The numbers of questions. A unit of work gives them at its end: after those of the documents, and in the order of the
//! questions' ids. Which question was touched first, and how often, may depend on what only some see of it; the order of
//! their versions, which everybody sees who is asked, does not.

use std::collections::BTreeMap;

use sync_core::json::RawJson;
use sync_core::{ConflictId, DocumentKey};

use super::world::World;

impl World {
    /// Gives the questions that were touched the numbers that they keep. Numbers that they had meanwhile are nobody's.
    pub(super) fn number_questions(&mut self) {
        let is_in_order = self.questions_are_in_order();
        let touched: BTreeMap<ConflictId, i64> = self.meanwhile.iter().map(|(version, id)| (*id, *version)).collect();
        for (id, version) in touched {
            let version = if is_in_order { version } else { self.next_version() };
            self.renumber(id, version);
        }
    }

    /// Whether each question has one number, above those of the documents, and they follow their ids.
    fn questions_are_in_order(&self) -> bool {
        let documents = self.staged.last().map_or(self.head_before, |change| change.version);
        let is_above = self.meanwhile.keys().next().is_none_or(|first| *first > documents);
        is_above && self.meanwhile.values().is_sorted_by(|one, next| one < next)
    }

    fn renumber(&mut self, id: ConflictId, version: i64) {
        let since = self.head_before;
        let (Some(conflict), Some(doc)) = (self.conflicts.get_mut(&id), self.docs.get_mut(&DocumentKey::conflict(id))) else { return };
        let renew = |number: &mut i64| {
            if *number > since {
                *number = version;
            }
        };
        conflict.version = version;
        conflict.all_fields_mut().for_each(|field| renew(&mut field.changed));
        doc.version = version;
        for number in [&mut doc.presence.created, &mut doc.presence.live_since, &mut doc.audience_version, &mut doc.foreign_version] {
            renew(number);
        }
        doc.fields.0.values_mut().for_each(|mark| renew(&mut mark.0));
        doc.body = RawJson::of(conflict).object();
    }

    /// What became of a version that was told before questions were numbered.
    pub(crate) fn version_now(&self, version: i64) -> i64 {
        let question = self.meanwhile.get(&version).and_then(|id| self.docs.get(&DocumentKey::conflict(*id)));
        question.map_or(version, |doc| doc.version)
    }
}
