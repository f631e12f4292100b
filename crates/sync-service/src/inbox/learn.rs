//! What former answers suggest for a question, and the rules that people switched on.

use std::collections::{BTreeMap, BTreeSet};

use merge_engine::preference::{Advice, Choice, Situation, Tally, confidence, suggest};
use sync_core::conflict::{AppliedRule, Conflict, ConflictKind, Suggestion};
use sync_core::json::pointer_tokens;
use sync_core::ports::{PreferenceKey, PreferenceRow, PreferenceRule, StoreResult, Tx};
use sync_core::{OrganisationId, Role, Timestamp, UserId};

use super::people::{People, ask_role, ask_user, may_decide};
use super::words::sentence_case;

/// The scope of everybody's decisions.
pub(crate) const ORGANISATION: &str = "organisation";
/// Contexts longer than this are not learned from: a field may have any name.
const LONGEST_CONTEXT: usize = 512;

/// The contexts of a disputed place, the finest first.
pub(crate) fn contexts(conflict: &Conflict, collection: &str, path: &str) -> Vec<String> {
    // a group is answered as a whole
    let is_group = conflict.kind == ConflictKind::Group;
    let (collection, path) = if is_group { (conflict.collection.as_str(), "") } else { (collection, path) };
    let field = pointer_tokens(path).and_then(|tokens| tokens.into_iter().next()).unwrap_or_default();
    let (ours, theirs) = (conflict.ours_by.as_ref(), &conflict.theirs_by);
    let situation = Situation {
        collection,
        field: &field,
        kind: conflict.kind.as_str(),
        roles: ours.and_then(|ours| Some([ours.role?, theirs.role?])),
        people: ours.map(|ours| [ours.user_id, theirs.user_id]),
        nearness: None,
    };
    let mut contexts = situation.contexts();
    if let (Some(finest), Some(nearness), true) = (contexts.first(), &conflict.nearness, situation.roles.is_some() && ours.is_some()) {
        contexts.insert(0, format!("{finest}/{nearness}"));
    }
    contexts.retain(|context| context.len() <= LONGEST_CONTEXT);
    contexts
}

/// Where a decision of somebody counts, the finest first: their own from the field on, their role's by kind and by field,
/// everybody's by field and by collection.
pub(crate) fn keys(contexts: &[String], user_id: UserId, role: Role) -> Vec<PreferenceKey> {
    let collection = contexts.len().saturating_sub(1);
    let key = |scope: &str| {
        let scope = scope.to_owned();
        move |context: &String| PreferenceKey { scope: scope.clone(), context: context.clone() }
    };
    let own = contexts.iter().take(collection).map(key(&ask_user(user_id)));
    let of_role = contexts.iter().take(collection).skip(collection.saturating_sub(2)).map(key(&ask_role(role)));
    let of_all = contexts.iter().skip(collection.saturating_sub(1)).map(key(ORGANISATION));
    own.chain(of_role).chain(of_all).collect()
}

/// Decisions to be counted, or to be taken back.
#[derive(Debug, Default)]
pub(crate) struct Lessons(BTreeMap<PreferenceKey, [i64; 4]>);

impl Lessons {
    /// Counts a decision in all of its contexts; `weight` is −1 for one that is taken back.
    pub(crate) fn count(&mut self, keys: Vec<PreferenceKey>, choice: Choice, weight: i64) {
        for key in keys {
            let counts = self.0.entry(key).or_default();
            for (count, one) in counts.iter_mut().zip(Choice::ALL) {
                *count += if one == choice { weight } else { 0 };
            }
        }
    }

    /// Writes them.
    ///
    /// # Errors
    /// [`sync_core::ports::StoreError`].
    pub(crate) fn write(&self, tx: &mut dyn Tx, organisation_id: OrganisationId, at: Timestamp) -> StoreResult<()> {
        let row = |(key, [ours, theirs, base, value]): (&PreferenceKey, &[i64; 4])| PreferenceRow {
            key: key.clone(),
            ours: *ours,
            theirs: *theirs,
            base: *base,
            value: *value,
            last_at: at,
        };
        let rows: Vec<PreferenceRow> = self.0.iter().filter(|(_, counts)| **counts != [0; 4]).map(row).collect();
        if rows.is_empty() { Ok(()) } else { tx.add_preferences(organisation_id, &rows) }
    }
}

/// The tally of a stored row.
pub(crate) fn tally_of(row: &PreferenceRow) -> Tally {
    let number = |count: i64| u32::try_from(count.max(0)).unwrap_or(u32::MAX);
    Tally { ours: number(row.ours), theirs: number(row.theirs), base: number(row.base), value: number(row.value) }
}

/// What was counted, as far as it was asked for.
#[derive(Debug, Default)]
pub(crate) struct Experience(BTreeMap<PreferenceKey, Tally>);

impl Experience {
    /// Reads what was counted under these keys.
    ///
    /// # Errors
    /// [`sync_core::ports::StoreError`].
    pub(crate) fn load(tx: &mut dyn Tx, organisation_id: OrganisationId, keys: BTreeSet<PreferenceKey>) -> StoreResult<Self> {
        if keys.is_empty() {
            return Ok(Self::default());
        }
        let rows = tx.load_preferences(organisation_id, &keys.into_iter().collect::<Vec<_>>())?;
        Ok(Self(rows.iter().map(|row| (row.key.clone(), tally_of(row))).collect()))
    }

