//! The recursion over values, and what it leaves behind.

use std::borrow::Cow;

use serde_json::Value;
use sync_core::json::{Object, pointer};
use sync_core::operation::Hint;
use sync_core::schema::Strategy;

use crate::outcome::{Decided, Decision, Dispute, Note, Outcome, Proposal, Reason, SuggestedSide};
use crate::same::same_side;
use crate::{Context, Policy, assisted, ids, look, strategy};

/// A value's three states; `None`: absent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sides<'a> {
    pub(crate) base: Option<&'a Value>,
    pub(crate) ours: Option<&'a Value>,
    pub(crate) theirs: Option<&'a Value>,
}

impl<'a> Sides<'a> {
    pub(crate) fn of(base: &'a Value, ours: &'a Value, theirs: &'a Value) -> Self {
        Self { base: Some(base), ours: Some(ours), theirs: Some(theirs) }
    }

    /// Those that are there.
    pub(crate) fn there(self) -> impl Iterator<Item = &'a Value> {
        [self.base, self.ours, self.theirs].into_iter().flatten()
    }

    /// All three as objects, an absent base as the empty one; `None` where a side is something else.
    pub(crate) fn objects(self) -> Option<[&'a Object; 3]> {
        static NOTHING: std::sync::LazyLock<Object> = std::sync::LazyLock::new(Object::new);
        let base = self.base.map_or(Some(&*NOTHING), Value::as_object)?;
        Some([base, self.ours?.as_object()?, self.theirs?.as_object()?])
    }

    /// All three as arrays, an absent base as the empty one.
    pub(crate) fn arrays(self) -> Option<[&'a [Value]; 3]> {
        let base = self.base.map_or(Some(&[][..]), |value| value.as_array().map(Vec::as_slice))?;
        Some([base, self.ours?.as_array()?, self.theirs?.as_array()?])
    }

    /// All three as strings, an absent base as the empty one.
    pub(crate) fn strings(self) -> Option<[&'a str; 3]> {
        Some([self.base.map_or(Some(""), Value::as_str)?, self.ours?.as_str()?, self.theirs?.as_str()?])
    }
}

/// What a place becomes. Nothing is copied before it is known that something of both sides is in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Pick {
    Ours,
    Theirs,
    Made(Value),
    Gone,
}

impl Pick {
    /// The value.
    pub(crate) fn of(self, sides: Sides<'_>) -> Option<Value> {
        match self {
            Self::Ours => sides.ours.cloned(),
            Self::Theirs => sides.theirs.cloned(),
            Self::Made(value) => Some(value),
            Self::Gone => None,
        }
    }
}

pub(crate) struct Merger<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) context: &'a Context<'a>,
    pub(crate) path: Vec<Cow<'a, str>>,
    pub(crate) left: Outcome,
    /// The document that the schema's conditions and owners are read from.
    pub(crate) document: Option<&'a Object>,
}

impl<'a> Merger<'a> {
    pub(crate) fn new(policy: &'a Policy, context: &'a Context<'a>) -> Self {
        Self { policy, context, path: Vec::new(), left: Outcome::default(), document: context.document }
    }

    /// A merge of the same place that may have to be given up.
    pub(crate) fn inner(&self) -> Self {
        let path = self.path.clone();
        Self { policy: self.policy, context: self.context, path, left: Outcome::default(), document: self.document }
    }

    /// Takes in what an inner merge left, but for its value.
    pub(crate) fn absorb(&mut self, left: &mut Outcome) {
        self.left.disputes.append(&mut left.disputes);
        self.left.proposals.append(&mut left.proposals);
        self.left.notes.append(&mut left.notes);
        self.left.decisions.append(&mut left.decisions);
    }

    pub(crate) fn finish(mut self, merged: Value) -> Outcome {
        let left = &mut self.left;
        left.disputes.sort_by(|one, other| one.path.cmp(&other.path));
        left.decisions.sort_by(|one, other| one.path.cmp(&other.path));
        left.merged = merged;
        self.left
    }

