//! Strategies that fit what they are declared for: a set needs an array, an order names the values that there are, owners
//! stand in fields that can hold a person.

use serde_json::Value;

use crate::json::pointer_tokens;
use crate::schema::read::{Read, SchemaFault};
use crate::schema::strategy::{Authority, Key, When};
use crate::schema::{Collection, Field, FieldType, Owner, Strategy};

/// Checks that a strategy can be that of a field, and everything that it names.
pub(super) fn fits(collection: &Collection, field: &Field, strategy: &Strategy, at: &str) -> Read<()> {
    terms(collection, strategy, at)?;
    suits(field, strategy).map_err(|detail| SchemaFault::at(at, detail))
}

/// Whether values of this type can come together so.
fn suits(field: &Field, strategy: &Strategy) -> Result<(), String> {
    use FieldType::{Date, Instant, Integer, List, LocalTime, Number, Object, Set, Text};
    let (kinds, are): (&[FieldType], _) = match strategy {
        Strategy::Ask | Strategy::Lww | Strategy::First(_) | Strategy::Immutable | Strategy::Server | Strategy::Opaque => return Ok(()),
        Strategy::Authority(Authority { otherwise, .. }) => return otherwise.as_deref().map_or(Ok(()), |other| suits(field, other)),
        Strategy::When(when) => return suits(field, &when.then).and_then(|()| suits(field, &when.otherwise)),
        Strategy::Lattice(order) | Strategy::Safer(order) => return is_order_of(field, strategy.name(), order),
        Strategy::Text(_) => (&[Text], "text"),
        Strategy::Set(_) | Strategy::SafeSet(..) | Strategy::List(_) | Strategy::Sequence | Strategy::Append(_) => {
            (&[Set, List], "a set or a list")
        }
        Strategy::Min | Strategy::Max => (&[Integer, Number, Date, LocalTime, Instant], "numbers, dates and times"),
        Strategy::Counter => (&[Integer, Number], "numbers"),
        Strategy::Order => (&[Text, Integer, Number], "text and numbers"),
        Strategy::Object => (&[Object], "objects"),
    };
    if kinds.contains(&field.kind) {
        Ok(())
    } else {
        Err(format!("{} is for {are}, and the field is {}", strategy.name(), field.describe()))
    }
}

/// An order names the values that the field has: all of them where they can be counted.
fn is_order_of(field: &Field, name: &str, order: &[Value]) -> Result<(), String> {
    if let Some(stranger) = order.iter().find(|value| !field.admits(value)) {
        return Err(format!("the order of {name} has {stranger}, and the field is {}", field.describe()));
    }
    let all: Vec<Value> = match field.kind {
        FieldType::Enum => field.values.iter().map(|value| value.as_str().into()).collect(),
        FieldType::Boolean => vec![false.into(), true.into()],
        _ => Vec::new(),
    };
    match all.iter().find(|value| !order.contains(value)) {
        None => Ok(()),
        Some(missing) => Err(format!("the order of {name} leaves out {missing}; give each value its place")),
    }
}

/// Checks the fields and owners that a strategy names.
pub(super) fn terms(collection: &Collection, strategy: &Strategy, at: &str) -> Read<()> {
    match strategy {
        Strategy::Authority(Authority { owners, otherwise, .. }) => {
            self::owners(collection, owners, at)?;
            match otherwise.as_deref() {
                Some(Strategy::Authority(_)) => {
                    Err(SchemaFault::at(at, "else is how those come together who own nothing, and no authority again; say lww or ask"))
                }
                Some(other) => terms(collection, other, at),
                None => Ok(()),
            }
        }
        Strategy::SafeSet(key, owners) => self::key(key, at).and_then(|()| self::owners(collection, owners, at)),
        Strategy::First(owners) => self::owners(collection, owners, at),
        Strategy::Set(key) | Strategy::List(key) => self::key(key, at),
        Strategy::Append(append) => key(&append.key, at),
        Strategy::When(when) => {
            looks_at(collection, when).map_err(|detail| SchemaFault::at(at, detail))?;
            terms(collection, &when.then, at)?;
            terms(collection, &when.otherwise, at)
        }
        _ => Ok(()),
    }
}

fn key(key: &Key, at: &str) -> Read<()> {
    match &key.0 {
        Some(id) if id.is_empty() => {
            Err(SchemaFault::at(at, "id names the member by which items are known; leave it out to find it by looking"))
        }
        _ => Ok(()),
    }
}

/// A condition is on a field that there is, and on values that it can have.
fn looks_at(collection: &Collection, when: &When) -> Result<(), String> {
    let tokens = pointer_tokens(&when.field).unwrap_or_default();
    let Some((first, inside)) = tokens.split_first() else { return Ok(()) };
    match collection.fields.get(first) {
        None if collection.fields.is_empty() => Ok(()),
        None => Err(format!("when looks at {first}, which is none of the collection's fields")),
        Some(field) => match when.is.iter().find(|value| inside.is_empty() && !field.admits(value)) {
            None => Ok(()),
            Some(stranger) => Err(format!("when looks for {stranger} in {first}, which is {}", field.describe())),
        },
    }
}

