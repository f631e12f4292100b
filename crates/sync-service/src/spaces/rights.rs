//! What a new schema gives to roles and takes from them, for the log.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use sync_core::schema::Collection;
use sync_core::{Role, Schema, SpaceId};

use crate::Caller;
use crate::audit::Act;

/// Rights by role, in words: `guests/email read`.
type Rights = BTreeMap<&'static str, BTreeSet<String>>;

/// The acts of giving and of taking rights by another schema; none where everybody has what they had. Of collections that
/// there were not before nobody is given anything.
pub(super) fn acts(caller: &Caller, space_id: SpaceId, before: &Schema, after: &Schema) -> Vec<Act> {
    let everything = Collection::default();
    let (mut had, mut has): (Rights, Rights) = Default::default();
    for (name, now) in &after.collections {
        let then = before.collections.get(name).or_else(|| before.collections.is_empty().then_some(&everything));
        let Some(then) = then else { continue };
        let members: BTreeSet<&String> = then.fields.keys().chain(now.fields.keys()).collect();
        hold(&mut had, (name, then), &members);
        hold(&mut has, (name, now), &members);
    }
    let acts = [("rights.revoke", beyond(&had, &has)), ("rights.grant", beyond(&has, &had))];
    let acts = acts.into_iter().filter(|(_, roles)| !roles.is_empty());
    acts.map(|(action, roles)| Act::by(caller, action).about(&space_id).in_space(space_id).with(json!({"roles": roles}))).collect()
}

/// Adds what each role may do in a collection.
fn hold(rights: &mut Rights, (name, collection): (&str, &Collection), members: &BTreeSet<&String>) {
    let (viewers, editors) = (collection.viewers(), collection.editors());
    let fields: Vec<_> = members.iter().map(|member| (member, collection.readers(member), collection.writers(member))).collect();
    let own = |roles: Option<&Vec<Role>>, role: Role| if roles.is_some_and(|roles| roles.contains(&role)) { " own" } else { "" };
    for role in Role::ALL.into_iter().filter(|role| viewers.roles.includes(*role)) {
        let held = rights.entry(role.as_str()).or_default();
        let rule = collection.own.as_ref();
        held.insert(format!("{name} read{}", own(rule.map(|rule| &rule.read), role)));
        if editors.roles.includes(role) {
            held.insert(format!("{name} write{}", own(rule.map(|rule| &rule.write), role)));
        }
        for (member, readers, writers) in &fields {
            let may = [("read", readers), ("write", writers)].into_iter().filter(|(_, grant)| grant.roles.includes(role));
            held.extend(may.map(|(what, _)| format!("{name}/{member} {what}")));
        }
    }
}

/// What is in one and not in the other.
fn beyond(one: &Rights, other: &Rights) -> Rights {
    let none = BTreeSet::new();
    let rest = |(role, held): (&&'static str, &BTreeSet<String>)| {
        let rest: BTreeSet<String> = held.difference(other.get(role).unwrap_or(&none)).cloned().collect();
        (!rest.is_empty()).then_some((*role, rest))
    };
    one.iter().filter_map(rest).collect()
}
