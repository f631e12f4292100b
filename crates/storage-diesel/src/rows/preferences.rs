//! What people chose before.

use diesel::Queryable;
use sync_core::UserId;
use sync_core::ports::{PreferenceKey, PreferenceRow, PreferenceRule};

use super::Row;
use crate::values::{Id, Instant};

#[derive(Queryable)]
pub(crate) struct PreferenceRecord {
    key: (String, String),
    counted: (i64, i64, i64, i64),
    last_at: Instant,
}

impl Row for PreferenceRecord {
    type Value = PreferenceRow;

    fn into_value(self) -> PreferenceRow {
        let (scope, context) = self.key;
        let (ours, theirs, base, value) = self.counted;
        PreferenceRow { key: PreferenceKey { scope, context }, ours, theirs, base, value, last_at: self.last_at.0 }
    }
}

#[derive(Queryable)]
pub(crate) struct RuleRecord {
    user_id: Id,
    key: (String, String),
    choose: String,
    since: Instant,
}

impl Row for RuleRecord {
    type Value = PreferenceRule;

    fn into_value(self) -> PreferenceRule {
        let (scope, context) = self.key;
        let key = PreferenceKey { scope, context };
        PreferenceRule { user_id: UserId(self.user_id.0), key, choose: self.choose, since: self.since.0 }
    }
}
