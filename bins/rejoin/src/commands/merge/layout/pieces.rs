//! A text with places that read differently.

use super::sides::{BASE, OURS};
use crate::commands::merge::document::source::MARKERS;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Same(String),
    Apart([String; 3]),
}

/// A text of which some parts read differently for ours, base and theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pieces(Vec<Piece>);

impl From<String> for Pieces {
    fn from(text: String) -> Self {
        Self(vec![Piece::Same(text)])
    }
}

impl Pieces {
    /// Adds what every reading has.
    pub(super) fn same(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Piece::Same(last)) => last.push_str(text),
            _ => self.0.push(Piece::Same(text.to_owned())),
        }
    }

    /// Adds what the readings have.
    pub(super) fn apart(&mut self, texts: [String; 3]) {
        let [ours, base, theirs] = &texts;
        if ours == base && ours == theirs {
            self.same(ours);
        } else {
            self.0.push(Piece::Apart(texts));
        }
    }

    /// Adds another text.
    pub(super) fn append(&mut self, other: Self) {
        for piece in other.0 {
            match piece {
                Piece::Same(text) => self.same(&text),
                Piece::Apart(texts) => self.0.push(Piece::Apart(texts)),
            }
        }
    }

    /// One reading.
    pub(super) fn reading(&self, reading: usize) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Same(text) => text.clone(),
            Piece::Apart(texts) => texts.get(reading).cloned().unwrap_or_default(),
        };
        self.0.iter().map(text).collect()
    }

    /// The reading of ours.
    pub(crate) fn ours(&self) -> String {
        self.reading(OURS)
    }

    /// All of it, the lines that read differently marked as git marks them, with the base between the sides (`diff3`).
    pub(crate) fn marked(&self) -> String {
        let mut page = Page::default();
        for piece in &self.0 {
            match piece {
                Piece::Same(text) => page.same(text),
                Piece::Apart(texts) => page.apart(texts),
            }
        }
        page.end()
    }
}

/// Lines on their way into a marked text.
#[derive(Default)]
struct Page {
    text: String,
    /// Lines that read differently, one after the other.
    hunk: [String; 3],
    /// The line that is written.
    line: [String; 3],
    /// Whether it reads differently.
    apart: bool,
}

impl Page {
    fn same(&mut self, text: &str) {
        for part in text.split_inclusive('\n') {
            self.line.iter_mut().for_each(|line| line.push_str(part));
            if part.ends_with('\n') {
                self.end_line();
            }
        }
    }

    fn apart(&mut self, texts: &[String; 3]) {
        self.line.iter_mut().zip(texts).for_each(|(line, text)| line.push_str(text));
        self.apart = true;
        if self.line.iter().all(|line| line.is_empty() || line.ends_with('\n')) {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.apart) {
            self.hunk.iter_mut().zip(&line).for_each(|(hunk, line)| hunk.push_str(line));
        } else {
            self.end_hunk();
            self.text.push_str(&line[OURS]);
        }
    }

    fn end_hunk(&mut self) {
        let hunk = std::mem::take(&mut self.hunk);
        if hunk.iter().all(String::is_empty) {
            return;
        }
        for (marker, (name, lines)) in MARKERS.iter().zip([(" ours", &hunk[0]), (" base", &hunk[1]), ("", &hunk[2])]) {
            let end = if lines.is_empty() || lines.ends_with('\n') { "" } else { "\n" };
            self.text.extend([marker, name, "\n", lines, end]);
        }
        self.text.extend([MARKERS[3], " theirs\n"]);
    }

    fn end(mut self) -> String {
        self.end_line();
        self.end_hunk();
        self.text
    }
}

/// A marked text with the base in every place; `None` where no place is marked, or one not to its end. Git merges the
/// ancestors of a branch that was merged crosswise first: then the base of a merge is the result of another.
pub(crate) fn base_of_marked(text: &str) -> Option<String> {
    let mut base = String::new();
    let mut section = None;
    let mut hunks = 0;
    for line in text.split_inclusive('\n') {
        let marker = MARKERS.iter().position(|marker| line.starts_with(marker));
        match (marker, section) {
            (Some(0), None) => section = Some(OURS),
            (Some(next), Some(now)) if next == now + 1 => section = Some(next).filter(|next| *next < 3),
            (Some(_), _) => return None,
            (None, None | Some(BASE)) => base.push_str(line),
            (None, Some(_)) => {}
        }
        hunks += usize::from(marker == Some(3));
    }
    (hunks > 0 && section.is_none()).then_some(base)
}
