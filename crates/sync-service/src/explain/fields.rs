//! The outcome of an operation field by field: a pure function of what its sender had seen, what was live before and
//! after, and what is asked.

use std::borrow::Cow;
use std::collections::BTreeSet;

use merge_engine::{Decision as HowDecided, Policy, get, strategy_of};
use serde_json::Value;
use sync_core::Kind;
use sync_core::json::{Object, apply_patch, pointer, pointer_tokens};
use sync_core::protocol::v1::explain::{Decided, FieldExplanation};

/// A document at a place in its log; `None`: it was not live.
pub(crate) type State = Option<Object>;

/// What an outcome is explained from.
pub(super) struct Case<'a> {
    pub(super) kind: Kind,
    pub(super) patch: &'a Object,
    /// What the sender had seen, as far as it is known.
    pub(super) base: &'a Object,
    /// The members of which nobody knows what the sender had seen.
    pub(super) unknown: &'a BTreeSet<String>,
    /// Before and after; `None` where the log does not tell any more.
    pub(super) states: Option<(&'a State, &'a State)>,
    /// The pointers of what is asked.
    pub(super) disputed: &'a BTreeSet<String>,
    /// How places were decided that both sides changed, or that their sender may not write.
    pub(super) decisions: &'a [HowDecided],
    pub(super) policy: &'a Policy,
}

/// Explains each member that the operation names, with the places inside it that were decided, or the whole document where
/// the operation is about that.
pub(super) fn explain(case: &Case<'_>) -> Vec<FieldExplanation> {
    let whole = case.disputed.contains("") || matches!(case.kind, Kind::Delete) || case.patch.is_empty();
    if whole {
        return vec![whole_document(case)];
    }
    let mut theirs = case.base.clone();
    apply_patch(&mut theirs, case.patch);
    let decided = case.decisions.iter().filter_map(|decision| first_token(&decision.path));
    let names: BTreeSet<String> = case.patch.keys().cloned().chain(decided).collect();
    names.iter().flat_map(|name| member(case, name, &theirs)).collect()
}

/// A member, then what was decided inside it.
fn member(case: &Case<'_>, name: &str, theirs: &Object) -> Vec<FieldExplanation> {
    let path = pointer(&[name]);
    let whole = match case.decisions.iter().find(|decision| decision.path == path) {
        Some(decision) => place(case, decision, theirs),
        None => undecided(case, name, theirs),
    };
    let inside = |decision: &&HowDecided| decision.path != path && first_token(&decision.path).as_deref() == Some(name);
    std::iter::once(whole).chain(case.decisions.iter().filter(inside).map(|decision| place(case, decision, theirs))).collect()
}

/// A place that was decided, as it was noted then.
fn place(case: &Case<'_>, decision: &HowDecided, theirs: &Object) -> FieldExplanation {
    let path = decision.path.as_str();
    let at = |body: &Object| get(body, path, case.policy).filter(|value| !value.is_null());
    let of = |state: &State| state.as_ref().and_then(at);
    let (base, theirs) = (at(case.base), at(theirs));
    let (ours, outcome) = case.states.map_or((None, None), |(before, after)| (of(before), of(after)));
    let words = decision.reason.words();
    let (decided, reason) = match decision.decided {
        merge_engine::Decided::Ours => (Decided::Ours, words.into()),
        merge_engine::Decided::Theirs => (Decided::Theirs, words.into()),
        merge_engine::Decided::Merged => (Decided::Merged, words.into()),
        merge_engine::Decided::Proposed => (Decided::Proposed, words.into()),
        merge_engine::Decided::Noop => (Decided::Noop, words.into()),
        merge_engine::Decided::Conflict => (Decided::Conflict, format!("{words}: somebody is asked").into()),
    };
    let sides = (base.as_ref(), ours.as_ref(), theirs.as_ref(), outcome.as_ref());
    explained(path.to_owned(), decision.strategy.clone().into(), sides, (decided, reason))
}

/// A member about which nothing was noted: at most one side changed it.
fn undecided(case: &Case<'_>, name: &str, theirs: &Object) -> FieldExplanation {
    let (base, theirs) = (case.base.get(name), theirs.get(name).filter(|value| !value.is_null()));
    let of = |state: &'_ State| state.as_ref().and_then(|body| body.get(name)).cloned();
    let (ours, outcome) = case.states.map_or((None, None), |(before, after)| (of(before), of(after)));
    let asked = case.disputed.iter().any(|path| first_token(path).as_deref() == Some(name));
    let sides = (base, ours.as_ref(), theirs, outcome.as_ref());
    let (decided, reason) = match case.states {
        None => (Decided::Ours, "history does not tell any more what was live then"),
        Some(_) if asked => (Decided::Conflict, conflict_reason(case, name)),
        Some(_) => verdict(sides, case.unknown.contains(name)),
    };
    let strategy = strategy_of(name, [base, ours.as_ref(), theirs], case.policy);
    explained(pointer(&[name]), strategy.into(), sides, (decided, reason.into()))
}

