//! A file with one JSON value: read, and told what is wrong with it where it can't be.

use std::fs;
use std::path::Path;

use serde_json::value::RawValue;

use super::tree::{Fault, Tree};
use crate::failure::Failure;

const BOM: &str = "\u{feff}";

/// What a line of a conflict begins with.
pub(crate) const MARKERS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// A file.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// What it is called in messages.
    pub(crate) name: String,
    /// It as it is.
    pub(crate) bytes: Vec<u8>,
    /// Its text, with plain line feeds and without a byte order mark.
    pub(crate) text: String,
    /// How it is wrapped.
    pub(crate) wrapping: Wrapping,
}

/// What a text has around its characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wrapping {
    /// It begins with a byte order mark.
    pub(crate) bom: bool,
    /// Its lines end with a carriage return and a line feed.
    pub(crate) crlf: bool,
}

impl Wrapping {
    /// The bytes of a text.
    pub(crate) fn wrap(self, text: &str) -> Vec<u8> {
        let text = if self.crlf { text.replace('\n', "\r\n") } else { text.to_owned() };
        if self.bom { [BOM.as_bytes(), text.as_bytes()].concat() } else { text.into_bytes() }
    }
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Failure::Input`] when it can't be read, or is no text.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let name = file.display().to_string();
        let bytes = fs::read(file).map_err(|error| Failure::Input(format!("{name}: it can't be read: {error}")))?;
        Self::of(name, bytes)
    }

    /// A file that was read.
    ///
    /// # Errors
    /// [`Failure::Input`] when it is no text.
    pub(crate) fn of(name: String, bytes: Vec<u8>) -> Result<Self, Failure> {
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(Failure::Input(format!("{name}:1:1: it is UTF-16; JSON files are UTF-8: save it as that")));
        }
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let (line, column) = position(&String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default()));
            Failure::Input(format!("{name}:{line}:{column}: a byte here is not UTF-8; save the file in that encoding"))
        })?;
        let (bom, text) = text.strip_prefix(BOM).map_or((false, text), |text| (true, text));
        let crlf = text.matches("\r\n").count() * 2 > text.matches('\n').count();
        let text = text.replace("\r\n", "\n");
        Ok(Self { name, text, wrapping: Wrapping { bom, crlf }, bytes })
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.trim_ascii().is_empty()
    }

    /// Takes it apart.
    ///
    /// # Errors
    /// [`Failure::Input`] with the place of what is no JSON.
    pub(crate) fn tree(&self) -> Result<Tree<'_>, Failure> {
        Tree::parse(&self.text).map_err(|fault| self.failure(&fault))
    }

    fn failure(&self, fault: &Fault) -> Failure {
        let (line, column) = position(self.text.get(..fault.at).unwrap_or(&self.text));
        let (what, todo) = explain(&self.text, fault);
        Failure::Input(format!("{}:{line}:{column}: {what}; {todo}", self.name))
    }
}

/// Line and column, from 1, of what comes behind a text.
fn position(before: &str) -> (usize, usize) {
    let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// What is wrong, and what to do.
fn explain(text: &str, fault: &Fault) -> (String, &'static str) {
    const BY_LINES: &str = "only JSON is merged here: correct it, or give the file another merge driver in .gitattributes";
    let before = text.get(..fault.at).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let here = text.get(fault.at..).unwrap_or_default();
    let kind = if text.trim_ascii().is_empty() {
        return ("it is empty, which is no JSON".to_owned(), "write a value into it, or delete the file");
    } else if MARKERS.iter().any(|marker| line.starts_with(marker)) {
        return ("these are the marks of a conflict".to_owned(), "settle it first, then merge again");
    } else if ["//", "/*", "#"].iter().any(|comment| here.starts_with(comment)) {
        "a comment (JSON5, JSON with comments?)"
    } else if here.starts_with(['}', ']']) && before.trim_end().ends_with(',') {
        "a comma before the closing bracket (JSON5?)"
    } else if here.starts_with('\'') || fault.what.starts_with("key must be a string") {
        "a name or text without double quotes (JSON5?)"
    } else if fault.what.starts_with("trailing characters") {
        if are_lines(text) { "a second value (JSON Lines?)" } else { "something behind the value" }
    } else {
        return (fault.what.clone(), BY_LINES);
    };
    (format!("{kind} is no JSON"), BY_LINES)
}

/// Whether every line is a value.
fn are_lines(text: &str) -> bool {
    text.lines().filter(|line| !line.trim_ascii().is_empty()).all(|line| serde_json::from_str::<&RawValue>(line).is_ok())
}
