//! What people chose before, and the rules that they switched on.

use diesel::prelude::*;
use sync_core::ports::{PreferenceKey, PreferenceRow, PreferenceRows, PreferenceRule, StoreResult};
use sync_core::{OrganisationId, UserId};

use super::dialect;
use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::{PreferenceRecord, RuleRecord};
use crate::schema::{preference_rules as rules, preferences};

/// The columns of a [`PreferenceRecord`].
type Counted = (
    (preferences::scope, preferences::context),
    (preferences::ours, preferences::theirs, preferences::base, preferences::value),
    preferences::last_at,
);

const COUNTED: Counted = (
    (preferences::scope, preferences::context),
    (preferences::ours, preferences::theirs, preferences::base, preferences::value),
    preferences::last_at,
);

impl PreferenceRows for Rows<'_> {
    fn add_preferences(&mut self, organisation_id: OrganisationId, rows: &[PreferenceRow]) -> StoreResult<()> {
        // always in the same order, so that two transactions that do so at once wait for each other and never deadlock
        let mut rows: Vec<_> = rows.iter().collect();
        rows.sort_by_key(|row| &row.key);
        let bulk = Insert::<preferences::table, _>::into("preferences", &rows, Taken::Replace)
            .key(preferences::organisation_id, |_| organisation_id.as_bytes())
            .key(preferences::scope, |row| &row.key.scope)
            .key(preferences::context, |row| &row.key.context)
            .adding(preferences::ours, |row| row.ours)
            .adding(preferences::theirs, |row| row.theirs)
            .adding(preferences::base, |row| row.base)
            .adding(preferences::value, |row| row.value)
            .column(preferences::last_at, |row| row.last_at.millis())
            .build();
        self.insert(&bulk).map(drop)
    }

    fn load_preferences(&mut self, organisation_id: OrganisationId, keys: &[PreferenceKey]) -> StoreResult<Vec<PreferenceRow>> {
        let mut scopes: Vec<&str> = keys.iter().map(|key| key.scope.as_str()).collect();
        scopes.sort_unstable();
        scopes.dedup();
        let contexts: Vec<&str> = keys.iter().map(|key| key.context.as_str()).collect();
        let found = self.load_each(&contexts, |conn, contexts| -> QueryResult<Vec<PreferenceRecord>> {
            preferences::table
                .filter(preferences::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .filter(preferences::scope.eq_any(scopes.iter().copied()))
                .filter(dialect::any_of!(preferences::context, contexts.iter().map(|context| **context)))
                .select(COUNTED)
                .load(conn)
        })?;
        // scopes and contexts were asked for crosswise
        Ok(found.into_iter().filter(|row| keys.contains(&row.key)).collect())
    }

    fn list_preferences(
        &mut self,
        organisation_id: OrganisationId,
        scope: &str,
        after: Option<&str>,
        limit: i64,
    ) -> StoreResult<Vec<PreferenceRow>> {
        self.load(|conn| -> QueryResult<Vec<PreferenceRecord>> {
            preferences::table
                .filter(preferences::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .filter(preferences::scope.eq(scope))
                .filter(preferences::context.gt(after.unwrap_or_default()))
                .order(preferences::context)
                .limit(limit)
                .select(COUNTED)
                .load(conn)
        })
    }

    fn drop_preferences(&mut self, organisation_id: OrganisationId, keys: &[PreferenceKey]) -> StoreResult<()> {
        for key in keys {
            let counted = preferences::table
                .filter(preferences::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .filter(preferences::scope.eq(&key.scope))
                .filter(preferences::context.eq(&key.context));
            let resting = rules::table
                .filter(rules::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .filter(rules::scope.eq(&key.scope))
                .filter(rules::context.eq(&key.context));
            self.send(|conn| {
                diesel::delete(counted).execute(conn)?;
                diesel::delete(resting).execute(conn)
            })?;
        }
        Ok(())
    }

    fn put_rules(&mut self, organisation_id: OrganisationId, put: &[PreferenceRule]) -> StoreResult<()> {
        let mut put: Vec<_> = put.iter().collect();
        put.sort_by_key(|rule| (rule.user_id, &rule.key));
        let bulk = Insert::<rules::table, _>::into("preference_rules", &put, Taken::Replace)
            .key(rules::organisation_id, |_| organisation_id.as_bytes())
            .key(rules::user_id, |rule| rule.user_id.as_bytes())
            .key(rules::scope, |rule| &rule.key.scope)
            .key(rules::context, |rule| &rule.key.context)
            .column(rules::choose, |rule| &rule.choose)
            .column(rules::since, |rule| rule.since.millis())
            .build();
        self.insert(&bulk).map(drop)
    }

    fn drop_rule(&mut self, organisation_id: OrganisationId, user_id: UserId, key: &PreferenceKey) -> StoreResult<()> {
        let own = rules::table
            .filter(rules::organisation_id.eq(organisation_id.as_bytes().as_slice()))
            .filter(rules::user_id.eq(user_id.as_bytes().as_slice()))
            .filter(rules::scope.eq(&key.scope))
            .filter(rules::context.eq(&key.context));
        self.send(|conn| diesel::delete(own).execute(conn)).map(drop)
    }

    fn list_rules(&mut self, organisation_id: OrganisationId, user_ids: &[UserId]) -> StoreResult<Vec<PreferenceRule>> {
        let mut found = self.load_each(user_ids, |conn, ids| -> QueryResult<Vec<RuleRecord>> {
            rules::table
                .filter(rules::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .filter(dialect::any_of!(rules::user_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .select((rules::user_id, (rules::scope, rules::context), rules::choose, rules::since))
                .load(conn)
        })?;
        found.sort_unstable_by(|one, other| (one.user_id, &one.key).cmp(&(other.user_id, &other.key)));
        Ok(found)
    }
}