fn conflict_reason(case: &Case<'_>, name: &str) -> &'static str {
    if case.unknown.contains(name) {
        "what its sender had seen is not known, and it differs from what is live: somebody is asked"
    } else {
        "both sides changed something in it: what was live stays until somebody answers"
    }
}

type Values<'a> = (Option<&'a Value>, Option<&'a Value>, Option<&'a Value>, Option<&'a Value>);

/// Which side an outcome is, where nothing is asked.
fn verdict((base, ours, theirs, outcome): Values<'_>, unknown: bool) -> (Decided, &'static str) {
    if ours == theirs && outcome == ours {
        (Decided::Noop, "it was so already")
    } else if base == theirs && outcome == ours && !unknown {
        (Decided::Noop, "the sender changed nothing here")
    } else if outcome == theirs && base == ours {
        (Decided::Theirs, "nobody else had changed it since its sender saw it")
    } else if outcome == theirs {
        (Decided::Theirs, "it builds on what its sender wrote before, or was known to be unchanged")
    } else if outcome == ours {
        (Decided::Ours, "what was live stays")
    } else {
        (Decided::Merged, "both sides changed it, in different places: both are in")
    }
}

fn whole_document(case: &Case<'_>) -> FieldExplanation {
    let object = |body: &Object| Value::Object(body.clone());
    let base = (!case.base.is_empty()).then(|| object(case.base));
    let of = |state: &State| state.as_ref().map(object);
    let (ours, outcome) = case.states.map_or((None, None), |(before, after)| (of(before), of(after)));
    let theirs = (case.kind != Kind::Delete).then(|| {
        let mut body = case.base.clone();
        apply_patch(&mut body, case.patch);
        object(&body)
    });
    let sides = (base.as_ref(), ours.as_ref(), theirs.as_ref(), outcome.as_ref());
    let (decided, reason) = match case.states {
        None => (Decided::Ours, "history does not tell any more what was live then"),
        Some(_) if !case.disputed.is_empty() => {
            (Decided::Conflict, "one side deleted the document and the other went on with it: somebody is asked")
        }
        Some(_) if ours == outcome => (Decided::Noop, "it was so already"),
        Some(_) => (Decided::Theirs, "nothing in it had changed that its sender had not seen"),
    };
    let strategy = strategy_of("", [sides.0, sides.1, sides.2], &Policy::default());
    explained(String::new(), strategy.into(), sides, (decided, reason.into()))
}

fn explained(
    path: String,
    strategy: Cow<'static, str>,
    (base, ours, theirs, outcome): Values<'_>,
    (decided, reason): (Decided, Cow<'static, str>),
) -> FieldExplanation {
    let value = |side: Option<&Value>| side.cloned().unwrap_or_default();
    FieldExplanation {
        path,
        strategy,
        base: value(base),
        ours: value(ours),
        theirs: value(theirs),
        outcome: value(outcome),
        decided,
        reason,
        masked: false,
    }
}

fn first_token(path: &str) -> Option<String> {
    pointer_tokens(path)?.into_iter().next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        let Value::Object(object) = value else { panic!("an object: {value}") };
        object
    }

    /// How each member of a patch is explained.
    fn check(sides: (Value, Value, Value, Value), disputed: &[&str]) -> Vec<(Decided, Cow<'static, str>)> {
        let (base, before, patch, after) = sides;
        let (base, patch) = (object(base), object(patch));
        let (before, after) = (Some(object(before)), Some(object(after)));
        let disputed = disputed.iter().map(|path| (*path).to_owned()).collect();
        let case = Case {
            kind: Kind::Update,
            patch: &patch,
            base: &base,
            unknown: &BTreeSet::new(),
            states: Some((&before, &after)),
            disputed: &disputed,
            decisions: &[],
            policy: &Policy::default(),
        };
        explain(&case).into_iter().map(|field| (field.decided, field.strategy)).collect()
    }

    #[test]
    fn each_member_says_which_side_it_is() {
        let ask = |decided| vec![(decided, "ask".into())];
        assert_eq!(check((json!({"a": 1}), json!({"a": 1}), json!({"a": 2}), json!({"a": 2})), &[]), ask(Decided::Theirs));
        assert_eq!(check((json!({"a": 1}), json!({"a": 2}), json!({"a": 2}), json!({"a": 2})), &[]), ask(Decided::Noop));
        assert_eq!(check((json!({"a": 1}), json!({"a": 2}), json!({"a": 1}), json!({"a": 2})), &[]), ask(Decided::Noop));
        assert_eq!(check((json!({"a": 1}), json!({"a": 2}), json!({"a": 3}), json!({"a": 2})), &["/a"]), ask(Decided::Conflict));
        let (base, before) = (json!({"o": {"x": 1, "y": 1}}), json!({"o": {"x": 2, "y": 1}}));
        let after = json!({"o": {"x": 2, "y": 2}});
        assert_eq!(check((base.clone(), before.clone(), json!({"o": {"y": 2}}), after), &[]), [(Decided::Merged, "object".into())]);
        assert_eq!(check((base, before.clone(), json!({"o": {"x": 3}}), before), &["/o/x"]), [(Decided::Conflict, "object".into())]);
        let list = |items: Value| json!({"l": items});
        let sides = (
            list(json!([{"id": 1}])),
            list(json!([{"id": 1}, {"id": 2}])),
            list(json!([{"id": 3}, {"id": 1}])),
            list(json!([{"id": 3}, {"id": 1}, {"id": 2}])),
        );
        assert_eq!(check(sides, &[]), [(Decided::Merged, "list".into())]);
    }

    #[test]
    fn a_deletion_is_about_the_whole_document() {
        let (base, patch) = (object(json!({"a": 1})), Object::new());
        let (before, after) = (Some(base.clone()), None);
        let case = Case {
            kind: Kind::Delete,
            patch: &patch,
            base: &base,
            unknown: &BTreeSet::new(),
            states: Some((&before, &after)),
            disputed: &BTreeSet::new(),
            decisions: &[],
            policy: &Policy::default(),
        };
        let fields = explain(&case);
        assert_eq!((fields.len(), fields[0].path.as_str(), fields[0].decided), (1, "", Decided::Theirs));
        assert_eq!((&fields[0].ours, &fields[0].theirs, &fields[0].outcome), (&json!({"a": 1}), &Value::Null, &Value::Null));
        let gone = explain(&Case { states: None, ..case });
        assert!(gone[0].reason.contains("history"));
    }
}
