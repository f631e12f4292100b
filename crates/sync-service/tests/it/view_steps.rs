//! What happens in the worlds of [`crate::view_law`], and the schema under which it does.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::sync::with;

pub(crate) const DOCUMENTS: [&str; 3] = ["d0", "d1", "d2"];
/// What Bo reads, and what only leads do.
pub(crate) const SEEN: [&str; 4] = ["title", "note", "tags", "state"];
pub(crate) const HIDDEN: [&str; 3] = ["secret", "health", "codes"];
/// Owned by leads, and proposed by the couple: what Bo reads, and what he does not.
pub(crate) const OWNED: [&str; 2] = ["deal", "price"];

/// How a collection is: what becomes of a deletion that meets an edit, and how hidden fields come together.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    delete: &'static str,
    hidden: [&'static str; 3],
    strategies: [&'static str; 4],
}

impl Rules {
    /// Everything that two sides changed is asked.
    pub(crate) const ASK: Self = Self { delete: "ask", hidden: ["ask"; 3], strategies: ["ask"; 4] };
}

pub(crate) fn rules() -> impl Strategy<Value = Rules> {
    let delete = prop_oneof![Just("ask"), Just("edit_wins"), Just("delete_wins")];
    let text = || prop_oneof![Just("ask"), Just("lww"), Just("text")];
    let set = || prop_oneof![Just("ask"), Just("lww"), Just("set")];
    (delete, (text(), text(), set()), (text(), text(), set(), text())).prop_map(|(delete, (a, b, c), (d, e, f, g))| Rules {
        delete,
        hidden: [a, b, c],
        strategies: [d, e, f, g],
    })
}

pub(crate) fn schema(rules: &Rules) -> Value {
    let kind = |name: &str| if matches!(name, "tags" | "codes") { "set" } else { "text" };
    let seen =
        SEEN.iter().zip(rules.strategies).map(|(name, strategy)| ((*name).to_owned(), json!({"type": kind(name), "strategy": strategy})));
    // by a list, by the sensitivity, and by both
    let rights = [json!({"read": []}), json!({"sensitivity": 2}), json!({"sensitivity": 3, "read": ["couple"]})];
    let hidden = HIDDEN
        .iter()
        .zip(rules.hidden)
        .zip(rights)
        .map(|((name, strategy), rights)| ((*name).to_owned(), with(json!({"type": kind(name), "strategy": strategy}), rights)));
    let owned = json!({"authority": {"owners": ["role:lead"], "both": "ask"}});
    let deal = json!({"type": "text", "strategy": owned});
    let price = with(deal.clone(), json!({"read": ["couple"]}));
    let proposed = OWNED.iter().zip([deal, price]).map(|(name, field)| ((*name).to_owned(), field));
    let fields: serde_json::Map<String, Value> = seen.chain(hidden).chain(proposed).collect();
    let text = json!({"type": "text"});
    json!({"name": "law", "version": 1, "collections": {
        "notes": {"label": "title", "delete": rules.delete, "fields": fields},
        "vault": {"read": ["couple"], "fields": {"title": text}},
        "days": {
            "label": "title", "shift": {"start": "starts_at"},
            "visibility": {"field": "visibility", "audiences": {"private": ["lead"]}},
            "fields": {"title": text, "starts_at": {"type": "local_time"}, "minutes": {"type": "integer"}, "people": {"type": "set"},
                "secret": {"type": "text", "read": []}, "visibility": {"type": "enum", "values": ["everyone", "private"]}},
        },
        "mine": {"own": {"field": "owner", "read": ["photographer"]}, "fields": {"owner": {"type": "id"}, "title": text}},
    }, "rules": [
        {"rule": "duplicate", "collection": "notes", "any": ["title"]},
        {"rule": "duplicate", "collection": "notes", "any": ["secret"]},
        {"rule": "duplicate", "collection": "mine", "any": ["title"]},
        {"rule": "one_place", "collection": "days", "start": "starts_at", "duration": "minutes", "people": "people"},
    ]})
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Ana(Edit),
    /// Ana writes what Bo sees, and in one of the worlds more than that.
    Both(Edit, usize, u8),
    Bo(Edit),
    Create(bool, usize, u8),
    Delete(bool, usize, bool),
    Restore(usize),
    /// In one of the worlds only: another lead writes what Bo does not see.
    Hidden(usize, usize, u8, bool),
    Vault(usize, u8),
    NotMine(usize, u8),
    Mine(bool, u8),
    /// Ana answers a question as far as Bo sees it.
    Answer(usize, bool),
    /// In one of the worlds only: Ana answers the rest of it.
    AnswerRest(usize, bool),
    /// Two edits that are committed together, Ana's with more in one of the worlds.
    Group(bool, Edit, Edit),
    /// Something at a time of the day, by either of them.
    Day(bool, usize, u8),
    /// In one of the worlds only: something at that time that Bo does not see.
    PrivateDay(usize, u8),
    Shift(bool, u8, i64, bool),
    /// The couple proposes what Bo sees, and in one of the worlds more than that.
    Propose(usize, u8, bool),
    /// In one of the worlds only: what Bo does not see.
    ProposeHidden(usize, u8),
    /// Ana decides a request that Bo sees.
    Decide(usize, bool),
    Look,
}

#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub(crate) document: usize,
    pub(crate) field: usize,
    pub(crate) value: u8,
    pub(crate) stale: bool,
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let edit = || {
        (0..DOCUMENTS.len(), 0..SEEN.len(), 0..4_u8, any::<bool>()).prop_map(|(document, field, value, stale)| Edit {
            document,
            field,
            value,
            stale,
        })
    };
    let (document, hidden, value, flag) = (0..DOCUMENTS.len(), 0..HIDDEN.len(), 0..4_u8, any::<bool>());
    let (documents, hour) = (document.clone(), 10..14_u8);
    let step = prop_oneof![
        3 => edit().prop_map(Step::Ana),
        3 => (edit(), hidden.clone(), value.clone()).prop_map(|(edit, hidden, value)| Step::Both(edit, hidden, value)),
        4 => edit().prop_map(Step::Bo),
        2 => (flag, document.clone(), value.clone()).prop_map(|(bo, document, value)| Step::Create(bo, document, value)),
        1 => (flag, document.clone(), any::<bool>()).prop_map(|(bo, document, stale)| Step::Delete(bo, document, stale)),
        1 => document.clone().prop_map(Step::Restore),
        6 => (document, hidden, value.clone(), flag).prop_map(|(document, field, value, stale)| Step::Hidden(document, field, value, stale)),
        1 => (0..2_usize, value.clone()).prop_map(|(document, value)| Step::Vault(document, value)),
        1 => (0..2_usize, value.clone()).prop_map(|(document, value)| Step::NotMine(document, value)),
        1 => (flag, value).prop_map(|(bo, value)| Step::Mine(bo, value)),
        2 => (0..4_usize, flag).prop_map(|(question, ours)| Step::Answer(question, ours)),
        1 => (0..4_usize, flag).prop_map(|(question, ours)| Step::AnswerRest(question, ours)),
        2 => (flag, edit(), edit()).prop_map(|(bo, one, other)| Step::Group(bo, one, other)),
        2 => (flag, 0..2_usize, hour.clone()).prop_map(|(bo, document, hour)| Step::Day(bo, document, hour)),
        1 => (0..2_usize, hour.clone()).prop_map(|(document, hour)| Step::PrivateDay(document, hour)),
        2 => (flag, hour, -1..3_i64, any::<bool>()).prop_map(|(bo, from, by, stale)| Step::Shift(bo, from, 30 * by, stale)),
        2 => (documents.clone(), 1..4_u8, flag).prop_map(|(document, value, more)| Step::Propose(document, value, more)),
        1 => (documents, 1..4_u8).prop_map(|(document, value)| Step::ProposeHidden(document, value)),
        1 => (0..3_usize, flag).prop_map(|(request, approved)| Step::Decide(request, approved)),
        3 => Just(Step::Look),
    ];
    proptest::collection::vec(step, 4..28)
}

pub(crate) fn value_of(field: &str, value: u8) -> Value {
    match (field, value) {
        (_, 0) => Value::Null,
        ("tags" | "codes", value) => json!((0..value).map(|n| format!("t{n}")).collect::<Vec<_>>()),
        // what is hidden is told apart from everything else
        (field, value) if HIDDEN.contains(&field) || field == OWNED[1] => json!(format!("CANARY {field} {value}")),
        (field, value) => json!(format!("{field} number {value}")),
    }
}
