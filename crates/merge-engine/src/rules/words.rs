//! What people call documents, fields and each other.

use sync_core::UserId;
use sync_core::schema::FieldType;

use super::board::{Board, Card};

/// Labels are cut after so many characters.
const MAX_LABEL: usize = 60;
/// So many things are named in a row; of the others, the number is told.
const MAX_NAMED: usize = 5;

impl Board<'_> {
    /// What people call a document: the field that its collection declares, or what mostly is its name.
    pub(super) fn label(&self, card: &Card<'_>) -> String {
        let declared = self.schema.collection(card.key.collection()).and_then(|collection| collection.label.as_deref());
        let text = |name: &str| card.text(name).map(str::trim).filter(|text| !text.is_empty());
        let parts: Vec<&str> = ["given_name", "family_name"].into_iter().filter_map(text).collect();
        let label = declared.into_iter().chain(["title", "name"]).find_map(text).map(str::to_owned);
        let label = label.or_else(|| (!parts.is_empty()).then(|| parts.join(" ")));
        label.map_or_else(|| format!("something in {}", spaced(card.key.collection())), |label| shortened(&label))
    }

    /// What people call a field.
    pub(super) fn field(&self, collection: &str, name: &str) -> String {
        let field = self.schema.collection(collection).and_then(|collection| collection.fields.get(name));
        if let Some(label) = field.and_then(|field| field.label.as_deref()) {
            return within_a_sentence(label);
        }
        let is_list = field.is_some_and(|field| matches!(field.kind, FieldType::Set | FieldType::List));
        let name = spaced(name);
        // "the same emails" of two people who share one of them
        name.strip_suffix('s').filter(|one| is_list && !one.ends_with('s')).map_or(name.clone(), str::to_owned)
    }

    /// What people call each other. An id that nobody reads stays unsaid.
    pub(super) fn person(&self, id: &str) -> String {
        match self.names.get(id) {
            Some(name) => shortened(name),
            None if id.parse::<UserId>().is_ok() => "somebody".into(),
            None => shortened(id),
        }
    }

    /// The labels of documents in a row.
    pub(super) fn labels(&self, cards: &[Card<'_>]) -> String {
        row(&cards.iter().map(|card| self.label(card)).collect::<Vec<_>>())
    }
}

fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_LABEL) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end()),
        None => text.to_owned(),
    }
}

/// "A", "A and B", "A, B and C", "A, B, C, D, E and 3 more".
pub(super) fn row(names: &[String]) -> String {
    let (named, rest) = names.split_at(names.len().min(MAX_NAMED));
    let last = if rest.is_empty() { named.last().cloned() } else { Some(format!("{} more", rest.len())) };
    let before = if rest.is_empty() { named.split_last().map_or(named, |(_, before)| before) } else { named };
    match (before.is_empty(), last) {
        (true, last) => last.unwrap_or_default(),
        (false, last) => format!("{} and {}", before.join(", "), last.unwrap_or_default()),
    }
}

/// A word that is not all capitals, with a small first letter: `Email` as `email`, `RSVP` as it is.
fn within_a_sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().filter(|_| text.chars().nth(1).is_none_or(char::is_lowercase));
    first.map_or_else(|| text.to_owned(), |first| first.to_lowercase().chain(letters).collect())
}

/// A sentence begins with a capital letter.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::{row, sentence, shortened, within_a_sentence};

    #[test]
    fn names_stand_in_a_row() {
        let names: Vec<String> = ["A", "B", "C", "D", "E", "F", "G"].map(String::from).to_vec();
        for (count, text) in [
            (0, ""),
            (1, "A"),
            (2, "A and B"),
            (3, "A, B and C"),
            (5, "A, B, C, D and E"),
            (6, "A, B, C, D, E and 1 more"),
            (7, "A, B, C, D, E and 2 more"),
        ] {
            assert_eq!(row(&names[..count]), text);
        }
        assert_eq!((sentence("éa").as_str(), sentence("").as_str()), ("Éa", ""));
        assert_eq!(["Email", "RSVP", "É", ""].map(within_a_sentence), ["email", "RSVP", "é", ""]);
        assert_eq!(shortened(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
    }
}
