//! What holds for any three texts.

use merge_engine::{Context, Policy};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::tests::source;
use super::*;
use crate::commands::merge::document::source::MARKERS;
use crate::commands::merge::document::tree::Kind;

/// A document with its members in an order and its scalars in a spelling.
#[derive(Debug, Clone)]
enum Doc {
    Scalar(String),
    Array(Vec<Doc>),
    Object(Vec<(String, Doc)>),
}

/// A change: which part, by a number at each level, and what becomes of it.
#[derive(Debug, Clone)]
struct Edit {
    way: Vec<usize>,
    doc: Option<Doc>,
    insert: bool,
}

const SCALARS: [&str; 13] = [
    "0",
    "1",
    "1.0",
    "-0.5e3",
    "12345678901234567890123",
    "0.10000000000000000001",
    "true",
    "null",
    "\"a\"",
    "\"\\u00e9\"",
    "\"é\\/\"",
    "\"b c d\"",
    "\"\\\"{[,]}\\\\\"",
];

fn doc() -> impl Strategy<Value = Doc> {
    let scalar = select(&SCALARS[..]).prop_map(|text| Doc::Scalar(text.into()));
    scalar.prop_recursive(4, 24, 5, |inner| {
        let name = || select(&["a", "b", "c", "id", "x", "y", "z/~", "é", ""][..]);
        let object = vec((name(), inner.clone()), 0..6).prop_map(|members| {
            let mut seen = std::collections::HashSet::new();
            Doc::Object(members.into_iter().filter(|(name, _)| seen.insert(*name)).map(|(name, doc)| (name.to_owned(), doc)).collect())
        });
        let item = (0..6_u8, inner.clone());
        let keyed = vec(item, 0..5).prop_map(|items| {
            let mut seen = std::collections::HashSet::new();
            let items = items.into_iter().filter(|(id, _)| seen.insert(*id));
            Doc::Array(items.map(|(id, doc)| Doc::Object(vec![("id".into(), Doc::Scalar(id.to_string())), ("v".into(), doc)])).collect())
        });
        prop_oneof![object, keyed, vec(inner, 0..5).prop_map(Doc::Array)]
    })
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = (vec(0..6_usize, 0..4), proptest::option::weighted(0.8, doc()), any::<bool>());
    vec(edit.prop_map(|(way, doc, insert)| Edit { way, doc, insert }), 0..4)
}

fn edited(mut doc: Doc, edits: &[Edit]) -> Doc {
    for edit in edits {
        change(&mut doc, &edit.way, edit);
    }
    doc
}

fn change(doc: &mut Doc, way: &[usize], edit: &Edit) {
    let Some((turn, way)) = way.split_first() else {
        if let (Some(new), Doc::Scalar(_)) = (&edit.doc, &doc) {
            *doc = new.clone();
        }
        return;
    };
    match doc {
        Doc::Scalar(_) => change(doc, &[], edit),
        Doc::Array(items) if !items.is_empty() => {
            let index = turn % items.len();
            match (&edit.doc, way.is_empty()) {
                (None, true) => drop(items.remove(index)),
                (Some(new), true) if edit.insert => items.insert(index, new.clone()),
                _ => change(&mut items[index], way, edit),
            }
        }
        Doc::Object(members) if !members.is_empty() => {
            let index = turn % members.len();
            match (&edit.doc, way.is_empty()) {
                (None, true) => drop(members.remove(index)),
                (Some(new), true) if edit.insert && !members.iter().any(|(name, _)| name == "new") => {
                    members.insert(index, ("new".into(), new.clone()));
                }
                _ => change(&mut members[index].1, way, edit),
            }
        }
        Doc::Array(items) => items.extend(edit.doc.clone()),
        Doc::Object(members) => members.extend(edit.doc.clone().map(|doc| ("new".to_owned(), doc))),
    }
}

/// How a text is written: with a step of indentation or on one line, and now and then some space that nobody expects.
#[derive(Debug, Clone)]
struct Hand {
    step: Option<&'static str>,
    odd: Vec<u8>,
}

fn hand() -> impl Strategy<Value = Hand> {
    let steps = select(&[Some("  "), Some("    "), Some("\t"), None][..]);
    (steps, prop_oneof![Just(Vec::new()), vec(0..12_u8, 1..20)]).prop_map(|(step, odd)| Hand { step, odd })
}

struct Writer<'h> {
    hand: &'h Hand,
    text: String,
    spaces: usize,
}

