//! Writing values in a form.

use std::fmt::Write as _;

use serde_json::Value;

use super::exact::{self, Meaning};
use super::form::Form;
use super::tree::{Container, Kind, Node, Tree};

/// A value as text, within a line of this indentation.
pub(crate) fn value(value: &Value, form: &Form, indent: &str) -> String {
    let text = compact(value, &|text| escaped(text, form));
    match Tree::parse(&text) {
        Ok(tree) => node(&tree.root, form, indent),
        // a merge can't nest deeper than what it merges
        Err(_) => text,
    }
}

/// A value as text, in its shortest form.
pub(crate) fn plain(value: &Value) -> String {
    compact(value, &|text| Value::from(text).to_string())
}

fn compact(value: &Value, string: &impl Fn(&str) -> String) -> String {
    let joined = |parts: Vec<String>| parts.join(",");
    match value {
        Value::String(text) => match exact::meaning(text) {
            Meaning::Number(spelled) => spelled.to_owned(),
            Meaning::Text(text) => string(text),
        },
        Value::Array(items) => format!("[{}]", joined(items.iter().map(|item| compact(item, string)).collect())),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{}:{}", string(name), compact(value, string));
            format!("{{{}}}", joined(members.iter().map(member).collect()))
        }
        other => other.to_string(),
    }
}

/// A value with its scalars as they are spelled, in a form, within a line of this indentation.
pub(super) fn node(node: &Node<'_>, form: &Form, indent: &str) -> String {
    let (open, close, Container { children, .. }) = match &node.kind {
        Kind::Scalar => return node.text.to_owned(),
        Kind::Object(members) => ('{', '}', members),
        Kind::Array(items) => ('[', ']', items),
    };
    let inner = form.indent.as_ref().map(|step| format!("{indent}{step}"));
    let mut text = String::from(open);
    for (index, child) in children.iter().enumerate() {
        match &inner {
            Some(inner) => text.extend([if index > 0 { ",\n" } else { "\n" }, inner]),
            None if index > 0 => text.extend([",", &form.gap]),
            None => {}
        }
        if let Kind::Object(_) = node.kind {
            let name = child.head.rfind('"').and_then(|quote| child.head.get(..=quote)).unwrap_or_default();
            text.extend([name, &form.colon]);
        }
        text.push_str(&self::node(&child.node, form, inner.as_deref().unwrap_or_default()));
    }
    if inner.is_some() && !children.is_empty() {
        text.extend(["\n", indent]);
    }
    text.push(close);
    text
}

/// A string with the escapes of a form.
fn escaped(text: &str, form: &Form) -> String {
    let mut spelled = Value::from(text).to_string();
    if form.slashes {
        spelled = spelled.replace('/', "\\/");
    }
    if !form.ascii || spelled.is_ascii() {
        return spelled;
    }
    let mut ascii = String::with_capacity(spelled.len() * 2);
    for letter in spelled.chars() {
        if letter.is_ascii() {
            ascii.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            // writing to a string does not fail
            let _ = write!(ascii, "\\u{unit:04x}");
        }
    }
    ascii
}
