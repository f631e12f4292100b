//! Members and items between their brackets, with commas that are right in every reading.

use super::Shape;
use super::pieces::Pieces;

/// A member or an item.
pub(super) struct Part {
    /// The space before it.
    pub(super) before: String,
    /// A member's name and colon.
    pub(super) head: String,
    /// Its value.
    pub(super) shape: Shape,
    /// The space before its comma.
    pub(super) after: String,
}

impl Shape {
    /// In which readings it is there.
    fn is_there(&self) -> [bool; 3] {
        match self {
            Self::There(_) => [true; 3],
            Self::Apart(texts) => texts.each_ref().map(Option::is_some),
        }
    }
}

/// Joins parts. A part takes the line break behind it along, so that in a reading that lacks the part nothing of its line is
/// left.
pub(super) fn join(parts: Vec<Part>, tail: &str, [open, close]: [&str; 2]) -> Pieces {
    if parts.is_empty() {
        return Pieces::from(format!("{open}{close}"));
    }
    let commas = commas(&parts);
    let breaks = parts.iter().skip(1).map(|part| first_line(&part.before).0).chain([first_line(tail).0]);
    let breaks: Vec<String> = breaks.map(str::to_owned).collect();
    let mut pieces = Pieces::from(open.to_owned());
    pieces.same(first_line(parts.first().map_or("", |part| &part.before)).0);
    let mut is_empty = [true; 3];
    for ((part, comma), line_break) in parts.into_iter().zip(commas).zip(breaks) {
        let there = part.shape.is_there();
        is_empty = zip(is_empty, there).map(|(empty, there)| empty && !there);
        put(&mut pieces, part, comma, &line_break);
    }
    pieces.same(first_line(tail).1);
    pieces.same(close);
    if is_empty.contains(&true) {
        // a reading without any part has nothing between its brackets
        let readings = [0, 1, 2].map(|reading| pieces.reading(reading));
        let texts = zip(is_empty, readings).map(|(empty, text)| if empty { format!("{open}{close}") } else { text });
        pieces = Pieces::default();
        pieces.apart(texts);
    }
    pieces
}

fn put(pieces: &mut Pieces, part: Part, comma: [bool; 3], line_break: &str) {
    let Part { before, head, shape, after } = part;
    let before = first_line(&before).1;
    let comma = comma.map(|comma| if comma { format!("{after},") } else { String::new() });
    match shape {
        Shape::There(inner) => {
            pieces.same(before);
            pieces.same(&head);
            pieces.append(inner);
        }
        Shape::Apart([Some(ours), Some(base), Some(theirs)]) => {
            pieces.same(before);
            pieces.same(&head);
            pieces.apart([ours, base, theirs]);
        }
        Shape::Apart(texts) => {
            let whole = |(text, comma): (Option<String>, String)| text.map(|text| format!("{before}{head}{text}{comma}{line_break}"));
            pieces.apart(zip(texts, comma).map(whole).map(Option::unwrap_or_default));
            return;
        }
    }
    pieces.apart(comma);
    pieces.same(line_break);
}

/// In which readings each part has a comma behind it: where another part comes.
fn commas(parts: &[Part]) -> Vec<[bool; 3]> {
    let mut later = [false; 3];
    let mut commas: Vec<[bool; 3]> = Vec::with_capacity(parts.len());
    for part in parts.iter().rev() {
        commas.push(later);
        later = zip(later, part.shape.is_there()).map(|(later, there)| later || there);
    }
    commas.reverse();
    commas
}

/// The space up to the end of the line, and the rest.
fn first_line(space: &str) -> (&str, &str) {
    space.find('\n').and_then(|at| space.split_at_checked(at + 1)).unwrap_or(("", space))
}

fn zip<A, B>(one: [A; 3], other: [B; 3]) -> [(A, B); 3] {
    let ([ours, base, theirs], [our, first, their]) = (one, other);
    [(ours, our), (base, first), (theirs, their)]
}
