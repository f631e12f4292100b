//! Three-way text: by lines, and within lines that both sides changed, by words.

use std::ops::Range;

use serde_json::Value;
use sync_core::schema::strategy::Overlap;

use crate::merger::{Merger, Pick, Sides};
use crate::outcome::{Decided, Reason};
use crate::sequence::{Change, Hunk, Tokens, diff3};

/// So many words that nobody changed keep two changes apart. Closer ones may say something together that neither says.
const WORDS_APART: usize = 2;

/// Merges three texts. `guessed`: nothing declares that it is text.
pub(crate) fn merge<'a>(
    merger: &mut Merger<'a>,
    sides: Sides<'a>,
    [base, ours, theirs]: [&str; 3],
    overlap: Overlap,
    guessed: bool,
) -> Pick {
    match merged(base, ours, theirs) {
        Some(text) => {
            merger.decided("text", Decided::Merged, Reason::DifferentPlaces);
            Pick::Made(Value::String(text))
        }
        None if guessed => merger.ask_or_assist(sides, Reason::SameWords),
        None if overlap == Overlap::KeepBoth => {
            let live = Value::String(both(ours, theirs));
            merger.dispute(Sides { base: sides.base, ours: Some(&live), theirs: sides.theirs }, Reason::BothKept);
            merger.decided("text", Decided::Conflict, Reason::BothKept);
            Pick::Made(live)
        }
        None => merger.ask(sides, "text", Reason::SameWords),
    }
}

/// Both texts, one after the other, each line once.
fn both(ours: &str, theirs: &str) -> String {
    let there: std::collections::HashSet<&str> = ours.lines().collect();
    ours.lines().chain(theirs.lines().filter(|line| !there.contains(line))).collect::<Vec<_>>().join("\n")
}

/// The merged text; `None` where both sides changed the same words.
pub(crate) fn merged(base: &str, ours: &str, theirs: &str) -> Option<String> {
    let texts = [base, ours, theirs].map(lines);
    let mut tokens = Tokens::new();
    let [b, o, t] = texts.each_ref().map(|text| tokens.of(text.iter().map(|line| line.trim_end_matches('\n'))));
    let has_lines = [base, ours, theirs].iter().any(|text| text.contains('\n'));
    let mut out = String::with_capacity(ours.len().max(theirs.len()));
    for hunk in diff3(&b, &o, &t) {
        let part = [join(&texts[0], &hunk.base), join(&texts[1], &hunk.ours), join(&texts[2], &hunk.theirs)];
        let [was, one, other] = [part[0].as_str(), part[1].as_str(), part[2].as_str()];
        let text = match hunk.change {
            Change::Nobody | Change::Ours => one.to_owned(),
            Change::Theirs => other.to_owned(),
            Change::Both if one == other => one.to_owned(),
            // whole lines that both put in at one place are both in
            Change::Both if hunk.base.is_empty() && has_lines => whole_line(one) + other,
            Change::Both if hunk.base.len() == hunk.ours.len() && hunk.base.len() == hunk.theirs.len() => line_by_line([was, one, other])?,
            Change::Both => by_words(was, one, other)?,
        };
        if !out.is_empty() && !text.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(&text);
    }
    // the text ends with a line break where it did, unless somebody took it away
    let ends = |text: &str| text.ends_with('\n');
    let ends = if ends(ours) == ends(base) { ends(theirs) } else { ends(ours) };
    if !ends && out.ends_with('\n') {
        out.pop();
    }
    Some(out)
}

fn whole_line(text: &str) -> String {
    if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn join(parts: &[&str], range: &Range<usize>) -> String {
    parts.get(range.clone()).unwrap_or_default().concat()
}

/// Merges as many lines as before, each in its place.
fn line_by_line(parts: [&str; 3]) -> Option<String> {
    let [was, one, other] = parts.map(lines);
    was.into_iter().zip(one).zip(other).map(|((was, one), other)| by_words(was, one, other)).collect()
}

/// Merges by words; `None` where both sides changed the same, or too near to each other.
fn by_words(was: &str, one: &str, other: &str) -> Option<String> {
    let texts = [was, one, other].map(words);
    let mut tokens = Tokens::new();
    let [b, o, t] = texts.each_ref().map(|text| tokens.of(text.iter().map(|word| word.trim_end())));
    let hunks = diff3(&b, &o, &t);
    if too_near(&hunks) {
        return None;
    }
    let mut out = String::with_capacity(one.len().max(other.len()));
    for hunk in &hunks {
        let (one, other) = (Part::of(&texts[1], &hunk.ours), Part::of(&texts[2], &hunk.theirs));
        match hunk.change {
            Change::Nobody | Change::Ours => one.append_to(&mut out),
            Change::Theirs => other.append_to(&mut out),
            Change::Both if one.words.trim_end() == other.words.trim_end() => one.append_to(&mut out),
            // whole sentences that both put in at one place are both in, as whole lines are
            Change::Both
                if hunk.base.is_empty() && is_between_sentences(&out) && ends_sentence(&one.words) && ends_sentence(&other.words) =>
            {
                one.append_to(&mut out);
                other.append_to(&mut out);
            }
            Change::Both => return None,
        }
    }
    Some(out)
}

/// Words of one side, with the white space that stands before them there.
struct Part<'a> {
    before: &'a str,
    words: String,
}

