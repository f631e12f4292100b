//! Deciding a change request: an operation that sets its `state`. An approval applies what was proposed to the document
//! that it is about, by the same merge as any edit, in the name of whoever approves.

use std::collections::BTreeSet;

use merge_engine::{Context, Dispute, Policy, Provenance, merge_objects};
use serde_json::Value;
use sync_core::conflict::ConflictKind;
use sync_core::json::Object;
use sync_core::limits::MAX_DOCUMENT_BYTES;
use sync_core::schema::Collection;
use sync_core::{Code, DocumentKey, Operation, Problem, Role, Status, Timestamp};

use super::wanted::Wanted;
use super::write::close;
use super::{DECIDED, is_open, target_of};
use crate::push::decide::{Asked, Case, Decision, Effect, Refusal, Sent, Target, Wrote, decide_for_theirs, pick, top_of, with_members};
use crate::push::overlay::Overlay;
use crate::push::policies::with_groups;
use crate::push::world::{Doc, NewState, byte_length};

/// Decides a request. Where somebody was first, their outcome is told.
///
/// # Errors
/// `not_owner`; `unknown_document` where the document to be changed is not there; what any edit may be refused for.
pub(in crate::push) fn decide(case: &Case<'_>, doc: &Doc, collection: &Collection) -> Decision {
    let operation = case.operation();
    collection.check(&operation.patch, operation.patch.keys()).map_err(Refusal::Rejected)?;
    if !is_open(doc) {
        return Ok(case.nothing());
    }
    let state = operation.patch.get("state").and_then(Value::as_str).unwrap_or_default();
    let key = target_of(&doc.body);
    let wanted = key.as_ref().map(|key| Wanted::of(case.world, key, doc)).unwrap_or_default();
    let about = key.as_ref().and_then(|key| Some((key, case.world.visible(key).filter(|target| target.is_live())?)));
    may_decide(case, doc, (state, about, &wanted)).map_err(Refusal::Rejected)?;
    let target = match (state, about) {
        ("approved", Some((key, about))) if !wanted.is_empty() => Some(apply(case, (key, about), &wanted, doc).map_err(Refusal::Rejected)?),
        ("approved", None) if !wanted.is_empty() => return Err(Refusal::Rejected(target_gone())),
        _ => None,
    };
    let rest = Operation { patch: without_state(&operation.patch), ..operation.clone() };
    let edited = Case { sent: Sent { operation: &rest, ..case.sent }, ..*case }.edit(doc)?;
    let mut body = edited.change.map_or_else(|| doc.body.clone(), |state| state.body);
    if let Some(sender) = case.world.people.sender {
        close(&mut body, state, sender.user_id, Timestamp::from_millis(case.sent.stamp.0));
    }
    let asks = edited.asked.is_some() || target.as_ref().is_some_and(|target| target.asked.is_some());
    let status = if asks { Status::Conflict } else { Status::Merged };
    Ok(Effect { status, change: Some(NewState { body, live: true }), target: target.map(Box::new), ..edited })
}

