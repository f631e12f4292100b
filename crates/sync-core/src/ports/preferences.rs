//! What people chose before, counted by context, and the rules that they switched on.

use super::StoreResult;
use crate::{OrganisationId, Timestamp, UserId};

/// Whose decisions, about what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PreferenceKey {
    /// `user:UUID`, `role:NAME` or `organisation`.
    pub scope: String,
    /// The context, as `merge_engine::preference` names it.
    pub context: String,
}

/// How often each choice was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferenceRow {
    /// Whose decisions, about what.
    pub key: PreferenceKey,
    /// What was live.
    pub ours: i64,
    /// What the sender wrote.
    pub theirs: i64,
    /// What both started from.
    pub base: i64,
    /// Something else.
    pub value: i64,
    /// When the last one was made.
    pub last_at: Timestamp,
}

/// A rule: somebody wants such questions decided in this way without being asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferenceRule {
    /// Who switched it on, for what is theirs to decide.
    pub user_id: UserId,
    /// What it rests on.
    pub key: PreferenceKey,
    /// `ours`, `theirs` or `base`.
    pub choose: String,
    /// When it was switched on.
    pub since: Timestamp,
}

/// Rows of preferences. All of one organisation.
pub trait PreferenceRows {
    /// Adds to what was counted; a number below zero takes back. No key twice.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn add_preferences(&mut self, organisation_id: OrganisationId, rows: &[PreferenceRow]) -> StoreResult<()>;

    /// The rows of these keys, in any order; unknown keys are left out.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_preferences(&mut self, organisation_id: OrganisationId, keys: &[PreferenceKey]) -> StoreResult<Vec<PreferenceRow>>;

    /// The rows of one scope, by context, after one, at most `limit`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_preferences(
        &mut self,
        organisation_id: OrganisationId,
        scope: &str,
        after: Option<&str>,
        limit: i64,
    ) -> StoreResult<Vec<PreferenceRow>>;

    /// Forgets rows, and every rule that rests on them.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_preferences(&mut self, organisation_id: OrganisationId, keys: &[PreferenceKey]) -> StoreResult<()>;

    /// Stores rules over what stood for their (user, key).
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_rules(&mut self, organisation_id: OrganisationId, rules: &[PreferenceRule]) -> StoreResult<()>;

    /// Switches a rule of a user off.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_rule(&mut self, organisation_id: OrganisationId, user_id: UserId, key: &PreferenceKey) -> StoreResult<()>;

    /// The rules of these users, by (user, scope, context).
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_rules(&mut self, organisation_id: OrganisationId, user_ids: &[UserId]) -> StoreResult<Vec<PreferenceRule>>;
}
