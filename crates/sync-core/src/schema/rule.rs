//! What a schema says beyond single fields: fields that make sense only together, places inside fields, deadlines, the
//! intent `shift`, and what is to hold between documents.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::strategy::Strategy;

/// Fields that merge as one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Top-level fields.
    pub fields: Vec<String>,
    /// How two changes of the whole come together.
    pub strategy: Strategy,
}

/// The strategy of the places that a pattern names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathRule {
    /// An RFC 6901 pointer in which `*` stands for any one token and a final `**` for any number of them. Inside lists
    /// a token is the item's id.
    pub path: String,
    /// How two changes come together there.
    pub strategy: Strategy,
}

/// A field, and some of its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Values {
    /// A top-level field.
    pub field: String,
    /// The values.
    pub is: Vec<Value>,
}

impl Values {
    /// Whether a document's field has one of the values.
    #[must_use]
    pub fn holds(&self, document: &crate::Object) -> bool {
        document.get(&self.field).is_some_and(|value| self.is.contains(value))
    }
}

/// Until when an answer to a question about a document helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// A top-level field with a local time in the space's zone, a date, or an instant.
    pub field: String,
    /// So long before it, in minutes.
    pub before_min: u32,
}

/// How the intent `shift` moves the documents of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// The field that it moves, a local time.
    pub start: String,
    /// Documents that never move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Values>,
    /// Documents that are over, or have begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Values>,
}

/// What is to hold between documents, or between the fields of one. Where it does not, the operation is told with a
/// warning; nothing is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rule", deny_unknown_fields)]
#[non_exhaustive]
pub enum Rule {
    /// An end is not before its start.
    EndAfterStart {
        /// The collection.
        collection: String,
        /// The field with the start.
        start: String,
        /// The field with the end.
        end: String,
    },
    /// Nobody is in two places: documents that overlap in time share no person.
    OnePlace {
        /// The collection.
        collection: String,
        /// The field with the start, a local time.
        start: String,
        /// The field with the minutes that it takes.
        duration: String,
        /// The field with the set of people.
        people: String,
        /// Documents that take no one's time any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        except: Option<Values>,
    },
    /// No more members than there is room, and no place taken twice.
    Capacity {
        /// The collection of those who are placed.
        collection: String,
        /// Their field with the id of the place.
        place: String,
        /// Their field with the seat.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seat: Option<String>,
        /// The collection of the places.
        of: String,
        /// The places' field with how many fit.
        capacity: String,
    },
    /// What is fixed does not move because something else did.
    FixedMoved {
        /// The collection.
        collection: String,
        /// The field with the start.
        start: String,
        /// Which documents are fixed.
        fixed: Values,
    },
    /// What must be done is done by the end of what it belongs to.
    MustBeDone {
        /// The collection of what must be done.
        collection: String,
        /// Which of its documents must be.
        must: Values,
        /// Which of its documents are not done.
        open: Values,
        /// Their field with the id of what they belong to.
        belongs_to: String,
        /// The collection of that.
        of: String,
        /// When that is over.
        over: Values,
    },
    /// Nobody is there twice: no two documents agree in one of these fields; letter case, accents, spaces and punctuation
    /// aside, and by the last nine digits of telephone numbers.
    Duplicate {
        /// The collection.
        collection: String,
        /// Fields of which each alone makes two documents alike: texts, or sets of texts or of objects with a `value`.
        any: Vec<String>,
        /// Fields that make two documents alike where all of them agree.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        all: Vec<String>,
    },
}
