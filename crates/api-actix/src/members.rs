//! Reading parsed JSON into a type of the protocol, by names alone.
//!
//! serde lets a struct be written as an array of its members too, in the order in which the program happens to have
//! them. That is no form of the protocol: here only an object is an object.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

/// A value of a request's body.
pub(crate) struct Member(pub(crate) Value);

impl IntoDeserializer<'_, Error> for Member {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Member {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(Member));
                let read = visitor.visit_seq(&mut items)?;
                items.end().map(|()| read)
            }
            Value::Object(members) => {
                let mut members = MapDeserializer::new(members.into_iter().map(|(name, value)| (name, Member(value))));
                let read = visitor.visit_map(&mut members)?;
                members.end().map(|()| read)
            }
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        if self.0.is_array() { Err(Error::invalid_type(Unexpected::Seq, &visitor)) } else { self.deserialize_any(visitor) }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Order {
        name: String,
        #[serde(default)]
        rows: Vec<(String, u32)>,
        inner: Option<Inner>,
        kind: Option<Kind>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        a: Option<f64>,
        free: Value,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Small,
    }

    #[test]
    fn reads_what_serde_json_reads() {
        for value in [
            json!({"name": "x"}),
            json!({"name": "x", "rows": [["a", 1], ["b", 2]], "inner": {"a": 1.5, "free": [1, {"b": null}]}, "kind": "small"}),
            json!({"name": "x", "inner": null, "kind": null, "more": [1, {}]}),
            json!({"name": 7}),
            json!({"rows": []}),
            json!({"name": "x", "rows": [["a", 1, 2]]}),
            json!({"name": "x", "rows": [["a"]]}),
            json!({"name": "x", "rows": [["a", -1]]}),
            json!({"name": "x", "kind": "large"}),
            json!(7),
        ] {
            // what is wrong is told alike, what is expected instead in other words
            let wrong = |error: Error| error.to_string().split(", expected").next().unwrap().to_owned();
            let expected = serde_json::from_value::<Order>(value.clone()).map_err(wrong);
            assert_eq!(Order::deserialize(Member(value)).map_err(wrong), expected);
        }
    }

    #[test]
    fn an_array_is_no_object() {
        for value in [json!(["x", [], null, null]), json!({"name": "x", "inner": [1.5, 2]}), json!({"name": "x", "inner": []})] {
            let said = Order::deserialize(Member(value)).map_err(|error| error.to_string());
            assert!(said.as_ref().is_err_and(|said| said.starts_with("invalid type: sequence, expected struct")), "{said:?}");
        }
    }
}