/// Owners named by a field: one that there is, and that can hold a person's id.
pub(super) fn owners(collection: &Collection, owners: &[Owner], at: &str) -> Read<()> {
    for owner in owners {
        let Owner::Field(path) = owner else { continue };
        let tokens = pointer_tokens(path).unwrap_or_default();
        let Some((first, inside)) = tokens.split_first() else { continue };
        is_there(collection, first, at)?;
        let holds_an_id = |field: &Field| matches!(field.kind, FieldType::Id | FieldType::Text);
        if collection.fields.get(first).is_some_and(|field| inside.is_empty() && !holds_an_id(field)) {
            return Err(SchemaFault::at(at, format!("{owner} is to hold a person's id; {first} is none: declare it as id")));
        }
    }
    Ok(())
}

/// A collection that declares fields is held to them; in one that declares none, every name may be a field.
pub(super) fn is_there(collection: &Collection, name: &str, at: &str) -> Read<()> {
    if collection.fields.contains_key(name) || (collection.fields.is_empty() && !name.is_empty()) {
        return Ok(());
    }
    Err(SchemaFault::at(at, format!("{name:?} is none of the collection's fields; declare it")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::Schema;

    fn check(collection: &serde_json::Value) -> Result<(), String> {
        let schema = json!({"name": "x", "version": 1, "collections": {"a": collection}});
        Schema::from_value(&schema).map(drop).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_strategy_fits_the_type_of_its_field() {
        let states = json!({"type": "enum", "values": ["open", "done"]});
        let of = |kind: &str| json!({"type": kind});
        for (field, strategy, words) in [
            (of("text"), json!("text"), ""),
            (of("text"), json!("order"), ""),
            (of("id"), json!("lww"), ""),
            (of("integer"), json!("text"), "text is for text, and the field is a number without a fraction"),
            (of("set"), json!({"set": {"id": "value"}}), ""),
            (of("list"), json!("set"), ""),
            (of("text"), json!("set"), "set is for a set or a list"),
            (of("set"), json!({"set": {"id": ""}}), "leave it out to find it"),
            (of("object"), json!({"append": {"id": ""}}), "leave it out to find it"),
            (of("object"), json!({"append": {}}), "append is for a set or a list"),
            (of("object"), json!("list"), "list is for"),
            (of("object"), json!("sequence"), "sequence is for"),
            (of("object"), json!("object"), ""),
            (of("text"), json!("object"), "object is for objects"),
            (of("instant"), json!("min"), ""),
            (of("local_time"), json!("max"), ""),
            (of("boolean"), json!("max"), "max is for numbers, dates and times"),
            (of("number"), json!("counter"), ""),
            (of("date"), json!("counter"), "counter is for numbers"),
            (of("set"), json!("order"), "order is for"),
            (states.clone(), json!({"lattice": {"order": ["open", "done"]}}), ""),
            (states.clone(), json!({"lattice": {"order": ["open", "done", "gone"]}}), "has \"gone\""),
            (of("boolean"), json!("safer"), ""),
            (of("boolean"), json!({"safer": {"order": [true, false]}}), ""),
            (of("boolean"), json!({"safer": {"order": [true, "no"]}}), "has \"no\""),
            (of("text"), json!({"safer": {"order": ["yes", "no"]}}), ""),
            (of("text"), json!("safer"), "has false"),
            (json!({"type": "enum", "values": ["a", "b", "c"]}), json!({"safer": {"order": ["a", "b"]}}), "leaves out \"c\""),
            (of("integer"), json!({"authority": {"owners": ["role:lead"], "else": "text"}}), "text is for text"),
            (
                of("text"),
                json!({"authority": {"owners": ["role:lead"], "else": {"authority": {"owners": ["role:lead"]}}}}),
                "say lww or ask",
            ),
            (of("text"), json!({"authority": {"owners": ["field:/whom"]}}), "\"whom\" is none of the collection's fields"),
            (of("set"), json!({"safe_set": {"owners": ["field:/f"]}}), "declare it as id"),
            (of("text"), json!({"first": {"correct": ["field:/f"]}}), ""),
            (of("text"), json!({"when": {"field": "/f", "is": "x", "then": "text", "else": "lww"}}), ""),
            (of("text"), json!({"when": {"field": "/f", "is": 1, "then": "text", "else": "lww"}}), "looks for 1 in f"),
            (of("text"), json!({"when": {"field": "/g", "is": 1, "then": "text", "else": "lww"}}), "looks at g"),
            (of("text"), json!({"when": {"field": "/f", "is": "x", "then": "lww", "else": "counter"}}), "counter is for"),
            (of("object"), json!({"when": {"field": "/f/g", "is": 1, "then": "lww", "else": "ask"}}), ""),
        ] {
            let mut field = field;
            field["strategy"] = strategy.clone();
            let told = check(&json!({"fields": {"f": field}}));
            match told {
                Ok(()) => assert_eq!(words, "", "{strategy}"),
                Err(fault) => {
                    assert!(!words.is_empty() && fault.contains(words), "{strategy}: {fault}");
                    assert!(fault.ends_with("(at /collections/a/fields/f/strategy)"), "{fault}");
                }
            }
        }
        let labelled = check(&json!({"fields": {"f": {"type": "text", "label": " "}}})).unwrap_err();
        assert!(labelled.ends_with("(at /collections/a/fields/f/label)"), "{labelled}");
    }
}
