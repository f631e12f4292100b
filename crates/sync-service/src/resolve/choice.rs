//! What a resolution chooses, and what that does to a document.

use std::collections::BTreeMap;

use merge_engine::{Policy, preference};
use serde_json::Value;
use sync_core::conflict::{Conflict, DisputedField};
use sync_core::json::{Object, canonical, depth, drop_nulls, pointer};
use sync_core::limits::MAX_DEPTH;
use sync_core::protocol::v1::{Choice, Resolution};
use sync_core::schema::Group;
use sync_core::schema::lens::Lens;
use sync_core::{Code, Problem, SpaceId};

use crate::digest::sha256;
use crate::push::NewState;

/// The identity of a resolution: whatever else differs is a replay.
pub(super) fn identity(space_id: SpaceId, resolution: &Resolution) -> [u8; 32] {
    let mut identity = Object::new();
    identity.insert("space_id".into(), space_id.to_string().into());
    identity.insert("kind".into(), "resolve".into());
    for name in ["conflict_id", "fields", "choose"] {
        identity.insert(name.into(), resolution.payload.get(name).cloned().unwrap_or(Value::Null));
    }
    if resolution.undo {
        identity.insert("undo".into(), true.into());
    }
    sha256(canonical(&Value::Object(identity)).as_bytes())
}

/// An answer to a question that was seen in an older form, in the form of the present schema.
pub(super) fn lifted_answer(resolution: &Resolution, lens: &Lens) -> Resolution {
    let choice = |(path, choice): (&String, &Choice)| {
        let choice = match choice {
            Choice::Value(value) => Choice::Value(lens.lift_value(path, value.clone())),
            other => other.clone(),
        };
        (lens.lift_pointer(path).unwrap_or_else(|| path.clone()), choice)
    };
    Resolution { fields: resolution.fields.iter().map(choice).collect(), ..resolution.clone() }
}

/// The choices by path: those named, or one for every field that the caller may decide.
///
/// # Errors
/// `malformed` when a path is not disputed, or the whole document would be no object; `too_large` when a value nests too deep.
pub(super) fn choices(
    conflict: &Conflict,
    resolution: &Resolution,
    may_decide: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Choice>, Problem> {
    let choices = match &resolution.whole {
        Some(whole) => conflict.fields.keys().filter(|path| may_decide(path)).map(|path| (path.clone(), whole.clone())).collect(),
        None => resolution.fields.clone(),
    };
    if let Some(path) = choices.keys().find(|path| !conflict.fields.contains_key(*path)) {
        return Err(Problem::new(Code::Malformed, format!("{path:?} is not disputed in this question; see its fields")).at("/fields"));
    }
    for (path, choice) in &choices {
        let Choice::Value(value) = choice else { continue };
        if path.is_empty() && !value.is_object() && !value.is_null() {
            let detail = "the whole document is disputed: its value is an object, or null to delete it";
            return Err(Problem::new(Code::Malformed, detail).at("/fields"));
        }
        if path.split('/').count().saturating_sub(1) + depth(value) > MAX_DEPTH {
            return Err(
                Problem::new(Code::TooLarge, format!("with this the document would nest deeper than {MAX_DEPTH} levels")).at("/fields")
            );
        }
    }
    Ok(choices)
}

/// Extends choices over fields that make sense only together: one of them chosen is the same for all, and a value comes
/// with a choice for each.
///
/// # Errors
/// `malformed` where they would be torn apart.
pub(super) fn together(
    conflict: &Conflict,
    mut choices: BTreeMap<String, Choice>,
    groups: &BTreeMap<String, Group>,
) -> Result<BTreeMap<String, Choice>, Problem> {
    for group in groups.values() {
        let paths = group.fields.iter().map(|name| pointer(&[name]));
        let waiting: Vec<String> = paths.filter(|path| conflict.fields.get(path).is_some_and(|field| field.decided.is_none())).collect();
        let named: Vec<Choice> = waiting.iter().filter_map(|path| choices.get(path).cloned()).collect();
        let Some(first) = named.first() else { continue };
        let whole = named.len() == waiting.len();
        let alike = named.iter().all(|choice| choice == first) && !matches!(first, Choice::Value(_));
        let valued = whole && named.iter().all(|choice| matches!(choice, Choice::Value(_)));
        if !(alike || valued) {
            let detail =
                format!("{} make sense only together: choose one side for all of them, or send a value for each", waiting.join(", "));
            return Err(Problem::new(Code::Malformed, detail).at("/fields"));
        }
        if alike {
            choices.extend(waiting.into_iter().map(|path| (path, first.clone())));
        }
    }
    Ok(choices)
}

/// What a choice makes of a field; `null` where it is not there then.
pub(crate) fn outcome(field: &DisputedField, choice: &Choice) -> Value {
    match choice {
        Choice::Ours => field.ours.clone(),
        Choice::Theirs => field.theirs.clone(),
        Choice::Base => field.base.clone(),
        Choice::Value(value) => without_nulls(value.clone()),
    }
}

/// The choice as it is kept and counted.
pub(crate) const fn counted(choice: &Choice) -> preference::Choice {
    match choice {
        Choice::Ours => preference::Choice::Ours,
        Choice::Theirs => preference::Choice::Theirs,
        Choice::Base => preference::Choice::Base,
        Choice::Value(_) => preference::Choice::Value,
    }
}

/// Puts a choice into the document's new state; `false`, with nothing changed, when the place is not there any more.
pub(crate) fn choose(state: &mut NewState, (path, policy): (&str, &Policy), field: &DisputedField, choice: &Choice) -> bool {
    *choice == Choice::Ours || put(state, (path, policy), outcome(field, choice))
}

/// Puts a value into a document's new state, `null` for none; `false`, with nothing changed, when the place is not there
/// any more.
pub(super) fn put(state: &mut NewState, (path, policy): (&str, &Policy), value: Value) -> bool {
    match (path.is_empty(), value) {
        (true, Value::Object(body)) => {
            state.body = body;
            state.live = true;
            true
        }
        (true, value) => {
            state.live &= !value.is_null();
            value.is_null()
        }
        (false, Value::Null) => {
            // gone already is as good as removed
            let _ = merge_engine::remove(&mut state.body, path, policy);
            true
        }
        (false, value) => {
            let done = merge_engine::set(&mut state.body, path, value, policy);
            state.live |= done;
            done
        }
    }
}

/// Members that are `null` do not exist.
fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        drop_nulls(members);
    }
    value
}
