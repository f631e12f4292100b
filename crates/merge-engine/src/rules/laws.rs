//! What holds of all rules, whatever the documents hold.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let fields = ["a", "b", "c", "d"];
    let of = |kind: &str| fields.iter().map(|name| ((*name).to_owned(), json!({"type": kind}))).collect::<Object>();
    let collections = ["times", "texts", "lists"].into_iter().zip(["local_time", "text", "set"]);
    let collections: Object = collections.map(|(name, kind)| (name.to_owned(), json!({"fields": of(kind)}))).collect();
    let mut schema = json!({"name": "x", "version": 1, "collections": collections});
    let (minutes, people) = (json!({"type": "integer"}), json!({"type": "set"}));
    schema["collections"]["times"]["fields"]["b"] = minutes.clone();
    schema["collections"]["times"]["fields"]["c"] = people;
    schema["collections"]["texts"]["fields"]["b"] = minutes;
    let held = |field: &str| json!({"field": field, "is": ["x"]});
    schema["rules"] = json!([
        json!({"rule": "end_after_start", "collection": "times", "start": "a", "end": "d"}),
        json!({"rule": "one_place", "collection": "times", "start": "a", "duration": "b", "people": "c"}),
        json!({"rule": "capacity", "collection": "texts", "place": "a", "seat": "b", "of": "texts", "capacity": "b"}),
        json!({"rule": "must_be_done", "collection": "texts", "must": held("c"), "open": held("d"), "belongs_to": "a", "of": "texts", "over": held("c")}),
        json!({"rule": "duplicate", "collection": "lists", "any": ["a", "b"]}),
        json!({"rule": "duplicate", "collection": "texts", "any": ["d"], "all": ["a", "c"]}),
    ]);
    Schema::from_value(&schema).unwrap()
});

fn value() -> impl Strategy<Value = Value> {
    let minute = (0..240_u32).prop_map(|minute| json!(format!("2026-06-20T{:02}:{:02}", 12 + minute / 60, minute % 60)));
    let leaf = prop_oneof![
        3 => minute,
        2 => prop_oneof![Just(json!("x")), Just(json!("y")), Just(json!("k0")), Just(json!("k1"))],
        2 => (0..90_i64).prop_map(Value::from),
        1 => prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), any::<f64>().prop_map(Value::from), ".{0,6}".prop_map(Value::from)],
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            1 => prop::collection::btree_map("value|id", inner, 0..3).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn body() -> impl Strategy<Value = Object> {
    prop::collection::btree_map("a|b|c|d", value(), 0..5).prop_map(|members| members.into_iter().collect())
}

/// Documents, and for some of them what became of them.
fn documents() -> impl Strategy<Value = Vec<(DocumentKey, Object, Option<Object>)>> {
    let document = ("times|texts|lists", 0..12_u32, body(), prop::option::of(body()));
    prop::collection::vec(document, 0..20).prop_map(|documents| {
        let named = |(collection, n, before, after): (String, u32, Object, Option<Object>)| {
            (DocumentKey::new(&collection, &format!("k{n}")).unwrap(), (before, after))
        };
        let unique: BTreeMap<_, _> = documents.into_iter().map(named).collect();
        unique.into_iter().map(|(key, (before, after))| (key, before, after)).collect()
    })
}

fn told(schema: &Schema, documents: &BTreeMap<DocumentKey, Object>, touched: &BTreeMap<DocumentKey, Change>) -> Vec<Warning> {
    check(&Scene { schema, documents, touched, names: &BTreeMap::new() })
}

fn changes(documents: &[(DocumentKey, Object, Option<Object>)]) -> BTreeMap<DocumentKey, Change> {
    let change = |(key, before, after): &(DocumentKey, Object, Option<Object>)| {
        Some((key.clone(), Change { before: Some(before.clone()), after: Some(after.clone()?) }))
    };
    documents.iter().filter_map(change).collect()
}