impl Writer<'_> {
    fn write(hand: &Hand, doc: &Doc) -> String {
        let mut writer = Writer { hand, text: String::new(), spaces: 0 };
        writer.doc(doc, 0);
        writer.text.push('\n');
        writer.text
    }

    fn space(&mut self, usual: &str) {
        let odd = self.hand.odd.get(self.spaces % self.hand.odd.len().max(1));
        self.spaces += 1;
        self.text.push_str(match odd {
            Some(0) => "",
            Some(1) => " ",
            Some(2) => "\n",
            Some(3) => " \n\n  ",
            _ => usual,
        });
    }

    fn line(&mut self, depth: usize, gap: &str) {
        let usual = self.hand.step.map_or_else(|| gap.to_owned(), |step| format!("\n{}", step.repeat(depth)));
        self.space(&usual);
    }

    fn doc(&mut self, doc: &Doc, depth: usize) {
        match doc {
            Doc::Scalar(text) => self.text.push_str(text),
            Doc::Array(items) => self.children(items.iter().map(|item| (None, item)).collect(), depth, "[]"),
            Doc::Object(members) => self.children(members.iter().map(|(name, doc)| (Some(name), doc)).collect(), depth, "{}"),
        }
    }

    fn children(&mut self, children: Vec<(Option<&String>, &Doc)>, depth: usize, brackets: &str) {
        self.text.push_str(&brackets[..1]);
        let number = children.len();
        for (index, (name, doc)) in children.into_iter().enumerate() {
            self.line(depth + 1, if index == 0 { "" } else { " " });
            if let Some(name) = name {
                self.text.push_str(&serde_json::Value::from(name.as_str()).to_string());
                self.space("");
                self.text.push(':');
                self.space(" ");
            }
            self.doc(doc, depth + 1);
            if index + 1 < number {
                self.space("");
                self.text.push(',');
            }
        }
        if number > 0 {
            self.line(depth, "");
        }
        self.text.push_str(&brackets[1..]);
    }
}

/// Three texts of one document that two people edited.
fn texts() -> impl Strategy<Value = [String; 3]> {
    let hands = prop_oneof![4 => hand().prop_map(|hand| [hand.clone(), hand.clone(), hand]), 1 => [hand(), hand(), hand()]];
    (doc(), edits(), edits(), hands).prop_map(|(base, ours, theirs, [first, second, third])| {
        let (ours, theirs) = (edited(base.clone(), &ours), edited(base.clone(), &theirs));
        [Writer::write(&first, &base), Writer::write(&second, &ours), Writer::write(&third, &theirs)]
    })
}

fn run(base: &str, ours: &str, theirs: &str, marked: bool) -> (Outcome, String) {
    let texts = Texts::new(source(base), source(ours), source(theirs));
    let (outcome, bytes) = texts.merge(&Policy::default(), &Context::default(), marked).unwrap();
    (outcome, String::from_utf8(bytes).unwrap())
}

/// A marked text as one side reads it.
fn reading(text: &str, side: usize) -> String {
    let mut section = None;
    let mut kept = String::new();
    for line in text.split_inclusive('\n') {
        match MARKERS.iter().position(|marker| line.starts_with(marker)) {
            Some(marker) => section = Some(marker).filter(|marker| *marker < 3),
            None if section.is_none_or(|section| section == side) => kept.push_str(line),
            None => {}
        }
    }
    kept
}

/// The names of a text's outermost members.
fn names(text: &str) -> Vec<String> {
    match Tree::parse(text).unwrap().root.kind {
        Kind::Object(members) => members.children.into_iter().map(|child| child.name).collect(),
        _ => Vec::new(),
    }
}

proptest! {
    #[test]
    fn the_text_is_the_merged_value([base, ours, theirs] in texts()) {
        let (outcome, text) = run(&base, &ours, &theirs, false);
        let tree = Tree::parse(&text).unwrap();
        prop_assert!(same(&tree.value, &outcome.merged), "{text}\n{}", outcome.merged);
    }

    #[test]
    fn every_reading_of_a_marked_text_is_json([base, ours, theirs] in texts()) {
        let (outcome, text) = run(&base, &ours, &theirs, true);
        let live = run(&base, &ours, &theirs, false).1;
        let readings = [0, 1, 2].map(|side| reading(&text, side));
        for reading in &readings {
            prop_assert!(Tree::parse(reading).is_ok(), "{text}");
        }
        if outcome.is_clean() {
            prop_assert_eq!(&text, &live);
        } else {
            prop_assert!(text.contains(MARKERS[0]), "{}", text);
            prop_assert_eq!(base_of_marked(&text).unwrap(), readings[1].clone());
        }
    }

    #[test]
    fn what_one_side_changed_is_taken_byte_for_byte([base, changed, _] in texts()) {
        prop_assert_eq!(run(&base, &changed, &base, true).1, changed.clone());
        prop_assert_eq!(run(&base, &base, &changed, true).1, changed);
    }

    #[test]
    fn ours_keeps_its_order([base, ours, theirs] in texts()) {
        let text = run(&base, &ours, &theirs, false).1;
        let (own, merged) = (names(&ours), names(&text));
        let kept: Vec<&String> = merged.iter().filter(|name| own.contains(name)).collect();
        let own: Vec<&String> = own.iter().filter(|name| merged.contains(name)).collect();
        prop_assert_eq!(kept, own, "{}", text);
    }

    #[test]
    fn a_text_put_together_from_its_parts_is_itself(doc in doc(), (mine, other) in (hand(), hand())) {
        // nothing is taken as a whole, since the sides differ in their spaces
        let (text, other) = (Writer::write(&mine, &doc), Writer::write(&other, &doc));
        let tree = Tree::parse(&text).unwrap();
        let form = Form::of(&tree);
        let other = Form::of(&Tree::parse(&other).unwrap()).restyle(&other, &Tree::parse(&other).unwrap(), &form);
        let layout = Layout { form: &form, policy: &Policy::default() };
        let pieces = layout.of(&tree.value, &[], &tree, None, &Tree::parse(&other).unwrap());
        prop_assert_eq!(pieces.ours(), text);
    }
}
