//! A JSON text taken apart without losing a character: what stands between the values is kept with them.

use std::collections::HashSet;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::exact;

/// How deep a document may be nested, as elsewhere.
const MAX_DEPTH: usize = 127;

/// A text with one value.
#[derive(Debug)]
pub(crate) struct Tree<'t> {
    /// What stands before the value.
    pub(crate) before: &'t str,
    /// The value as text.
    pub(crate) root: Node<'t>,
    /// The value.
    pub(crate) value: Value,
    /// What stands behind it.
    pub(crate) after: &'t str,
}

/// A value as text.
#[derive(Debug, Clone)]
pub(crate) struct Node<'t> {
    /// All of it.
    pub(crate) text: &'t str,
    /// Its parts.
    pub(crate) kind: Kind<'t>,
}

/// The parts of a value.
#[derive(Debug, Clone)]
pub(crate) enum Kind<'t> {
    /// An object's members.
    Object(Container<'t>),
    /// An array's items.
    Array(Container<'t>),
    /// None.
    Scalar,
}

/// What stands between two brackets.
#[derive(Debug, Clone)]
pub(crate) struct Container<'t> {
    /// The members or items.
    pub(crate) children: Vec<Child<'t>>,
    /// The space before the closing bracket.
    pub(crate) tail: &'t str,
}

/// A member or an item.
#[derive(Debug, Clone)]
pub(crate) struct Child<'t> {
    /// A member's name.
    pub(crate) name: String,
    /// The space before it.
    pub(crate) before: &'t str,
    /// A member's name as it is spelled, and everything up to its value.
    pub(crate) head: &'t str,
    /// Its value.
    pub(crate) node: Node<'t>,
    /// The space before the comma behind it.
    pub(crate) after: &'t str,
}

/// Why a text is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The place, in bytes.
    pub(crate) at: usize,
    /// What is wrong there.
    pub(crate) what: String,
}

impl<'t> Node<'t> {
    /// Its parts, if it has any.
    pub(crate) const fn container(&self) -> Option<&Container<'t>> {
        match &self.kind {
            Kind::Object(container) | Kind::Array(container) => Some(container),
            Kind::Scalar => None,
        }
    }

    /// The member or item at a place.
    pub(crate) fn child(&self, index: usize) -> Option<&Child<'t>> {
        self.container()?.children.get(index)
    }
}

impl<'t> Tree<'t> {
    /// Takes a text apart.
    ///
    /// # Errors
    /// Where it is not JSON, nested too deep, or names a member of an object twice.
    pub(crate) fn parse(text: &'t str) -> Result<Self, Fault> {
        serde_json::from_str::<&RawValue>(text).map_err(|error| syntax(text, &error))?;
        let mut reader = Reader { text, at: 0 };
        let before = reader.space();
        let (root, value) = reader.value(0)?;
        Ok(Self { before, root, value, after: reader.space() })
    }
}

/// A fault of the syntax, with its place in the text.
fn syntax(text: &str, error: &serde_json::Error) -> Fault {
    let line_start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let message = error.to_string();
    let what = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what);
    Fault { at: (line_start + error.column().saturating_sub(1)).min(text.len()), what: what.to_owned() }
}

/// Reads a text whose syntax is known to be right.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn since(&self, start: usize) -> &'t str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn next(&self) -> u8 {
        self.rest().bytes().next().unwrap_or_default()
    }

    fn fault(&self, what: impl Into<String>) -> Fault {
        Fault { at: self.at, what: what.into() }
    }

    fn space(&mut self) -> &'t str {
        let rest = self.rest();
        let space = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        self.at += space;
        rest.get(..space).unwrap_or_default()
    }

    fn value(&mut self, depth: usize) -> Result<(Node<'t>, Value), Fault> {
        if depth > MAX_DEPTH {
            return Err(self.fault(format!("it is nested more than {MAX_DEPTH} levels deep")));
        }
        let start = self.at;
        let (kind, value) = match self.next() {
            b'{' => self.object(depth)?,
            b'[' => self.array(depth)?,
            b'"' => (Kind::Scalar, exact::string(self.string()?)),
            _ => (Kind::Scalar, self.word()),
        };
        Ok((Node { text: self.since(start), kind }, value))
    }

    fn object(&mut self, depth: usize) -> Result<(Kind<'t>, Value), Fault> {
        let mut members = Map::new();
        let mut names = HashSet::new();
        let container = self.children(|reader, before| {
            let start = reader.at;
            let name = reader.string()?;
            if !names.insert(name.clone()) {
                return Err(Fault { at: start, what: format!("the member {name:?} stands twice in one object") });
            }
            reader.space();
            // the colon
            reader.at += 1;
            reader.space();
            let head = reader.since(start);
            let (node, value) = reader.value(depth + 1)?;
            members.insert(name.clone(), value);
            Ok(Child { name, before, head, node, after: "" })
        })?;
        Ok((Kind::Object(container), Value::Object(members)))
    }

    fn array(&mut self, depth: usize) -> Result<(Kind<'t>, Value), Fault> {
        let mut items = Vec::new();
        let container = self.children(|reader, before| {
            let (node, value) = reader.value(depth + 1)?;
            items.push(value);
            Ok(Child { name: String::new(), before, head: "", node, after: "" })
        })?;
        Ok((Kind::Array(container), Value::Array(items)))
    }

    /// What stands between two brackets.
    fn children(&mut self, mut read: impl FnMut(&mut Self, &'t str) -> Result<Child<'t>, Fault>) -> Result<Container<'t>, Fault> {
        let mut children = Vec::new();
        // the opening bracket
        self.at += 1;
        let mut space = self.space();
        while !matches!(self.next(), b'}' | b']') {
            let mut child = read(self, space)?;
            space = self.space();
            if self.next() == b',' {
                child.after = space;
                self.at += 1;
                space = self.space();
            }
            children.push(child);
        }
        self.at += 1;
        Ok(Container { children, tail: space })
    }

    fn string(&mut self) -> Result<String, Fault> {
        let mut escaped = false;
        let behind = |(_, byte): &(usize, u8)| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        };
        let length = self.rest().bytes().enumerate().skip(1).find(behind).map_or(self.rest().len(), |(at, _)| at + 1);
        let spelled = self.rest().get(..length).unwrap_or_default();
        let text = serde_json::from_str(spelled).map_err(|_| self.fault("an escape in this string names half a character"))?;
        self.at += length;
        Ok(text)
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Value {
        let rest = self.rest();
        let length = rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
        self.at += length;
        match rest.get(..length).unwrap_or_default() {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            spelled => exact::number(spelled),
        }
    }
}