fn live(documents: &[(DocumentKey, Object, Option<Object>)]) -> BTreeMap<DocumentKey, Object> {
    documents.iter().map(|(key, before, _)| (key.clone(), before.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1_000), ..ProptestConfig::default() })]

    #[test]
    fn only_what_was_touched_warns(documents in documents()) {
        let (schema, touched) = (&*SCHEMA, changes(&documents));
        for warning in told(schema, &live(&documents), &touched) {
            prop_assert!(!warning.causes.is_empty());
            for cause in &warning.causes {
                let fields = watched(&schema.rules[warning.rule], cause.collection());
                prop_assert!(warning.documents.contains(cause));
                prop_assert!(touched[cause].is_seen_by(&fields));
            }
        }
        prop_assert_eq!(told(schema, &live(&documents), &BTreeMap::new()), Vec::new());
    }

    #[test]
    fn it_is_all_the_same_how_the_documents_are_given(documents in documents()) {
        let (schema, touched) = (&*SCHEMA, changes(&documents));
        let all = told(schema, &live(&documents), &touched);
        // those that were touched stand in their new state, in their old one, or not at all
        let mut new = live(&documents);
        new.extend(touched.iter().map(|(key, change)| (key.clone(), change.after.clone().unwrap())));
        let mut rest = live(&documents);
        rest.retain(|key, _| !touched.contains_key(key));
        // and only the collections that are needed are there
        let needed = needs(schema, &touched);
        let mut few = rest.clone();
        few.retain(|key, _| needed.contains(key.collection()));
        for given in [new, rest, few] {
            prop_assert_eq!(&told(schema, &given, &touched), &all);
        }
        let mut sorted = all.clone();
        sorted.sort_by(|a, b| (a.rule, &a.documents, &a.detail).cmp(&(b.rule, &b.documents, &b.detail)));
        prop_assert_eq!(sorted, all);
    }

    #[test]
    fn whoever_is_in_two_places_is_told_of_each(stays in prop::collection::vec((stay(), any::<bool>()), 0..12)) {
        let schema = &*SCHEMA;
        let key = |n: usize| DocumentKey::new("times", &format!("k{n}")).unwrap();
        let documents = stays.iter().enumerate().map(|(n, (stay, _))| (key(n), stay.body())).collect();
        let changed = stays.iter().enumerate().filter(|(_, (_, touched))| *touched);
        let touched = changed.map(|(n, (stay, _))| (key(n), Change { before: None, after: Some(stay.body()) })).collect();
        let warnings = told(schema, &documents, &touched);
        for (n, (stay, touched)) in stays.iter().enumerate() {
            let clashes = stays.iter().enumerate().any(|(other, (others, _))| other != n && stay.clashes(others));
            let told = warnings.iter().any(|warning| warning.code == "one_place" && warning.causes.contains(&key(n)));
            prop_assert_eq!(told, *touched && clashes, "{}", n);
        }
        prop_assert!(warnings.len() <= stays.len() * 3);
    }
}

/// A start in minutes, how many it takes, and who is there.
#[derive(Debug, Clone)]
struct Stay(i64, i64, BTreeSet<String>);

fn stay() -> impl Strategy<Value = Stay> {
    (0..240_i64, 0..90_i64, prop::collection::btree_set("[a-c]", 0..3)).prop_map(|(start, minutes, people)| Stay(start, minutes, people))
}

impl Stay {
    fn body(&self) -> Object {
        let start = format!("2026-06-20T{:02}:{:02}", 12 + self.0 / 60, self.0 % 60);
        json!({"a": start, "b": self.1, "c": self.2}).as_object().cloned().unwrap()
    }

    fn clashes(&self, other: &Self) -> bool {
        let end = |stay: &Self| (stay.0 * 60) + (stay.1 * 60).max(1);
        self.0 * 60 < end(other) && other.0 * 60 < end(self) && !self.2.is_disjoint(&other.2)
    }
}
