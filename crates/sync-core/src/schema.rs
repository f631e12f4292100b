//! Space schemas: the collections of a space, their fields' types and sensitivity, what a deletion means, and who may
//! see a document. A space without a schema takes every collection and every field. Older versions are lifted through
//! [`lens`]es.

mod check;
#[cfg(test)]
mod laws;
pub mod lens;
mod read;
mod record;
mod replace;
pub mod rights;
pub mod rule;
pub mod strategy;
#[cfg(test)]
mod wedding;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::lens::Step;
pub use self::read::SchemaFault;
pub use self::record::Upgrade;
pub use self::rights::{Grant, Kin, Own, Reader, Rights};
pub use self::rule::{Deadline, Group, PathRule, Rule, Shift, Values};
pub use self::strategy::{Owner, Strategy};
use crate::document::{CHANGE_REQUESTS, CONFLICTS};
use crate::json::{Object, pointer};
use crate::{Audience, Code, Problem, Role, Timestamp};

/// The schema of one space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Schema {
    /// Its name.
    pub name: String,
    /// Counts up with every change, from 1.
    pub version: u32,
    /// Devices that speak an older version can't read the space's documents any more.
    pub oldest_readable: u32,
    /// What leads from older versions to this one, a step for each version, without gaps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lenses: Vec<Step>,
    /// Its collections. Empty: every collection is taken, every field is free.
    pub collections: BTreeMap<String, Collection>,
    /// What is to hold between documents: where it does not, an operation is told with a warning.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// When a space came from one version to the next: of a space's own schema alone, never of a document that is sent.
    #[serde(skip)]
    pub upgrades: Vec<Upgrade>,
}

/// One collection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Collection {
    /// What happens when one deletes what another edits.
    pub delete: DeletePolicy,
    /// The sync lane of its fields, 0 (safety and times) to 3 (bulk).
    pub lane: u8,
    /// When a snapshot brings its documents, 0 (first: the set without which nobody works on the day) to 3. Absent: as
    /// its lane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<u8>,
    /// Who may see a document, by the value of one of its fields. Absent: every member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// Who reads and who writes its documents.
    #[serde(flatten)]
    pub rights: Rights,
    /// Roles that see, or write, only documents that name them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own: Option<Own>,
    /// The member that names a document to people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Who is asked about what no strategy's owners are asked about. Empty: the leads.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Owner>,
    /// Until when an answer helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
    /// How the intent `shift` moves its documents. Absent: it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift: Option<Shift>,
    /// Fields that make sense only together, by the group's name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Group>,
    /// Strategies of places inside fields; the first that fits counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathRule>,
    /// Strategies of declared fields that name none, by their type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<FieldType, Strategy>,
    /// Its fields. Others are kept as they are sent.
    pub fields: BTreeMap<String, Field>,
}

/// What happens when one deletes what another edits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletePolicy {
    /// The document is live with the edit, the deletion is an open proposal.
    EditWins,
    /// It stands as it stands until somebody answers.
    #[default]
    Ask,
    /// It stays deleted, the edit is kept in the conflict.
    DeleteWins,
}

/// Visibility by a field's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visibility {
    /// The top-level field.
    pub field: String,
    /// The roles that see a document with this value; a value that is not named is for every member.
    pub audiences: BTreeMap<String, Vec<Role>>,
}

/// One top-level field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// What its values look like.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// The values of an `enum`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// 0 workspace, 1 personal contact data, 2 special category, 3 money, legal, secrets.
    pub sensitivity: u8,
    /// Its sync lane, 0 to 3.
    pub lane: u8,
    /// How two changes of it come together. Absent: by a path, by its type, by what it looks like, in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Who reads and who writes it.
    #[serde(flatten)]
    pub rights: Rights,
}

/// The types of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// A string.
    Text,
    /// A number without a fraction.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `2026-06-20`.
    Date,
    /// `2026-06-20T16:00`, seconds allowed, no zone.
    LocalTime,
    /// RFC 3339.
    Instant,
    /// One of the declared values.
    Enum,
    /// An array whose order means nothing.
    Set,
    /// An array whose order matters.
    List,
    /// An object.
    Object,
    /// A string of 1–128 bytes.
    Id,
}