impl<'a> Part<'a> {
    fn of(text: &[&'a str], range: &Range<usize>) -> Self {
        let last = range.start.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or_default();
        Self { before: last.get(last.trim_end().len()..).unwrap_or_default(), words: join(text, range) }
    }

    /// Where the other side's words before these were the last of its text, they have no white space behind them.
    fn append_to(&self, out: &mut String) {
        if !self.words.is_empty() && !out.is_empty() && !out.ends_with(char::is_whitespace) {
            out.push_str(self.before);
        }
        out.push_str(&self.words);
    }
}

fn is_between_sentences(text: &str) -> bool {
    text.trim_end().is_empty() || ends_sentence(text)
}

fn ends_sentence(text: &str) -> bool {
    text.trim_end().ends_with(['.', '!', '?', '…'])
}

/// Whether one side's change stands too near to the other's.
fn too_near(hunks: &[Hunk]) -> bool {
    hunks.iter().zip(hunks.iter().skip(1)).zip(hunks.iter().skip(2)).any(|((before, between), after)| {
        let sides = (before.change, after.change);
        let opposite = matches!(sides, (Change::Ours, Change::Theirs) | (Change::Theirs, Change::Ours));
        opposite && between.change == Change::Nobody && between.base.len() < WORDS_APART
    })
}

/// Words, each with the white space behind it; punctuation stands alone.
fn words(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, letter) in text.char_indices() {
        if before.is_some_and(|before| breaks(before, letter)) {
            parts.push(text.get(start..at).unwrap_or_default());
            start = at;
        }
        before = Some(letter);
    }
    if start < text.len() {
        parts.push(text.get(start..).unwrap_or_default());
    }
    parts
}

fn breaks(before: char, letter: char) -> bool {
    if letter.is_whitespace() {
        return false;
    }
    before.is_whitespace() || !(before.is_alphanumeric() && letter.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: &str, ours: &str, theirs: &str, expected: Option<&str>) {
        assert_eq!(merged(base, ours, theirs).as_deref(), expected);
    }

    #[test]
    fn words_in_different_places_come_together() {
        check(
            "Bring the rings to the old chapel at four",
            "Bring both rings to the old chapel at four",
            "Bring the rings to the old chapel at five",
            Some("Bring both rings to the old chapel at five"),
        );
        check("Meet at the gate", "Meet at the barn", "Meet at the door", None);
        // next to each other
        check("a red car", "a blue car", "a red bike", None);
        check("at four", "at five", "at five", Some("at five"));
    }

    #[test]
    fn lines_that_both_add_are_both_in() {
        check("Vows\n", "Vows\nRings\n", "Vows\nReadings\n", Some("Vows\nRings\nReadings\n"));
        check("Vows", "Vows\nRings", "Vows\nReadings", Some("Vows\nRings\nReadings"));
        check("", "Ceremony", "Vows", None);
        check("", "Vows\n", "Rings\n", Some("Vows\nRings\n"));
        check("a\nb\nc", "a\nB\nc", "a\nb\nC", Some("a\nB\nC"));
        check("a\nb\nc", "b\nc", "a\nb\nc\nd", Some("b\nc\nd"));
    }

    #[test]
    fn sentences_that_both_add_are_both_in() {
        let oak = "Chairs stand under the oak.";
        check(oak, &format!("{oak} Petals fall."), &format!("{oak} Lanterns glow!"), Some(&format!("{oak} Petals fall. Lanterns glow!")));
        // behind the last word there is no space to share
        check(
            oak,
            "Eighty chairs stand under the oak.",
            &format!("{oak} Petals fall."),
            Some("Eighty chairs stand under the oak. Petals fall."),
        );
        check(
            oak,
            &format!("{oak} Petals fall."),
            "White chairs stand under the oak.",
            Some("White chairs stand under the oak. Petals fall."),
        );
        // what is no sentence may say something together that neither says
        check(oak, &format!("{oak} Petals"), &format!("{oak} Lanterns"), None);
        check("at four", "at four sharp.", "at four or so.", None);
        check(
            "about 1.5 l of the old wine",
            "about 1.7 l of the old wine",
            "about 1.5 l of the red wine",
            Some("about 1.7 l of the red wine"),
        );
    }

    #[test]
    fn text_is_cut_into_words() {
        assert_eq!(words("It's 4 pm,  café!"), ["It", "'", "s ", "4 ", "pm", ",  ", "café", "!"]);
        assert!(words("").is_empty());
    }
}