    /// Merges the members of three whole documents, groups first.
    pub(crate) fn root(&mut self, [base, ours, theirs]: [&'a Object; 3]) -> Object {
        self.document = self.document.or(Some(ours));
        let decided = strategy::group::decide(self, [base, ours, theirs]);
        let pick = self.members([base, ours, theirs], &decided);
        match pick {
            Pick::Made(Value::Object(object)) => object,
            Pick::Theirs => theirs.clone(),
            _ => ours.clone(),
        }
    }

    /// Merges member by member; `decided` are members that were decided before, by name.
    pub(crate) fn members(&mut self, [base, ours, theirs]: [&'a Object; 3], decided: &[(&'a str, Pick)]) -> Pick {
        let mut changed: Vec<(&'a str, Pick)> = Vec::new();
        let (mut in_base, mut in_theirs) = (Members::of(base), Members::of(theirs));
        let mut shared = 0_usize;
        let mut all_theirs = theirs.len() == ours.len();
        for (name, value) in ours {
            let base = in_base.find(name);
            let theirs = in_theirs.find(name);
            shared += usize::from(theirs.is_some());
            let sides = Sides { base, ours: Some(value), theirs };
            let pick =
                decided.iter().find(|(other, _)| *other == name.as_str()).map_or_else(|| self.member(name, sides), |known| known.1.clone());
            all_theirs &= pick == Pick::Theirs && theirs.is_some();
            if pick != Pick::Ours {
                changed.push((name, pick));
            }
        }
        let kept = changed.len();
        let added = if shared == theirs.len() { 0 } else { usize::MAX };
        for (name, value) in theirs.iter().take(added).filter(|(name, _)| !ours.contains_key(*name)) {
            let sides = Sides { base: base.get(name), ours: None, theirs: Some(value) };
            let pick =
                decided.iter().find(|(other, _)| *other == name.as_str()).map_or_else(|| self.member(name, sides), |known| known.1.clone());
            if !matches!(pick, Pick::Ours | Pick::Gone) {
                changed.push((name, pick));
            }
        }
        if changed.is_empty() {
            return Pick::Ours;
        }
        if all_theirs && kept == ours.len() && changed.len() == kept {
            return Pick::Theirs;
        }
        Pick::Made(Value::Object(put_together(ours, theirs, changed)))
    }

    fn member(&mut self, name: &'a str, sides: Sides<'a>) -> Pick {
        self.child(Cow::Borrowed(name), sides)
    }

    /// Merges a value one step down.
    pub(crate) fn child(&mut self, token: Cow<'a, str>, sides: Sides<'a>) -> Pick {
        self.path.push(token);
        let pick = match self.policy.strategy_at(&self.path) {
            Some(strategy) => strategy::decide(self, strategy, sides),
            None => self.value(sides),
        };
        self.path.pop();
        pick
    }

    /// Merges a value for which nothing is declared.
    pub(crate) fn value(&mut self, sides: Sides<'a>) -> Pick {
        if let (Some(_), Some(objects)) = (sides.base, sides.objects()) {
            return self.members(objects, &[]);
        }
        match one_sided(sides) {
            // what is declared of places inside an array counts, whoever changed it
            Some(Pick::Theirs) if sides.base.is_some() && self.declares_inside(sides) => look::both_changed(self, sides),
            Some(pick) => pick,
            None => look::both_changed(self, sides),
        }
    }

    /// Whether a path pattern names places inside the present one, an array of items with ids.
    pub(crate) fn declares_inside(&self, sides: Sides<'a>) -> bool {
        self.policy.declares_below(&self.path)
            && sides.arrays().is_some_and(|arrays| ids::find(arrays, self.policy).is_some_and(|keyed| keyed.names))
    }

    /// Keeps *ours* and asks, unless a policy that holds without a schema, or a learned one, decides.
    pub(crate) fn ask_or_assist(&mut self, sides: Sides<'a>, reason: Reason) -> Pick {
        assisted::decide(self, sides).unwrap_or_else(|| self.ask(sides, "ask", reason))
    }

    /// Keeps *ours* and asks.
    pub(crate) fn ask(&mut self, sides: Sides<'_>, strategy: &str, reason: Reason) -> Pick {
        self.dispute(sides, reason);
        self.decided(strategy, Decided::Conflict, reason);
        Pick::Ours
    }

    pub(crate) fn dispute(&mut self, sides: Sides<'_>, reason: Reason) {
        self.left.disputes.push(Dispute {
            path: pointer(&self.path),
            base: sides.base.cloned(),
            ours: sides.ours.cloned(),
            theirs: sides.theirs.cloned(),
            suggested: match self.context.hint {
                Hint::Mine => Some(SuggestedSide::Theirs),
                Hint::Theirs => Some(SuggestedSide::Ours),
                Hint::Ask => None,
            },
            reason,
        });
    }

    /// Keeps *ours*; what the sender wrote becomes a change request.
    pub(crate) fn propose(&mut self, sides: Sides<'_>, strategy: &Strategy, owners: Vec<String>) -> Pick {
        self.left.proposals.push(Proposal {
            path: pointer(&self.path),
            base: sides.base.cloned(),
            ours: sides.ours.cloned(),
            theirs: sides.theirs.cloned(),
            owners,
        });
        self.decided(strategy.name(), Decided::Proposed, Reason::NotAnOwner);
        Pick::Ours
    }

    /// Takes one side; the other is noted.
    pub(crate) fn take(&mut self, sides: Sides<'_>, side: SuggestedSide, strategy: &str, reason: Reason) -> Pick {
        let (pick, decided, outvoted, other) = match side {
            SuggestedSide::Ours => (Pick::Ours, Decided::Ours, sides.theirs, SuggestedSide::Theirs),
            SuggestedSide::Theirs => (Pick::Theirs, Decided::Theirs, sides.ours, SuggestedSide::Ours),
        };
        self.left.notes.push(Note { path: pointer(&self.path), side: other, outvoted: outvoted.cloned() });
        self.decided(strategy, decided, reason);
        pick
    }

    /// Records how the present place was decided.
    pub(crate) fn decided(&mut self, strategy: &str, decided: Decided, reason: Reason) {
        self.left.decisions.push(Decision { path: pointer(&self.path), strategy: strategy.to_owned(), decided, reason });
    }

    /// The top-level member in which the present place is.
    pub(crate) fn top(&self) -> &str {
        self.path.first().map_or("", |token| token)
    }
}

/// What is decided where at most one side changed; `None` where both did, differently.
pub(crate) fn one_sided(sides: Sides<'_>) -> Option<Pick> {
    if same_side(sides.base, sides.theirs) || same_side(sides.ours, sides.theirs) {
        Some(Pick::Ours)
    } else if same_side(sides.base, sides.ours) {
        Some(sides.theirs.map_or(Pick::Gone, |_| Pick::Theirs))
    } else {
        None
    }
}

/// The members of a side, asked for one after the other: mostly it is the next one.
struct Members<'a> {
    all: &'a Object,
    ahead: serde_json::map::Iter<'a>,
    next: Option<(&'a String, &'a Value)>,
}

