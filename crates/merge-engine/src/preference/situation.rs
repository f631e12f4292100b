//! What a question has in common with former ones.

use sync_core::{Role, UserId};

/// How near an event is, by whole days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nearness {
    /// It is over.
    Over,
    /// It is today.
    Day,
    /// At most seven days.
    Week,
    /// At most 31 days.
    Month,
    /// More than that.
    Later,
}

impl Nearness {
    /// By the days until the event, negative afterwards.
    #[must_use]
    pub const fn of_days(days: i64) -> Self {
        match days {
            ..=-1 => Self::Over,
            0 => Self::Day,
            1..=7 => Self::Week,
            8..=31 => Self::Month,
            _ => Self::Later,
        }
    }

    /// The name in a context.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Later => "later",
        }
    }
}

/// A question as far as former decisions may tell something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation<'a> {
    /// The collection.
    pub collection: &'a str,
    /// The top-level field; empty for the whole document.
    pub field: &'a str,
    /// The kind of question.
    pub kind: &'a str,
    /// The roles of who wrote what is live and of who sent the other side, where they are known.
    pub roles: Option<[Role; 2]>,
    /// The same two people, where they are known.
    pub people: Option<[UserId; 2]>,
    /// How near the event is, where it has a day.
    pub nearness: Option<Nearness>,
}

impl Situation<'_> {
    /// The contexts of the question, the finest first: each is a text in which a `/` stands between the parts, and each
    /// coarser one lacks the last part. Where a part is not known, no finer context has it:
    /// `collection/field/kind/role>role/user>user/nearness`.
    #[must_use]
    pub fn contexts(&self) -> Vec<String> {
        let pair = |left: &dyn std::fmt::Display, right: &dyn std::fmt::Display| format!("{left}>{right}");
        let parts = [
            Some(self.collection.to_owned()),
            Some(self.field.replace('~', "~0").replace('/', "~1")),
            Some(self.kind.to_owned()),
            self.roles.map(|[ours, theirs]| pair(&ours.as_str(), &theirs.as_str())),
            self.people.map(|[ours, theirs]| pair(&ours, &theirs)),
            self.nearness.map(|nearness| nearness.as_str().to_owned()),
        ];
        let mut contexts: Vec<String> = Vec::new();
        for part in parts.into_iter().map_while(|part| part) {
            let context = match contexts.last() {
                Some(coarser) => format!("{coarser}/{part}"),
                None => part,
            };
            contexts.push(context);
        }
        contexts.reverse();
        contexts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_a_text_and_the_coarser_ones_are_its_beginning() {
        let user = |number: u32| format!("01890000-0000-7000-8000-{number:012x}").parse::<UserId>().unwrap();
        let whole = Situation {
            collection: "guests",
            field: "a/b",
            kind: "fields",
            roles: Some([Role::Lead, Role::Vendor]),
            people: Some([user(1), user(2)]),
            nearness: Some(Nearness::of_days(7)),
        };
        let contexts = whole.contexts();
        let people = format!("{}>{}", user(1), user(2));
        assert_eq!(contexts[0], format!("guests/a~1b/fields/lead>vendor/{people}/week"));
        assert_eq!(contexts[2..], ["guests/a~1b/fields/lead>vendor", "guests/a~1b/fields", "guests/a~1b", "guests"]);
        let unknown = Situation { roles: None, ..whole };
        assert_eq!(unknown.contexts(), contexts[3..], "who they were is not known: no context says so");
        let days = [(-1, "over"), (0, "day"), (1, "week"), (8, "month"), (31, "month"), (32, "later"), (i64::MIN, "over")];
        assert!(days.iter().all(|(days, name)| Nearness::of_days(*days).as_str() == *name));
    }
}
