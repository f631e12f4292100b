//! The recursion over values.

use std::collections::BTreeSet;

use serde_json::Value;
use sync_core::json::{Object, pointer};
use sync_core::operation::Hint;

use crate::{Context, Dispute, Outcome, Policy, Reason, SuggestedSide, list};

/// A value's three states; `None`: absent.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'a> {
    pub(crate) base: Option<&'a Value>,
    pub(crate) ours: Option<&'a Value>,
    pub(crate) theirs: Option<&'a Value>,
}

pub(crate) struct Merger<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) context: &'a Context<'a>,
    pub(crate) path: Vec<String>,
    pub(crate) disputes: Vec<Dispute>,
}

impl<'a> Merger<'a> {
    pub(crate) fn new(policy: &'a Policy, context: &'a Context<'a>) -> Self {
        Self { policy, context, path: Vec::new(), disputes: Vec::new() }
    }

    pub(crate) fn outcome(self, merged: Value) -> Outcome {
        Outcome { merged, disputes: self.disputes, ..Outcome::default() }
    }

    pub(crate) fn root(&mut self, base: &Value, ours: &Value, theirs: &Value) -> Option<Value> {
        self.decide(Sides { base: Some(base), ours: Some(ours), theirs: Some(theirs) })
    }

    fn decide(&mut self, sides: Sides<'_>) -> Option<Value> {
        if sides.ours == sides.theirs || sides.base == sides.theirs {
            return sides.ours.cloned();
        }
        if sides.base == sides.ours {
            return sides.theirs.cloned();
        }
        self.changed_by_both(sides)
    }

    /// Merges member by member.
    pub(crate) fn objects(&mut self, base: &Object, ours: &Object, theirs: &Object) -> Object {
        let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).chain(base.keys()).collect();
        let mut merged = Object::new();
        for name in names {
            let sides = Sides { base: base.get(name), ours: ours.get(name), theirs: theirs.get(name) };
            if let Some(value) = self.child(name, sides) {
                merged.insert(name.clone(), value);
            }
        }
        merged
    }

    /// Merges a value one step down.
    pub(crate) fn child(&mut self, token: &str, sides: Sides<'_>) -> Option<Value> {
        self.path.push(token.to_owned());
        let merged = self.decide(sides);
        self.path.pop();
        merged
    }

    fn changed_by_both(&mut self, sides: Sides<'_>) -> Option<Value> {
        let nothing = Object::new();
        match (sides.ours, sides.theirs) {
            (Some(Value::Object(ours)), Some(Value::Object(theirs))) => match sides.base {
                Some(Value::Object(base)) => Some(Value::Object(self.objects(base, ours, theirs))),
                None => Some(Value::Object(self.objects(&nothing, ours, theirs))),
                Some(_) => self.dispute(sides),
            },
            (Some(Value::Array(ours)), Some(Value::Array(theirs))) => match sides.base {
                Some(Value::Array(base)) => list::merge(self, base, ours, theirs).or_else(|| self.dispute(sides)),
                None => list::merge(self, &[], ours, theirs).or_else(|| self.dispute(sides)),
                Some(_) => self.dispute(sides),
            },
            _ => self.dispute(sides),
        }
    }

    /// Keeps *ours* and asks.
    pub(crate) fn dispute(&mut self, sides: Sides<'_>) -> Option<Value> {
        self.disputes.push(Dispute {
            path: pointer(&self.path),
            base: sides.base.cloned(),
            ours: sides.ours.cloned(),
            theirs: sides.theirs.cloned(),
            suggested: match self.context.hint {
                Hint::Mine => Some(SuggestedSide::Theirs),
                Hint::Theirs => Some(SuggestedSide::Ours),
                Hint::Ask => None,
            },
            reason: Reason::BothChanged,
        });
        sides.ours.cloned()
    }
}
