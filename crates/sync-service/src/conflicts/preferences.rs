//! What people chose before: listed, switched on and off, forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;

use merge_engine::preference::suggest;
use serde_json::json;
use sync_core::ports::{PreferenceKey, PreferenceRow, PreferenceRule, StoreResult, Tx};
use sync_core::protocol::v1::inbox::{PreferenceItem, PreferenceList, PutPreferenceRequest, SideChoice};
use sync_core::{Code, Problem, Role, UserId};

use crate::access::{require_session, require_writable};
use crate::audit::{self, Act};
use crate::inbox::learn::{ORGANISATION, about, suggestion, tally_of};
use crate::inbox::people::{People, ask_user};
use crate::inbox::words::sentence_case;
use crate::{Caller, Service, ServiceResult};

/// The most preferences on one page.
const MAX_PREFERENCES: i64 = 200;
/// The scope of the caller's own decisions, as it is told.
const PERSON: &str = "person";

/// Which preferences to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferenceQuery {
    /// `person`, `role:NAME` or `organisation`.
    pub scope: String,
    /// At most this many. One outside 1–200 is brought within.
    pub limit: i64,
    /// After this context.
    pub after: Option<String>,
}

impl Default for PreferenceQuery {
    fn default() -> Self {
        Self { scope: PERSON.into(), limit: MAX_PREFERENCES, after: None }
    }
}

impl Service {
    /// What was decided before, by context, with what it suggests and whether the caller switched it on.
    ///
    /// # Errors
    /// `malformed` for a scope that there is none of; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn list_preferences(&self, caller: &Caller, query: PreferenceQuery) -> ServiceResult<PreferenceList> {
        let caller = *caller;
        let scope = stored_scope(&caller, &query.scope)?;
        let limit = query.limit.clamp(1, MAX_PREFERENCES);
        let work = move |tx: &mut dyn Tx| {
            require_session(tx, &caller)?;
            let mut rows = tx.list_preferences(caller.organisation_id, &scope, query.after.as_deref(), limit + 1)?;
            let more = i64::try_from(rows.len()).unwrap_or(i64::MAX) > limit;
            rows.truncate(usize::try_from(limit).unwrap_or_default());
            let next = rows.last().filter(|_| more).map(|row| row.key.context.clone());
            Ok(PreferenceList { items: items(tx, &caller, &rows)?, next })
        };
        self.decide(caller.read(), work).await
    }

    /// Switches a rule on or off for the caller: questions that are theirs to decide are decided in this way without
    /// asking, as long as what was chosen before speaks for it.
    ///
    /// # Errors
    /// `unknown_preference`, `malformed` where nothing is suggested and no side is named; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn put_preference(&self, caller: &Caller, request: PutPreferenceRequest) -> ServiceResult<PreferenceItem> {
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        let key = PreferenceKey { scope: stored_scope(&caller, &request.scope)?, context: request.context.clone() };
        let work = move |tx: &mut dyn Tx| {
            require_writable(tx, &caller)?;
            let row = tx.load_preferences(caller.organisation_id, std::slice::from_ref(&key))?.pop().ok_or_else(unknown_preference)?;
            let choose = if request.enabled { Some(side_of(&request, &row)?) } else { None };
            match choose {
                Some(choose) => {
                    let rule = PreferenceRule { user_id: caller.user_id, key: key.clone(), choose: choose.to_owned(), since: now };
                    tx.put_rules(caller.organisation_id, &[rule])?;
                }
                None => tx.drop_rule(caller.organisation_id, caller.user_id, &key)?,
            }
            let act = Act::by(&caller, "preferences.switch").about(&key.scope);
            audit::write(tx, &*entropy, now, [act.with(json!({"context": key.context, "choose": choose}))])?;
            Ok(items(tx, &caller, &[row])?.pop().ok_or_else(unknown_preference)?)
        };
        self.decide(caller.write(), work).await
    }

    /// Forgets what was decided before: one context, or all of one's own. What is not only one's own, an admin forgets.
    ///
    /// # Errors
    /// `malformed`, `forbidden`; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn forget_preferences(&self, caller: &Caller, scope: &str, context: Option<String>) -> ServiceResult<()> {
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        let scope = stored_scope(&caller, scope)?;
        if scope != ask_user(caller.user_id) && !caller.admin {
            return Err(Problem::new(Code::Forbidden, "What others decided too is forgotten by an admin of the organisation.").into());
        }
        let work = move |tx: &mut dyn Tx| {
            require_writable(tx, &caller)?;
            let act = Act::by(&caller, "preferences.forget").about(&scope).with(json!({"context": context}));
            audit::write(tx, &*entropy, now, [act])?;
            match &context {
                Some(context) => {
                    let key = PreferenceKey { scope: scope.clone(), context: context.clone() };
                    Ok(tx.drop_preferences(caller.organisation_id, &[key])?)
                }
                None => Ok(forget_all(tx, &caller, &scope)?),
            }
        };
        self.decide(caller.write(), work).await
    }
}