static OPEN: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::blank("open")));

/// The built-in schemas. Spaces are pinned to a version: one that was released never changes, and a new one stands
/// beside it.
static BUILT_IN: LazyLock<Vec<Arc<Schema>>> =
    LazyLock::new(|| SOURCES.iter().filter_map(|text| Schema::parse(text).ok()).map(Arc::new).collect());
const SOURCES: [&str; 3] =
    [include_str!("../schemas/wedding.json"), include_str!("../schemas/wedding-2.json"), include_str!("../schemas/wedding-3.json")];

impl Schema {
    fn blank(name: &str) -> Self {
        let (lenses, collections, rules, upgrades) = Default::default();
        Self { name: name.into(), version: 1, oldest_readable: 1, lenses, collections, rules, upgrades }
    }

    /// The schema of a space that has none.
    #[must_use]
    pub fn open() -> Arc<Self> {
        OPEN.clone()
    }

    /// A built-in schema: `wedding`, in its newest version, or one by its version, `wedding@2`.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Arc<Self>> {
        find_version(&BUILT_IN, name)
    }

    /// Reads and checks an inline schema.
    ///
    /// # Errors
    /// What is wrong with it, in words, and where.
    pub fn parse(text: &str) -> Result<Self, SchemaFault> {
        let value: Value = serde_json::from_str(text).map_err(|error| SchemaFault::at("", format!("it is not JSON: {error}")))?;
        Self::from_value(&value)
    }

    /// Reads and checks an inline schema that was read as JSON.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_value(value: &Value) -> Result<Self, SchemaFault> {
        let schema = read::schema(value)?;
        check::collections(&schema)?;
        check::lenses(&schema)?;
        Ok(schema)
    }

    /// The rules of a collection; `None` when the schema does not have it.
    #[must_use]
    pub fn collection(&self, name: &str) -> Option<&Collection> {
        static FREE: LazyLock<Collection> = LazyLock::new(Collection::default);
        if self.collections.is_empty() { Some(&FREE) } else { self.collections.get(name) }
    }

    /// When a snapshot brings a collection's documents. Questions, and change requests for which the schema names no
    /// collection, come with what is needed first; what it does not name any more comes last.
    #[must_use]
    pub fn tier(&self, name: &str) -> u8 {
        match self.collection(name) {
            _ if name == CONFLICTS => 0,
            Some(collection) => collection.tier.unwrap_or(collection.lane),
            None if name == CHANGE_REQUESTS => 0,
            None => 3,
        }
    }
}

/// The lane of what no schema says anything about: the day's work.
const FREE_LANE: u8 = 1;

impl Schema {
    /// The lane of a change of these members of a collection's documents: the lowest of the members' lanes, and where none
    /// is named, the collection's. What the schema does not declare is in the collection's lane; without a schema, and in
    /// collections that it does not have, in lane 1.
    pub fn lane<'a>(&self, collection: &str, members: impl IntoIterator<Item = &'a String>) -> u8 {
        let Some(rules) = self.collections.get(collection) else { return FREE_LANE };
        let lane = |name: &String| rules.fields.get(name).map_or(rules.lane, |field| field.lane);
        members.into_iter().map(lane).min().unwrap_or(rules.lane)
    }
}

/// A version of a schema, by `name` the newest, or by `name@version`.
fn find_version(all: &[Arc<Schema>], name: &str) -> Option<Arc<Schema>> {
    let (name, version) = match name.split_once('@') {
        Some((name, version)) => (name, Some(version.parse::<u32>().ok()?)),
        None => (name, None),
    };
    let fits = |schema: &&Arc<Schema>| schema.name == name && version.is_none_or(|version| schema.version == version);
    all.iter().filter(fits).max_by_key(|schema| schema.version).cloned()
}

impl Collection {
    /// Who may see a document with this body.
    #[must_use]
    pub fn audience(&self, body: &Object) -> Audience {
        self.visibility
            .as_ref()
            .and_then(|rule| rule.audiences.get(body.get(&rule.field)?.as_str()?))
            .map_or(Audience::EVERYONE, |roles| Audience::of(roles.iter().copied()))
    }

