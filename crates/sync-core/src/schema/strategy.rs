//! How the values of a field come together: the vocabulary of merge strategies, as a schema declares them.
//!
//! A strategy is its name (`"lww"`), or an object of one member, its name, with what it needs
//! (`{"lattice": {"order": ["planned", "started", "done"]}}`). What each one does is told in the `merge-engine` crate.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Role;
use crate::json::pointer_tokens;

/// How two concurrent changes of one value come together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strategy {
    /// The server's value stays live, and somebody is asked.
    Ask,
    /// The newest edit by the corrected hybrid clock.
    Lww,
    /// The owners' value counts; what others write becomes a change request.
    Authority(Authority),
    /// Three-way text, by hunks of lines or words.
    Text(Overlap),
    /// Members of a set: added by either side, removed where the remover had seen them.
    Set(Key),
    /// A set from which only owners remove.
    SafeSet(Key, Vec<Owner>),
    /// States in a declared order, the lowest first: the higher wins.
    Lattice(Vec<Value>),
    /// Values in the order of the protection that they give, the weakest first: the stronger wins.
    Safer(Vec<Value>),
    /// The smaller value.
    Min,
    /// The larger value.
    Max,
    /// The earliest edit; only these may correct it.
    First(Vec<Owner>),
    /// A number to which both sides' differences are added.
    Counter,
    /// Items known by an id, with concurrent insertions, deletions, moves and edits inside them.
    List(Key),
    /// An array without ids: insertions and deletions of both sides, by a sequence comparison.
    Sequence,
    /// A fractional key of an order: the newest edit, ties by operation id.
    Order,
    /// Entries that are only ever added.
    Append(Append),
    /// Member by member.
    Object,
    /// Set once.
    Immutable,
    /// Derived by the server; what devices write is refused.
    Server,
    /// Encrypted: compared, never read.
    Opaque,
    /// One strategy or another, by what another field of the document says.
    When(Box<When>),
}

/// Who owns a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Everybody with this role.
    Role(Role),
    /// The person whose id stands at this pointer in the document; where it does not, the lead.
    Field(String),
    /// The person whose id stands under this key in the space's settings; where it does not, the lead.
    Space(String),
}

/// The terms of [`Strategy::Authority`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Whose value counts.
    pub owners: Vec<Owner>,
    /// What two owners do who disagree: `ask` or `lww`.
    pub both: Box<Strategy>,
    /// With it, what others write is taken unless an owner wrote at the same time, and this decides between two others.
    /// Without it, what others write becomes a change request.
    pub otherwise: Option<Box<Strategy>>,
}

/// By which member items are known; `None`: found by looking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Key(pub Option<String>);

/// What a text does where both sides changed the same words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overlap {
    /// The server's text stays live, and somebody is asked.
    #[default]
    Ask,
    /// Both sides' words stand one after the other, and somebody is asked.
    KeepBoth,
}

/// The terms of [`Strategy::Append`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Append {
    /// By which member an entry is known; `None`: found by looking, else the whole entry.
    pub key: Key,
    /// Two entries that both sides added, and that agree in these members, may be one: both stay, and somebody is asked.
    pub same: Vec<String>,
}

/// The terms of [`Strategy::When`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// A pointer into the live document.
    pub field: String,
    /// The values.
    pub is: Vec<Value>,
    /// Where it is one of them.
    pub then: Strategy,
    /// Where it is not.
    pub otherwise: Strategy,
}

impl Owner {
    /// Reads `role:NAME`, `field:POINTER` or `space:KEY`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fault = || format!("{text:?} is no owner; say role:NAME, field:/POINTER or space:KEY");
        match text.split_once(':') {
            Some(("role", name)) => Role::parse(name).map(Self::Role).ok_or_else(|| format!("{name:?} is no role")),
            Some(("field", path)) if path.starts_with('/') && pointer_tokens(path).is_some() => Ok(Self::Field(path.into())),
            Some(("space", key)) if !key.is_empty() => Ok(Self::Space(key.into())),
            _ => Err(fault()),
        }
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Role(role) => write!(out, "role:{}", role.as_str()),
            Self::Field(path) => write!(out, "field:{path}"),
            Self::Space(key) => write!(out, "space:{key}"),
        }
    }
}

