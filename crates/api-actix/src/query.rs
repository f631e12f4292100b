//! Reading a query's parameters into a type whose members name them. A parameter that the type lacks is refused by name:
//! a misspelt filter must not show everything.

use serde::de::value::Error as Said;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use sync_core::{Code, Problem};

use crate::words::plain;

/// The parameters of a query string.
///
/// # Errors
/// `malformed`, in words, naming the parameter.
pub(crate) fn read<T: DeserializeOwned>(pairs: Vec<(String, String)>) -> Result<T, Problem> {
    let mut current = String::new();
    T::deserialize(Parameters { pairs, current: &mut current }).map_err(|said| {
        let said = said.to_string();
        // of one's own making, below
        let detail = said.strip_prefix(WHOLE).map_or_else(|| plain(&current, &said), str::to_owned);
        Problem::new(Code::Malformed, format!("the query: {detail}"))
    })
}

/// Marks a sentence that is told as it stands.
const WHOLE: &str = "\u{1}";

struct Parameters<'a> {
    pairs: Vec<(String, String)>,
    current: &'a mut String,
}

impl<'de> Deserializer<'de> for Parameters<'_> {
    type Error = Said;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        visitor.visit_map(Pairs { rest: self.pairs.into_iter(), value: None, current: self.current })
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Said> {
        for (index, (name, _)) in self.pairs.iter().enumerate() {
            if !fields.contains(&name.as_str()) {
                let known = if fields.is_empty() { "no parameters".to_owned() } else { fields.join(", ") };
                return Err(Said::custom(format!("{WHOLE}there is no parameter {name:?} here; this path takes {known}")));
            }
            if self.pairs.iter().take(index).any(|(earlier, _)| earlier == name) {
                return Err(Said::custom(format!("{WHOLE}{name} is there twice")));
            }
        }
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

struct Pairs<'a> {
    rest: std::vec::IntoIter<(String, String)>,
    value: Option<String>,
    current: &'a mut String,
}

impl<'de> MapAccess<'de> for Pairs<'_> {
    type Error = Said;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Said> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        self.current.clone_from(&name);
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Said> {
        seed.deserialize(Word(self.value.take().unwrap_or_default()))
    }
}

/// A parameter's value: a text that may be a number.
struct Word(String);

impl<'de> Deserializer<'de> for Word {
    type Error = Said;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        visitor.visit_string(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Said> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Said> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        match self.0.as_str() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        // what is no number is left to the visitor, which says what it wants instead
        match self.0.parse() {
            Ok(number) => visitor.visit_i64(number),
            Err(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        self.deserialize_i64(visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use sync_core::SpaceId;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Page {
        limit: Option<usize>,
        after: Option<SpaceId>,
        #[serde(default)]
        state: State,
        #[serde(default)]
        deep: bool,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum State {
        #[default]
        Open,
        All,
    }

    fn page(pairs: &[(&str, &str)]) -> Result<Page, String> {
        read(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()).map_err(|problem| problem.detail)
    }

    #[test]
    fn reads_what_is_given() {
        let after: SpaceId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let given = [("limit", "7"), ("after", "01890a5d-ac96-774b-bcce-b302099a8057"), ("state", "all"), ("deep", "true")];
        assert_eq!(page(&given), Ok(Page { limit: Some(7), after: Some(after), state: State::All, deep: true }));
        assert_eq!(page(&[]), Ok(Page { limit: None, after: None, state: State::Open, deep: false }));
    }

    #[test]
    fn refuses_in_plain_words() {
        for (given, expected) in [
            (("limit", "many"), "the query: limit is to be a whole number, not negative, and not \"many\""),
            (("limit", "-1"), "the query: limit is to be a whole number, not negative, and not -1"),
            (("after", "x"), "the query: after is to be a UUID"),
            (("state", "shut"), "the query: state is to be open or all; \"shut\" is none of them"),
            (("deep", "yes"), "the query: deep is to be true or false, and not \"yes\""),
            (("limt", "7"), "the query: there is no parameter \"limt\" here; this path takes limit, after, state, deep"),
        ] {
            assert_eq!(page(&[given]), Err(expected.to_owned()));
        }
        assert_eq!(page(&[("limit", "1"), ("limit", "2")]), Err("the query: limit is there twice".to_owned()));
    }
}