    /// Checks the named top-level members of a body against their fields' types; `null` is a member that is not there.
    ///
    /// # Errors
    /// A problem that names the first member that does not fit, relative to the body.
    pub fn check<'a>(&self, body: &Object, names: impl IntoIterator<Item = &'a String>) -> Result<(), Problem> {
        for name in names {
            let (Some(field), Some(value)) = (self.fields.get(name), body.get(name)) else { continue };
            if !value.is_null() && !field.admits(value) {
                let detail = format!("{name} is to be {}", field.describe());
                return Err(Problem::new(Code::WrongType, detail).at(pointer(&["patch", name])));
            }
        }
        Ok(())
    }
}

impl Field {
    pub(crate) fn admits(&self, value: &Value) -> bool {
        match self.kind {
            FieldType::Text => value.is_string(),
            FieldType::Integer => value.is_i64(),
            FieldType::Number => value.is_number(),
            FieldType::Boolean => value.is_boolean(),
            FieldType::Date => value.as_str().is_some_and(is_date),
            FieldType::LocalTime => value.as_str().is_some_and(is_local_time),
            FieldType::Instant => value.as_str().is_some_and(|text| Timestamp::parse(text).is_some()),
            FieldType::Enum => value.as_str().is_some_and(|text| self.values.iter().any(|one| one == text)),
            FieldType::Set | FieldType::List => value.is_array(),
            FieldType::Object => value.is_object(),
            FieldType::Id => value.as_str().is_some_and(|text| (1..=128).contains(&text.len())),
        }
    }

    pub(crate) fn describe(&self) -> String {
        match self.kind {
            FieldType::Text => "a string".into(),
            FieldType::Integer => "a number without a fraction".into(),
            FieldType::Number => "a number".into(),
            FieldType::Boolean => "true or false".into(),
            FieldType::Date => "a date such as 2026-06-20".into(),
            FieldType::LocalTime => "a local time such as 2026-06-20T16:00".into(),
            FieldType::Instant => "an RFC 3339 instant such as 2026-06-20T14:02:11.120Z".into(),
            FieldType::Enum => format!("one of {}", self.values.join(", ")),
            FieldType::Set | FieldType::List => "an array".into(),
            FieldType::Object => "an object".into(),
            FieldType::Id => "an id of 1 to 128 bytes".into(),
        }
    }
}

/// Whether text is a calendar date, `YYYY-MM-DD`.
#[must_use]
pub fn is_date(text: &str) -> bool {
    text.len() == 10 && Timestamp::parse(&format!("{text}T00:00:00Z")).is_some()
}

fn is_local_time(text: &str) -> bool {
    match text.len() {
        16 => Timestamp::parse(&format!("{text}:00Z")).is_some(),
        19 => Timestamp::parse(&format!("{text}Z")).is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        match value {
            Value::Object(object) => object,
            other => panic!("not an object: {other}"),
        }
    }

    #[test]
    fn names_the_member_that_does_not_fit() {
        let schema = Schema::built_in("wedding").unwrap();
        let events = schema.collection("timeline_events").unwrap();
        let check = |body: Value| {
            let body = object(body);
            events.check(&body, body.keys()).map_err(|problem| problem.pointer.unwrap())
        };
        assert_eq!(check(json!({"title":"Toast","starts_at":"2026-06-20T16:00","duration_min":45,"anything":[1]})), Ok(()));
        assert_eq!(check(json!({"starts_at":"16:00"})), Err("/patch/starts_at".into()));
        assert_eq!(check(json!({"duration_min":4.5})), Err("/patch/duration_min".into()));
        assert_eq!(check(json!({"anchor":"soft"})), Err("/patch/anchor".into()));
    }

    #[test]
    fn a_built_in_schema_is_found_by_its_version() {
        let second = Arc::new(Schema { version: 2, ..Schema::blank("party") });
        let all = [Arc::new(Schema::blank("party")), second, Arc::new(Schema::blank("other"))];
        for (name, version) in
            [("party", Some(2)), ("party@1", Some(1)), ("party@2", Some(2)), ("party@3", None), ("pary", None), ("party@", None)]
        {
            assert_eq!(find_version(&all, name).map(|schema| schema.version), version, "{name}");
        }
    }
}
