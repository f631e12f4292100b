//! Experience: what people decided in former merges of one history, and what that suggests for the next one.
//!
//! A merge in [`Mode::Assisted`](crate::Mode) asks an [`Advisor`] before it asks a person. [`Experience`] is one that
//! learns from merges whose outcome is known: it merges them carefully, and counts for each question which side the
//! person took. What it counts by is the kind of question and the names of the fields, never values or file names; what
//! it advises is what [`preference`](crate::preference) says of the counts.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::merger::Sides;
use crate::outcome::{Dispute, SuggestedSide};
use crate::preference::{Choice, Tallies};
use crate::same::same_side;
use crate::version::is_version;
use crate::{Context, Policy, get_in, merge};

/// So likely, in millionths, must a side be for it to be taken without asking: two of three.
const LIKELY: u32 = 650_000;
/// So many decisions must there be, from the finest context to the coarsest: one about the same kind of question; two where
/// only the side that people take, whatever the question, speaks for it.
const ENOUGH: [u32; 4] = [1, 1, 1, 2];

/// A question that a merge is about to ask.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The path's tokens.
    pub path: &'a [Cow<'a, str>],
    /// What both started from; `None`: absent.
    pub base: Option<&'a Value>,
    /// What is live.
    pub ours: Option<&'a Value>,
    /// What the sender wrote.
    pub theirs: Option<&'a Value>,
}

/// Somebody who answers questions from experience.
pub trait Advisor {
    /// The side to take; `None`: ask.
    fn advise(&self, question: &Question<'_>) -> Option<SuggestedSide>;
}

/// What was decided in former merges of one history.
#[derive(Debug, Clone, Default)]
pub struct Experience {
    tallies: Tallies,
}

impl Experience {
    /// Learns from a merge and what a person made of it. A merge counts once in a context, however many of its questions
    /// are of one kind, with what was decided most often.
    pub fn learn(&mut self, base: Option<&Value>, ours: &Value, theirs: &Value, decided: &Value, policy: &Policy) {
        let outcome = merge(base, ours, theirs, policy, &Context::default());
        let mut votes: BTreeMap<String, BTreeMap<Choice, u32>> = BTreeMap::new();
        for dispute in &outcome.disputes {
            let choice = choice(dispute, decided, policy);
            let tokens = sync_core::json::pointer_tokens(&dispute.path).unwrap_or_default();
            let path: Vec<Cow<'_, str>> = tokens.iter().map(|token| Cow::Borrowed(token.as_str())).collect();
            let sides = Sides { base: dispute.base.as_ref(), ours: dispute.ours.as_ref(), theirs: dispute.theirs.as_ref() };
            for context in contexts(&path, sides).into_iter().flatten() {
                *votes.entry(context).or_default().entry(choice).or_default() += 1;
            }
        }
        for (context, votes) in votes {
            let most = votes.into_iter().max_by_key(|(_, votes)| *votes);
            if let Some((choice, _)) = most {
                self.tallies.learn([context.as_str()], choice);
            }
        }
    }
}

impl Advisor for Experience {
    fn advise(&self, question: &Question<'_>) -> Option<SuggestedSide> {
        let sides = Sides { base: question.base, ours: question.ours, theirs: question.theirs };
        let contexts = contexts(question.path, sides)?;
        let advice = self.tallies.suggest(contexts.iter().map(String::as_str))?;
        let enough = ENOUGH.get(advice.level).is_some_and(|enough| advice.samples >= *enough);
        let likely = enough && advice.confidence.millionths() >= LIKELY;
        match advice.choose {
            Choice::Ours if likely => Some(SuggestedSide::Ours),
            Choice::Theirs if likely => Some(SuggestedSide::Theirs),
            _ => None,
        }
    }
}

/// What a person made of a dispute.
fn choice(dispute: &Dispute, decided: &Value, policy: &Policy) -> Choice {
    let value = get_in(decided, &dispute.path, policy);
    let is = |side: &Option<Value>| same_side(side.as_ref(), value);
    if is(&dispute.ours) {
        Choice::Ours
    } else if is(&dispute.theirs) {
        Choice::Theirs
    } else if is(&dispute.base) {
        Choice::Base
    } else {
        Choice::Value
    }
}

/// From fine to coarse: this kind of question about a field of a member, about a field anywhere, anywhere; any question.
/// `None` for questions that are not like any other.
fn contexts(path: &[Cow<'_, str>], sides: Sides<'_>) -> Option<[String; 4]> {
    let kind = kind(sides)?;
    let (first, last) = (path.first().map_or("", AsRef::as_ref), path.last().map_or("", AsRef::as_ref));
    Some([format!("{kind} {first} {last}"), format!("{kind} {last}"), kind.to_owned(), String::new()])
}

/// The kind of a question.
fn kind(sides: Sides<'_>) -> Option<&'static str> {
    let edited_here = |value: &Value| match value {
        Value::Object(_) => "object edited, deleted there",
        Value::Array(_) => "array edited, deleted there",
        _ => "value edited, deleted there",
    };
    let edited_there = |value: &Value| match value {
        Value::Object(_) => "deleted here, object edited",
        Value::Array(_) => "deleted here, array edited",
        _ => "deleted here, value edited",
    };
    Some(match (sides.ours, sides.theirs) {
        (Some(edited), None) => edited_here(edited),
        (None, Some(edited)) => edited_there(edited),
        (Some(Value::String(ours)), Some(Value::String(theirs))) if is_version(ours) && is_version(theirs) => "version",
        (Some(Value::String(_)), Some(Value::String(_))) if sides.base.is_none() => "text added twice",
        (Some(Value::String(_)), Some(Value::String(_))) => "text",
        (Some(Value::Array(_)), Some(Value::Array(_))) => "array",
        (Some(Value::Number(_)), Some(Value::Number(_))) => "number",
        _ => return None,
    })
}