fn without_state(patch: &Object) -> Object {
    let is_rest = |name: &str| name != "state" && !DECIDED.contains(&name);
    patch.iter().filter(|(name, _)| is_rest(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn target_gone() -> Problem {
    let detail = "the document that this request is about is not there any more: bring it back first, or decline the request";
    Problem::new(Code::UnknownDocument, detail).at("/patch/state")
}

/// Whoever asked withdraws, owners approve and decline.
fn may_decide(
    case: &Case<'_>,
    request: &Doc,
    (state, about, wanted): (&str, Option<(&DocumentKey, &Doc)>, &Wanted),
) -> Result<(), Problem> {
    let Some(sender) = case.world.people.sender else { return Ok(()) };
    let text = |name: &str| request.body.get(name).and_then(Value::as_str).unwrap_or_default();
    let not_owner = |detail: &str| Err(Problem::new(Code::NotOwner, detail).at("/patch/state"));
    if state == "withdrawn" {
        let is_own = text("requested_by") == sender.user_id.to_string();
        return if is_own {
            Ok(())
        } else {
            not_owner("only whoever asked withdraws a request; an owner declines it. The payload is kept")
        };
    }
    if state == "approved" && case.operation().group.is_some() {
        let detail = "an approval changes another document, which a group can't take back: send it without a group";
        return Err(Problem::new(Code::Malformed, detail).at("/group"));
    }
    let (named, is_lead) = ([format!("role:{}", sender.role.as_str()), format!("user:{}", sender.user_id)], sender.role == Role::Lead);
    let owns = match about.filter(|_| !wanted.is_empty()) {
        Some(about) => owns_all(case, about, wanted),
        None => is_lead || text("owner_role").split(", ").any(|owner| named.iter().any(|name| name == owner)),
    };
    if owns {
        return Ok(());
    }
    let owners = text("owner_role");
    not_owner(&format!("an owner of all that it asks for decides this request ({owners}), and you are none; the payload is kept"))
}

/// The members that a request is about, and those that go with them, on its three sides.
struct Sides {
    names: BTreeSet<String>,
    base: Object,
    theirs: Object,
}

fn sides(policy: &Policy, live: &Object, wanted: &Wanted) -> Sides {
    let names = with_groups(wanted.names().cloned().collect(), policy);
    let unseen: BTreeSet<&String> = names.iter().filter(|name| !wanted.has_seen(name)).collect();
    let mut base = pick(&wanted.base, &names.iter().collect());
    base.extend(pick(live, &unseen));
    let mut theirs = base.clone();
    theirs.extend(wanted.patch.clone());
    theirs.retain(|name, _| !wanted.removed.contains(name));
    Sides { names, base, theirs }
}

fn owns_all(case: &Case<'_>, (key, about): (&DocumentKey, &Doc), wanted: &Wanted) -> bool {
    let policy = &case.world.policies.of(key.collection()).policy;
    let sides = sides(policy, &about.body, wanted);
    let context = case.context(&merge_engine::NoProvenance, &about.body);
    merge_objects(&sides.base, &sides.base, &sides.theirs, policy, &context).proposals.is_empty()
}

/// Merges what is proposed into what is live. To approve is its owner's newest word, so it counts against whatever they had
/// seen; where somebody else changed the same since then, they are asked.
fn apply(case: &Case<'_>, (key, about): (&DocumentKey, &Doc), wanted: &Wanted, request: &Doc) -> Result<Target, Problem> {
    let (world, policy) = (case.world, &case.world.policies.of(key.collection()).policy);
    let sides = sides(policy, &about.body, wanted);
    let names: BTreeSet<&String> = sides.names.iter().collect();
    let (seen, nothing) = (request.fields.version_of("patch"), Overlay::default());
    let wrote = Wrote { world, key, doc: about, seen, overlay: &nothing };
    let mut outcome = merge_objects(&sides.base, &pick(&about.body, &names), &sides.theirs, policy, &case.context(&wrote, &about.body));
    let news = news(case, about, &wrote, policy);
    let is_news = |dispute: &Dispute| top_of(&dispute.path).is_none_or(|name| news.contains(&name));
    let (asked, seen): (Vec<Dispute>, Vec<Dispute>) = std::mem::take(&mut outcome.disputes).into_iter().partition(is_news);
    let asked = Asked::fields(ConflictKind::Fields, asked, &outcome.decisions);
    let mut body = with_members(&about.body, &names, outcome.into_object());
    decide_for_theirs(&mut body, seen.into_iter().map(with_both).collect(), policy);
    if let Some(collection) = world.schema.collection(key.collection()) {
        collection.check(&body, names).map_err(|problem| Problem { pointer: Some("/patch/state".into()), ..problem })?;
    }
    let bytes = byte_length(&body);
    if bytes > MAX_DOCUMENT_BYTES {
        let detail = format!("with what is proposed the document would be {bytes} bytes; at most {MAX_DOCUMENT_BYTES}: decline it");
        return Err(Problem::new(Code::TooLarge, detail));
    }
    let change = (body != about.body).then_some(NewState { body, live: true });
    Ok(Target { key: key.clone(), change, asked })
}

/// A dispute whose proposed value has in it what was changed beside it.
fn with_both(dispute: Dispute) -> Dispute {
    let side = |value: &Option<Value>| value.iter().map(|value| ("value".to_owned(), value.clone())).collect::<Object>();
    let (base, ours, theirs) = (side(&dispute.base), side(&dispute.ours), side(&dispute.theirs));
    let policy = Policy::default();
    let mut outcome = merge_objects(&base, &ours, &theirs, &policy, &Context::default());
    let disputes = std::mem::take(&mut outcome.disputes);
    let mut both = outcome.into_object();
    decide_for_theirs(&mut both, disputes, &policy);
    Dispute { theirs: both.remove("value"), ..dispute }
}

/// The members that somebody else changed after what the approver had seen, and those that go with them.
fn news(case: &Case<'_>, about: &Doc, wrote: &Wrote<'_>, policy: &Policy) -> BTreeSet<String> {
    let sender = case.world.people.sender.map(|sender| sender.user_id);
    let is_own = |name: &str| wrote.writer(name).and_then(|writer| writer.actor).is_some_and(|actor| Some(actor.user_id) == sender);
    let changed = about.fields.above(case.operation().base_version).filter(|name| !is_own(name));
    with_groups(changed.map(str::to_owned).collect(), policy)
}