impl Serialize for Owner {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Strategy {
    /// The name in schemas, explanations and documents.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Lww => "lww",
            Self::Authority(_) => "authority",
            Self::Text(_) => "text",
            Self::Set(_) => "set",
            Self::SafeSet(..) => "safe_set",
            Self::Lattice(_) => "lattice",
            Self::Safer(_) => "safer",
            Self::Min => "min",
            Self::Max => "max",
            Self::First(_) => "first",
            Self::Counter => "counter",
            Self::List(_) => "list",
            Self::Sequence => "sequence",
            Self::Order => "order",
            Self::Append(_) => "append",
            Self::Object => "object",
            Self::Immutable => "immutable",
            Self::Server => "server",
            Self::Opaque => "opaque",
            Self::When(_) => "when",
        }
    }

    /// Reads a strategy.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(name) => Self::of(name, &Map::new()),
            Value::Object(outer) => match outer.iter().next() {
                Some((name, Value::Object(terms))) if outer.len() == 1 => Self::of(name, terms),
                _ => Err(r#"a strategy is a name, or an object of one member such as {"set": {"id": "value"}}"#.into()),
            },
            _ => Err("a strategy is a name or an object".into()),
        }
    }

    fn of(name: &str, terms: &Map<String, Value>) -> Result<Self, String> {
        let known = |names: &[&str]| match terms.keys().find(|term| !names.contains(&term.as_str())) {
            Some(other) if names.is_empty() => Err(format!("{name} takes nothing, and no {other:?}")),
            Some(other) => Err(format!("{name} takes {}, and no {other:?}", names.join(", "))),
            None => Ok(()),
        };
        let plain = |strategy: Self| known(&[]).map(|()| strategy);
        match name {
            "ask" => plain(Self::Ask),
            "lww" => plain(Self::Lww),
            "min" => plain(Self::Min),
            "max" => plain(Self::Max),
            "counter" => plain(Self::Counter),
            "sequence" => plain(Self::Sequence),
            "order" => plain(Self::Order),
            "object" => plain(Self::Object),
            "immutable" => plain(Self::Immutable),
            "server" => plain(Self::Server),
            "opaque" => plain(Self::Opaque),
            "text" => known(&["overlap"]).and_then(|()| overlap(terms)).map(Self::Text),
            "list" => known(&["id"]).and_then(|()| key(terms)).map(Self::List),
            "set" => known(&["id"]).and_then(|()| key(terms)).map(Self::Set),
            "safe_set" => {
                known(&["id", "owners"])?;
                Ok(Self::SafeSet(key(terms)?, owners(terms.get("owners"), name)?))
            }
            "lattice" | "safer" => {
                known(&["order"])?;
                let order = order(terms, name)?;
                Ok(if name == "safer" { Self::Safer(order) } else { Self::Lattice(order) })
            }
            "first" => {
                known(&["correct"])?;
                let correct = terms.get("correct").map(|list| owners(Some(list), name)).transpose()?;
                Ok(Self::First(correct.unwrap_or_else(|| vec![Owner::Role(Role::Lead)])))
            }
            "append" => {
                known(&["id", "same"])?;
                Ok(Self::Append(Append { key: key(terms)?, same: strings(terms.get("same"), "same")? }))
            }
            "authority" => known(&["owners", "both", "else"]).and_then(|()| authority(terms)).map(Self::Authority),
            "when" => known(&["field", "is", "then", "else"]).and_then(|()| when(terms)).map(|when| Self::When(Box::new(when))),
            _ => Err(format!("{name:?} is no strategy; there are {}", NAMES.join(", "))),
        }
    }

    fn to_value(&self) -> Value {
        let terms = match self {
            Self::Text(Overlap::KeepBoth) => json!({"overlap": "keep_both"}),
            Self::List(Key(Some(id))) | Self::Set(Key(Some(id))) => json!({"id": id}),
            Self::SafeSet(Key(None), owners) => json!({"owners": names_of(owners)}),
            Self::SafeSet(Key(Some(id)), owners) => json!({"id": id, "owners": names_of(owners)}),
            Self::Lattice(order) | Self::Safer(order) => json!({"order": order}),
            Self::First(correct) => json!({"correct": names_of(correct)}),
            Self::Append(Append { key: Key(None), same }) if !same.is_empty() => json!({"same": same}),
            Self::Append(Append { key: Key(Some(id)), same }) => json!({"id": id, "same": same}),
            Self::Authority(Authority { owners, both, otherwise: None }) => {
                json!({"owners": names_of(owners), "both": both.to_value()})
            }
            Self::Authority(Authority { owners, both, otherwise: Some(otherwise) }) => {
                json!({"owners": names_of(owners), "both": both.to_value(), "else": otherwise.to_value()})
            }
            Self::When(when) => {
                json!({"field": when.field, "is": when.is, "then": when.then.to_value(), "else": when.otherwise.to_value()})
            }
            _ => return self.name().into(),
        };
        json!({ self.name(): terms })
    }
}