/// The side that is chosen from now on: the one that is named, or the one that is suggested.
fn side_of(request: &PutPreferenceRequest, row: &PreferenceRow) -> Result<&'static str, Problem> {
    let suggested = || suggest(&[tally_of(row)]).map(|advice| advice.choose.as_str());
    request.choose.map(SideChoice::as_str).or_else(suggested).ok_or_else(no_side)
}

/// Forgets everything of a scope, page by page.
fn forget_all(tx: &mut dyn Tx, caller: &Caller, scope: &str) -> StoreResult<()> {
    loop {
        let rows = tx.list_preferences(caller.organisation_id, scope, None, MAX_PREFERENCES)?;
        if rows.is_empty() {
            return Ok(());
        }
        let keys: Vec<PreferenceKey> = rows.into_iter().map(|row| row.key).collect();
        tx.drop_preferences(caller.organisation_id, &keys)?;
    }
}

/// The scope as it is stored.
fn stored_scope(caller: &Caller, scope: &str) -> Result<String, Problem> {
    match scope.split_once(':') {
        None if scope == PERSON => Ok(ask_user(caller.user_id)),
        None if scope == ORGANISATION => Ok(scope.to_owned()),
        Some(("role", name)) if Role::parse(name).is_some() => Ok(scope.to_owned()),
        _ => {
            let detail = format!("scope is to be person, role:NAME or organisation, and not {scope:?}");
            Err(Problem::new(Code::Malformed, detail).at("/scope"))
        }
    }
}

fn unknown_preference() -> Problem {
    Problem::new(Code::UnknownPreference, "nothing was decided in this context yet; GET lists those that there are")
}

fn no_side() -> Problem {
    let detail = "former decisions suggest no side here; say which with choose: ours, theirs or base";
    Problem::new(Code::Malformed, detail).at("/choose")
}

/// Rows as they are told, with the caller's rules.
fn items(tx: &mut dyn Tx, caller: &Caller, rows: &[PreferenceRow]) -> StoreResult<Vec<PreferenceItem>> {
    let mut people = People::default();
    people.meet_all(tx, caller.organisation_id, rows.iter().flat_map(|row| people_in(&row.key)).chain([caller.user_id]).collect())?;
    let rules = tx.list_rules(caller.organisation_id, &[caller.user_id])?;
    let rules: BTreeMap<&PreferenceKey, &PreferenceRule> = rules.iter().map(|rule| (&rule.key, rule)).collect();
    Ok(rows.iter().map(|row| item(caller, row, &people, rules.get(&row.key).copied())).collect())
}

/// The people whom a context names.
fn people_in(key: &PreferenceKey) -> impl Iterator<Item = UserId> + '_ {
    key.context.split(['/', '>']).filter_map(|part| part.parse().ok())
}

fn item(caller: &Caller, row: &PreferenceRow, people: &People, rule: Option<&PreferenceRule>) -> PreferenceItem {
    let tally = tally_of(row);
    let field = row.key.context.split('/').nth(1).unwrap_or_default().replace("~1", "/").replace("~0", "~");
    let label = sentence_case(&field);
    let told = suggest(&[tally]).map(|advice| suggestion(advice, &row.key, people, &label));
    let own = row.key.scope == ask_user(caller.user_id);
    PreferenceItem {
        scope: if own { PERSON.into() } else { row.key.scope.clone() },
        context: row.key.context.clone(),
        about: about(&row.key, people, &label),
        ours: tally.ours,
        theirs: tally.theirs,
        base: tally.base,
        value: tally.value,
        samples: tally.samples(),
        choose: told.as_ref().map(|told| told.choose.clone()),
        confidence: told.as_ref().map(|told| told.confidence),
        reason: told.map(|told| told.reason),
        last_at: row.last_at,
        enabled: rule.is_some(),
        enabled_choose: rule.map(|rule| rule.choose.clone()),
        enabled_at: rule.map(|rule| rule.since),
    }
}