    fn of(&self, key: &PreferenceKey) -> Tally {
        self.0.get(key).copied().unwrap_or_default()
    }

    /// What former answers suggest, by keys from the finest to the coarsest.
    pub(crate) fn suggest(&self, keys: &[PreferenceKey], people: &People, label: &str) -> Option<Suggestion> {
        let tallies: Vec<Tally> = keys.iter().map(|key| self.of(key)).collect();
        let advice = suggest(&tallies)?;
        Some(suggestion(advice, keys.get(advice.level)?, people, label))
    }
}

/// Advice as it is told.
pub(crate) fn suggestion(advice: Advice, key: &PreferenceKey, people: &People, label: &str) -> Suggestion {
    Suggestion {
        choose: advice.choose.as_str().into(),
        reason: advice.words(&who(key, people), &about(key, people, label)),
        confidence: advice.confidence.as_f64(),
        samples: advice.samples,
    }
}

/// Whose decisions a scope holds, in words.
fn who(key: &PreferenceKey, people: &People) -> String {
    match key.scope.split_once(':') {
        Some(("user", id)) => id.parse().ok().and_then(|id| people.name(id)).unwrap_or("This person").to_owned(),
        Some((_, role)) => format!("People with the role {role}"),
        None => "People here".into(),
    }
}

/// What a context is about, in words.
pub(crate) fn about(key: &PreferenceKey, people: &People, label: &str) -> String {
    let mut parts = key.context.split('/');
    let collection = parts.next().unwrap_or_default();
    let (field, _kind) = (parts.next(), parts.next());
    let mut words = match field {
        None => sentence_case(collection),
        Some("") => format!("whole documents in {}", sentence_case(collection)),
        Some(_) => label.to_owned(),
    };
    let (roles, both) = (parts.next(), parts.next());
    let name = |id: &str| id.parse().ok().and_then(|id| people.name(id)).unwrap_or("somebody").to_owned();
    if let Some((ours, theirs)) = both.and_then(|both| both.split_once('>')) {
        words = format!("{words} between {} and {}", name(ours), name(theirs));
    } else if let Some((ours, theirs)) = roles.and_then(|roles| roles.split_once('>')) {
        words = format!("{words} between a {ours} and a {theirs}");
    }
    match parts.next() {
        Some("over") => words + ", after the event",
        Some("day") => words + ", on the day",
        Some("week") => words + ", in the week before the event",
        Some("month") => words + ", in the month before the event",
        Some(_) => words + ", long before the event",
        None => words,
    }
}

/// The rules that the members of a space switched on.
#[derive(Debug, Default)]
pub(crate) struct Rules(Vec<PreferenceRule>);

impl Rules {
    /// Reads the rules of those who may decide something in these questions.
    ///
    /// # Errors
    /// [`sync_core::ports::StoreError`].
    pub(crate) fn load<'a>(
        tx: &mut dyn Tx,
        organisation_id: OrganisationId,
        people: &People,
        conflicts: impl Iterator<Item = &'a Conflict>,
    ) -> StoreResult<Self> {
        let asks: BTreeSet<&str> = conflicts.flat_map(Conflict::asks).collect();
        let users: BTreeSet<UserId> = asks.iter().flat_map(|ask| people.meant_by(ask)).collect();
        if users.is_empty() {
            return Ok(Self::default());
        }
        tx.list_rules(organisation_id, &users.into_iter().collect::<Vec<_>>()).map(Self)
    }

    /// What the rules rest on.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &PreferenceKey> {
        self.0.iter().map(|rule| &rule.key)
    }

    /// The rule that decides a place, and how: the finest one of each person who may decide it, where they all say the
    /// same, and where what it rests on still speaks for it.
    pub(crate) fn find(
        &self,
        contexts: &[String],
        asks: &[String],
        people: &People,
        experience: &Experience,
    ) -> Option<(Choice, AppliedRule)> {
        let mut found: BTreeMap<UserId, (usize, Choice, &PreferenceRule)> = BTreeMap::new();
        for rule in &self.0 {
            let Some(role) = people.role(rule.user_id).filter(|role| may_decide(asks, rule.user_id, *role)) else { continue };
            let Some(place) = keys(contexts, rule.user_id, role).iter().position(|key| *key == rule.key) else { continue };
            let Some(choice) = Choice::parse(&rule.choose) else { continue };
            if !confidence(&[experience.of(&rule.key)], choice).is_likely() {
                continue;
            }
            let finest = found.entry(rule.user_id).or_insert((place, choice, rule));
            if place < finest.0 {
                *finest = (place, choice, rule);
            }
        }
        let (_, choice, rule) = found.values().next()?;
        let agree = found.values().all(|(_, other, _)| other == choice);
        let PreferenceRule { user_id, key, .. } = rule;
        let applied = AppliedRule { user_id: *user_id, scope: key.scope.clone(), context: key.context.clone() };
        agree.then_some((*choice, applied))
    }
}
