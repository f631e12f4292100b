//! JSON as the protocol means it: I-JSON (RFC 7493) with numbers compared by value, members that are `null` do not
//! exist, merge patches (RFC 7396), pointers (RFC 6901) and the canonical form (RFC 8785).

use std::fmt;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Number, Value};

use crate::limits::MAX_SAFE_INTEGER;

/// A JSON object, members ordered by name.
pub type Object = Map<String, Value>;

/// Why bytes are not I-JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line}, column {column}")]
pub struct SyntaxError {
    /// What is wrong, without the position.
    pub message: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in bytes.
    pub column: usize,
}

/// Reads I-JSON: UTF-8, no duplicate member, no lone surrogate. Numbers with an integral value are normalised to
/// integers, so that `1` and `1.0` are equal; those beyond ±2^53 are kept for [`find_unsafe_number`] to report.
///
/// # Errors
/// [`SyntaxError`] with the position of the first fault.
pub fn parse_strict(bytes: &[u8]) -> Result<Value, SyntaxError> {
    serde_json::from_slice::<Strict>(bytes).map(|strict| strict.0).map_err(|error| {
        let text = error.to_string();
        let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
        SyntaxError { message, line: error.line(), column: error.column() }
    })
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(de::Error::custom(format_args!("duplicate member {name:?}")));
            }
            let Strict(value) = members.next_value()?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// A double as a JSON number; one with an integral value within ±2^53 becomes an integer, so that values compare.
#[must_use]
pub fn number(value: f64) -> Value {
    let text = format!("{value}");
    match text.parse::<i64>() {
        Ok(integer) if integer.abs() <= MAX_SAFE_INTEGER => Value::Number(integer.into()),
        _ => Number::from_f64(value).map_or(Value::Null, Value::Number),
    }
}

/// The pointer of the first number whose value is an integer beyond ±2^53, if any.
#[must_use]
pub fn find_unsafe_number(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) if is_unsafe(number) => Some(String::new()),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| find_unsafe_number(item).map(|rest| format!("/{index}{rest}")))
        }
        Value::Object(members) => {
            members.iter().find_map(|(name, item)| find_unsafe_number(item).map(|rest| format!("{}{rest}", pointer(&[name]))))
        }
        _ => None,
    }
}

fn is_unsafe(number: &Number) -> bool {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(integer), _, _) => integer.unsigned_abs() > MAX_SAFE_INTEGER.unsigned_abs(),
        (None, None, Some(double)) => double.fract() == 0.0,
        _ => true,
    }
}

/// How deep a value nests: 0 for a scalar, 1 for `[]` or `{"a":1}`.
#[must_use]
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Drops members that are `null`, at every depth of objects. Arrays and all that is inside them are kept as sent.
pub fn drop_nulls(object: &mut Object) {
    object.retain(|_, value| !value.is_null());
    for value in object.values_mut() {
        if let Value::Object(inner) = value {
            drop_nulls(inner);
        }
    }
}

/// Applies a merge patch (RFC 7396) to an object.
pub fn apply_patch(target: &mut Object, patch: &Object) {
    for (name, change) in patch {
        match change {
            Value::Null => {
                target.remove(name);
            }
            Value::Object(inner) => {
                let slot = target.entry(name.clone()).or_insert(Value::Null);
                if !slot.is_object() {
                    *slot = Value::Object(Object::new());
                }
                if let Value::Object(existing) = slot {
                    apply_patch(existing, inner);
                }
            }
            other => {
                target.insert(name.clone(), other.clone());
            }
        }
    }
}

/// The canonical form of RFC 8785.
#[must_use]
pub fn canonical<T: Serialize>(value: &T) -> String {
    // an integer that no double carries has no canonical form: its own digits keep it apart from others
    serde_json_canonicalizer::to_string(value).unwrap_or_else(|_| serde_json::to_string(value).unwrap_or_default())
}

/// The pointer (RFC 6901) to a path of member names.
pub fn pointer<S: AsRef<str>>(tokens: &[S]) -> String {
    tokens.iter().fold(String::new(), |mut text, token| {
        text.push('/');
        text.push_str(&token.as_ref().replace('~', "~0").replace('/', "~1"));
        text
    })
}

/// The member names of a pointer; `None` when it is not empty and does not begin with `/`.
#[must_use]
pub fn pointer_tokens(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let rest = pointer.strip_prefix('/')?;
    Some(rest.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect())
}

/// Compact JSON text that is carried without being parsed.
#[derive(Clone)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// An object, written compactly.
    #[must_use]
    pub fn from_object(object: &Object) -> Self {
        Self::of(object)
    }

    /// Any value that serialises, written compactly.
    #[must_use]
    pub fn of<T: Serialize>(value: &T) -> Self {
        Self(to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }

    /// Text as it was stored; `None` when it is not JSON.
    #[must_use]
    pub fn from_stored(text: String) -> Option<Self> {
        RawValue::from_string(text).ok().map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Reads it as a type; `None` when it has another form.
    #[must_use]
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.0.get()).ok()
    }

    /// Reads it as an object; empty when it is none.
    #[must_use]
    pub fn object(&self) -> Object {
        self.read().unwrap_or_default()
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for RawJson {}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_numbers_have_one_form() {
        let parsed = parse_strict(b"[1.0,1,1e0,-0.0,0.5,9007199254740992,1e16,12345678901234567890]").unwrap();
        assert_eq!(parsed, json!([1, 1, 1, 0, 0.5, 9_007_199_254_740_992_i64, 1e16, 12_345_678_901_234_567_890_u64]));
    }

    #[test]
    fn names_the_position_of_a_fault() {
        for (text, line, message) in [
            (&b"{\"a\":1,\n\"a\":2}"[..], 2, "duplicate member"),
            (b"{\"a\":\"\\ud800\"}", 1, "surrogate"),
            (b"{\"a\":\"\xff\"}", 1, "unicode"),
            (b"{\"a\":01}", 1, "number"),
            (b"{} x", 1, "trailing"),
        ] {
            let error = parse_strict(text).unwrap_err();
            assert_eq!(error.line, line, "{error}");
            let expected = error.message.contains(message) || error.message.contains("escape");
            assert!(expected, "{error}");
        }
    }

    #[test]
    fn finds_integers_that_doubles_cannot_carry() {
        let check = |text: &str, expected: Option<&str>| {
            let value = parse_strict(text.as_bytes()).unwrap();
            assert_eq!(find_unsafe_number(&value).as_deref(), expected, "{text}");
        };
        check(r#"{"a":[0,9007199254740993]}"#, Some("/a/1"));
        check(r#"{"a/b":-9007199254740993}"#, Some("/a~1b"));
        check(r#"{"a":1e300}"#, Some("/a"));
        check(r#"{"a":9007199254740992,"b":0.1}"#, None);
    }

    #[test]
    fn patches_as_rfc_7396_appendix_a() {
        for (target, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let (Value::Object(mut object), Value::Object(patch)) = (target, patch) else { panic!("objects") };
            apply_patch(&mut object, &patch);
            assert_eq!(Value::Object(object), result);
        }
    }
}