impl<'a> Members<'a> {
    fn of(all: &'a Object) -> Self {
        let mut ahead = all.iter();
        let next = ahead.next();
        Self { all, ahead, next }
    }

    fn find(&mut self, name: &str) -> Option<&'a Value> {
        // what the other side does not have is passed by, where the members are sorted
        while self.next.is_some_and(|(next, _)| next.as_str() < name) {
            self.next = self.ahead.next();
        }
        match self.next {
            Some((next, value)) if next == name => {
                self.next = self.ahead.next();
                Some(value)
            }
            // the map may keep another order
            _ => self.all.get(name),
        }
    }
}

/// Ours with what changed; new members behind.
fn put_together(ours: &Object, theirs: &Object, changed: Vec<(&str, Pick)>) -> Object {
    // what is made of both is not copied before, so that no value is copied again at each level above it
    if changed.iter().any(|(_, pick)| matches!(pick, Pick::Made(value) if value.is_object() || value.is_array())) {
        return rebuilt(ours, theirs, changed);
    }
    let mut merged = ours.clone();
    for (name, pick) in changed {
        match pick.of(Sides { base: None, ours: None, theirs: theirs.get(name) }) {
            Some(value) => match merged.get_mut(name) {
                Some(slot) => *slot = value,
                None => drop(merged.insert(name.to_owned(), value)),
            },
            None => drop(merged.remove(name)),
        }
    }
    merged
}

fn rebuilt(ours: &Object, theirs: &Object, changed: Vec<(&str, Pick)>) -> Object {
    let mut changes = changed.into_iter().peekable();
    let mut members: Vec<(String, Value)> = Vec::with_capacity(ours.len().max(theirs.len()));
    for (name, value) in ours {
        match changes.next_if(|(other, _)| *other == name.as_str()) {
            None => members.push((name.clone(), value.clone())),
            Some((_, pick)) => {
                let sides = Sides { base: None, ours: Some(value), theirs: theirs.get(name) };
                members.extend(pick.of(sides).map(|value| (name.clone(), value)));
            }
        }
    }
    for (name, pick) in changes {
        let sides = Sides { base: None, ours: None, theirs: theirs.get(name) };
        members.extend(pick.of(sides).map(|value| (name.to_owned(), value)));
    }
    members.into_iter().collect()
}
