//! What an answer may not choose, whoever is asked: an answer is an edit of what is live, and what the server alone writes is
//! written by nobody else.

use std::collections::BTreeMap;

use merge_engine::{Context, Reason, Writer, merge_objects};
use sync_core::conflict::Conflict;
use sync_core::protocol::v1::Choice;
use sync_core::{Code, DocumentKey, Problem, Stamp};

use super::choice::choose;
use crate::push::working::{Doc, World};
use crate::push::{Asker, NewState};

/// Checks that devices may write what the caller chooses, or, where they keep what is live, what they choose it over. Who
/// may answer was decided before.
///
/// # Errors
/// `read_only`.
pub(super) fn check(
    world: &World,
    (key, doc): (&DocumentKey, &Doc),
    (conflict, choices): (&Conflict, &BTreeMap<String, Choice>),
    asker: Asker,
) -> Result<(), Problem> {
    let policy = &world.policies.of(key.collection()).policy;
    if !policy.declares_strategies() {
        return Ok(());
    }
    let mut wanted = NewState { body: doc.body.clone(), live: doc.is_live() };
    for (path, choice) in choices {
        let Some(field) = conflict.fields.get(path).filter(|field| field.decided.is_none()) else { continue };
        let choice = if *choice == Choice::Ours { &Choice::Theirs } else { choice };
        // a place that is not there any more is told as such when it is decided
        let _ = choose(&mut wanted, (path, policy), field, choice);
    }
    let mut context = Context::default();
    let stamp = Stamp(asker.at.millis(), 0, asker.by.op_id);
    context.sender = world.people.sender.map(|actor| Writer { actor: Some(actor), stamp });
    context.settings = &world.settings.values;
    context.document = Some(&doc.body);
    let outcome = merge_objects(&doc.body, &doc.body, &wanted.body, policy, &context);
    match outcome.decisions.iter().find(|decision| decision.reason == Reason::ServerOnly) {
        Some(decision) => {
            let detail = format!("{} is not written by devices; choose what is live", decision.path);
            Err(Problem::new(Code::ReadOnly, detail).at("/fields"))
        }
        None => Ok(()),
    }
}
