use sync_core::ports::{PreferenceKey, PreferenceRow, PreferenceRows, PreferenceRule, StoreResult};
use sync_core::{OrganisationId, UserId};

use super::{MemoryTx, count};

impl PreferenceRows for MemoryTx<'_> {
    fn add_preferences(&mut self, organisation_id: OrganisationId, rows: &[PreferenceRow]) -> StoreResult<()> {
        let state = self.writable()?;
        for row in rows {
            let place = (organisation_id, row.key.clone());
            let mut sum = row.clone();
            if let Some(before) = state.preferences.get(&place) {
                sum.ours += before.ours;
                sum.theirs += before.theirs;
                sum.base += before.base;
                sum.value += before.value;
            }
            state.preferences.put(place, sum);
        }
        Ok(())
    }

    fn load_preferences(&mut self, organisation_id: OrganisationId, keys: &[PreferenceKey]) -> StoreResult<Vec<PreferenceRow>> {
        let all = self.state.preferences.iter().filter(|((own, key), _)| *own == organisation_id && keys.contains(key));
        Ok(all.map(|(_, row)| row.clone()).collect())
    }

    fn list_preferences(
        &mut self,
        organisation_id: OrganisationId,
        scope: &str,
        after: Option<&str>,
        limit: i64,
    ) -> StoreResult<Vec<PreferenceRow>> {
        let rows = self.state.preferences.iter().filter(|((own, key), _)| *own == organisation_id && key.scope == scope);
        let rows = rows.filter(|((_, key), _)| after.is_none_or(|after| key.context.as_str() > after));
        Ok(rows.map(|(_, row)| row.clone()).take(count(limit)).collect())
    }

    fn drop_preferences(&mut self, organisation_id: OrganisationId, keys: &[PreferenceKey]) -> StoreResult<()> {
        let state = self.writable()?;
        for key in keys {
            state.preferences.remove(&(organisation_id, key.clone()));
            let rests = |(own, _, on): &&(OrganisationId, UserId, PreferenceKey)| *own == organisation_id && on == key;
            for place in state.rules.keys().filter(rests).cloned().collect::<Vec<_>>() {
                state.rules.remove(&place);
            }
        }
        Ok(())
    }

    fn put_rules(&mut self, organisation_id: OrganisationId, rules: &[PreferenceRule]) -> StoreResult<()> {
        let state = self.writable()?;
        for rule in rules {
            state.rules.put((organisation_id, rule.user_id, rule.key.clone()), rule.clone());
        }
        Ok(())
    }

    fn drop_rule(&mut self, organisation_id: OrganisationId, user_id: UserId, key: &PreferenceKey) -> StoreResult<()> {
        self.writable()?.rules.remove(&(organisation_id, user_id, key.clone()));
        Ok(())
    }

    fn list_rules(&mut self, organisation_id: OrganisationId, user_ids: &[UserId]) -> StoreResult<Vec<PreferenceRule>> {
        let rules = self.state.rules.iter().filter(|((own, user, _), _)| *own == organisation_id && user_ids.contains(user));
        Ok(rules.map(|(_, rule)| rule.clone()).collect())
    }
}