/// The names of all strategies.
pub const NAMES: [&str; 21] = [
    "ask",
    "lww",
    "authority",
    "text",
    "set",
    "safe_set",
    "lattice",
    "safer",
    "min",
    "max",
    "first",
    "counter",
    "list",
    "sequence",
    "order",
    "append",
    "object",
    "immutable",
    "server",
    "opaque",
    "when",
];

impl Serialize for Strategy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

fn names_of(owners: &[Owner]) -> Vec<String> {
    owners.iter().map(ToString::to_string).collect()
}

fn key(terms: &Map<String, Value>) -> Result<Key, String> {
    match terms.get("id") {
        None | Some(Value::Null) => Ok(Key(None)),
        Some(Value::String(id)) => Ok(Key(Some(id.clone()))),
        Some(_) => Err("id names the member by which items are known".into()),
    }
}

fn overlap(terms: &Map<String, Value>) -> Result<Overlap, String> {
    match terms.get("overlap").map(|value| value.as_str().unwrap_or_default()) {
        None | Some("ask") => Ok(Overlap::Ask),
        Some("keep_both") => Ok(Overlap::KeepBoth),
        Some(_) => Err("overlap is ask or keep_both".into()),
    }
}

fn owners(value: Option<&Value>, name: &str) -> Result<Vec<Owner>, String> {
    let list = strings(value, "owners")?;
    if list.is_empty() {
        return Err(format!(r#"{name} names its owners: ["role:lead"]"#));
    }
    list.iter().map(|text| Owner::parse(text)).collect()
}

fn order(terms: &Map<String, Value>, name: &str) -> Result<Vec<Value>, String> {
    let order = match terms.get("order") {
        None if name == "safer" => vec![Value::Bool(false), Value::Bool(true)],
        Some(Value::Array(order)) if order.len() > 1 => order.clone(),
        _ => return Err(format!("{name} lists its order, the lowest first, two values at least")),
    };
    let distinct = order.iter().enumerate().all(|(index, value)| !order.iter().take(index).any(|other| other == value));
    if distinct { Ok(order) } else { Err(format!("the order of {name} names each value once")) }
}

fn strings(value: Option<&Value>, name: &str) -> Result<Vec<String>, String> {
    let text = |item: &Value| item.as_str().map(str::to_owned).ok_or_else(|| format!("{name} lists strings"));
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(text).collect(),
        Some(_) => Err(format!("{name} is a list of strings")),
    }
}

fn authority(terms: &Map<String, Value>) -> Result<Authority, String> {
    let both = match terms.get("both") {
        None => Strategy::Ask,
        Some(value) => Strategy::from_value(value)?,
    };
    if !matches!(both, Strategy::Ask | Strategy::Lww) {
        return Err("two owners who disagree ask or lww".into());
    }
    let otherwise = terms.get("else").map(Strategy::from_value).transpose()?.map(Box::new);
    Ok(Authority { owners: owners(terms.get("owners"), "authority")?, both: Box::new(both), otherwise })
}

fn when(terms: &Map<String, Value>) -> Result<When, String> {
    let field = terms.get("field").and_then(Value::as_str).filter(|path| path.starts_with('/') && pointer_tokens(path).is_some());
    let field = field.ok_or(r#"when names a field of the document: "/anchor""#)?;
    let is = match terms.get("is") {
        Some(Value::Array(is)) if !is.is_empty() => is.clone(),
        Some(Value::Null | Value::Array(_)) | None => return Err("when lists the values that it looks for in is".into()),
        Some(one) => vec![one.clone()],
    };
    let part = |name: &str| terms.get(name).ok_or_else(|| format!("when has a strategy in {name}")).and_then(Strategy::from_value);
    Ok(When { field: field.into(), is, then: part("then")?, otherwise: part("else")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_is_read_as_it_is_written() {
        for text in [
            r#""ask""#,
            r#""text""#,
            r#"{"text":{"overlap":"keep_both"}}"#,
            r#"{"set":{"id":"value"}}"#,
            r#"{"list":{"id":"id"}}"#,
            r#"{"safe_set":{"owners":["role:lead","role:couple"]}}"#,
            r#"{"lattice":{"order":["open","skipped","done"]}}"#,
            r#"{"safer":{"order":[false,true]}}"#,
            r#"{"first":{"correct":["role:lead"]}}"#,
            r#"{"append":{"id":"key","same":["instalment"]}}"#,
            r#"{"authority":{"both":"ask","owners":["role:lead","field:/owner_id"]}}"#,
            r#"{"authority":{"both":"lww","else":"lww","owners":["space:seating_owner"]}}"#,
            r#"{"when":{"else":"lww","field":"/anchor","is":["fixed"],"then":{"authority":{"both":"ask","owners":["role:lead"]}}}}"#,
        ] {
            let strategy = Strategy::from_value(&serde_json::from_str(text).unwrap()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            assert_eq!(serde_json::to_string(&strategy).unwrap(), text);
        }
        for name in NAMES {
            let plain = Strategy::from_value(&name.into());
            let needs_terms = ["authority", "safe_set", "lattice", "when"].contains(&name);
            assert_eq!(plain.is_err(), needs_terms, "{name}");
            assert!(plain.is_ok_and(|strategy| strategy.name() == name) || needs_terms);
        }
    }

    #[test]
    fn a_fault_is_told_in_words() {
        for (text, words) in [
            (r#""newest""#, "there are ask, lww"),
            ("1", "a name or an object"),
            (r#"{"set":{},"lww":{}}"#, "one member"),
            (r#"{"lww":{"by":1}}"#, "takes nothing"),
            (r#"{"set":{"key":"v"}}"#, "takes id"),
            (r#"{"authority":{}}"#, "names its owners"),
            (r#"{"authority":{"owners":["lead"]}}"#, "say role:NAME"),
            (r#"{"authority":{"owners":["role:boss"]}}"#, "no role"),
            (r#"{"authority":{"owners":["role:lead"],"both":"min"}}"#, "ask or lww"),
            (r#"{"lattice":{"order":["a","a"]}}"#, "each value once"),
            (r#"{"lattice":{"order":["a"]}}"#, "two values"),
            (r#"{"text":{"overlap":"both"}}"#, "keep_both"),
            (r#"{"when":{"field":"anchor","is":[1],"then":"ask","else":"ask"}}"#, "/anchor"),
            (r#"{"when":{"field":"/anchor","then":"ask","else":"ask"}}"#, "in is"),
            (r#"{"when":{"field":"/anchor","is":1,"then":"ask"}}"#, "in else"),
        ] {
            let fault = Strategy::from_value(&serde_json::from_str(text).unwrap()).expect_err(text);
            assert!(fault.contains(words), "{text}: {fault}");
        }
    }
}
