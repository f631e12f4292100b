//! Reading what a device holds, for its comparison with the server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::members::{Read, malformed, optional_text, parse_body, required_text, schema_version};
use crate::document::{CONFLICTS, is_collection_name};
use crate::json::{Object, pointer};
use crate::limits::{MAX_VERIFY_COLLECTIONS, MAX_VERIFY_ROWS};
use crate::{Code, Problem};

/// The body of `POST /api/offline/sync/verify`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyRequest {
    /// The space, as it was written.
    pub space_id: String,
    /// The version of the space's schema that the device speaks; `None`: the space's own.
    pub schema: Option<u32>,
    /// Which step.
    pub step: VerifyStep,
}

/// A step of the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifyStep {
    /// What changed, and once there is nothing more, the sums.
    Sums {
        /// How far the device has read.
        cursor: Option<String>,
        /// Of these collections; all in the view where none are named.
        collections: Option<Vec<String>>,
    },
    /// All rows of the buckets that differ, by collection and bucket.
    Rows {
        /// What the device holds.
        held: BTreeMap<String, BTreeMap<u8, Vec<HeldRow>>>,
        /// Whether contents are compared too.
        deep: bool,
    },
}

/// What a device says that it holds of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRow {
    /// The document's id, whatever it looks like.
    pub id: String,
    /// The version of the copy.
    pub version: i64,
    /// SHA-256 of the copy in canonical form, base64url without padding.
    pub digest: Option<String>,
}

impl VerifyRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// A problem of the whole request.
    pub fn parse(bytes: &[u8]) -> Read<Self> {
        let body = parse_body(bytes)?;
        let space_id = required_text(&body, "space_id", "")?;
        let deep = match body.get("deep") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(deep)) => *deep,
            Some(_) => return Err(malformed("deep is to be true or false", "/deep")),
        };
        let step = match body.get("rows") {
            None | Some(Value::Null) => {
                VerifyStep::Sums { cursor: optional_text(&body, "cursor", "")?, collections: read_collections(&body)? }
            }
            Some(Value::Object(rows)) => VerifyStep::Rows { held: read_held(rows, deep)?, deep },
            Some(_) => return Err(malformed("rows is to be an object: collections, in them buckets, in them rows", "/rows")),
        };
        Ok(Self { space_id, schema: schema_version(&body, "")?, step })
    }
}

fn read_collections(body: &Object) -> Read<Option<Vec<String>>> {
    let names = match body.get("collections") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(names)) => names,
        Some(_) => return Err(malformed("collections is to be a list of names", "/collections")),
    };
    let mut known = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let name = name.as_str().filter(|name| is_known_form(name));
        let name = name.ok_or_else(|| malformed("a collection is named [a-z][a-z0-9_]{0,63}", format!("/collections/{index}")))?;
        known.insert(name.to_owned());
    }
    few_collections(known.len(), "/collections")?;
    Ok(Some(known.into_iter().collect()))
}

fn is_known_form(name: &str) -> bool {
    name == CONFLICTS || is_collection_name(name)
}

fn few_collections(count: usize, at: &str) -> Read<()> {
    if count > MAX_VERIFY_COLLECTIONS {
        let detail = format!("{count} collections in one request; at most {MAX_VERIFY_COLLECTIONS}: ask for them in several");
        return Err(Problem::new(Code::TooLarge, detail).at(at));
    }
    Ok(())
}

fn read_held(rows: &Object, deep: bool) -> Read<BTreeMap<String, BTreeMap<u8, Vec<HeldRow>>>> {
    few_collections(rows.len(), "/rows")?;
    let mut held = BTreeMap::new();
    let mut count = 0;
    for (collection, buckets) in rows {
        let at = format!("/rows{}", pointer(&[collection]));
        if !is_known_form(collection) {
            return Err(malformed("a collection is named [a-z][a-z0-9_]{0,63}", at));
        }
        let Value::Object(buckets) = buckets else {
            return Err(malformed("a collection's rows go by bucket: an object of two lower-case hex digits each", at));
        };
        let mut of_collection = BTreeMap::new();
        for (name, rows) in buckets {
            let at = format!("{at}{}", pointer(&[name]));
            let bucket = bucket_of(name).ok_or_else(|| malformed("a bucket is named by two lower-case hex digits", at.as_str()))?;
            let Value::Array(rows) = rows else {
                return Err(malformed("a bucket's rows are a list; an empty one where nothing is held", at));
            };
            count += rows.len();
            if count > MAX_VERIFY_ROWS {
                let detail = format!("more than {MAX_VERIFY_ROWS} rows in one request; send fewer buckets at once, or take a snapshot");
                return Err(Problem::new(Code::TooLarge, detail).at("/rows"));
            }
            let read = rows.iter().enumerate().map(|(index, row)| read_row(row, deep, &format!("{at}/{index}")));
            of_collection.insert(bucket, read.collect::<Read<Vec<_>>>()?);
        }
        held.insert(collection.clone(), of_collection);
    }
    Ok(held)
}

fn bucket_of(name: &str) -> Option<u8> {
    let lower = name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    lower.then(|| u8::from_str_radix(name, 16).ok()).flatten()
}

fn read_row(row: &Value, deep: bool, at: &str) -> Read<HeldRow> {
    let wrong = || malformed(if deep { "a row is [id, version, digest]" } else { "a row is [id, version]" }, at);
    let members = row.as_array().ok_or_else(wrong)?;
    let (Some(id), Some(version)) = (members.first().and_then(Value::as_str), members.get(1).and_then(Value::as_i64)) else {
        return Err(wrong());
    };
    let digest = match members.get(2) {
        Some(Value::String(digest)) => Some(digest.clone()),
        None | Some(Value::Null) if !deep => None,
        _ => return Err(wrong()),
    };
    if members.len() > 3 {
        return Err(wrong());
    }
    Ok(HeldRow { id: id.to_owned(), version, digest })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointer_of(body: &Value) -> (Code, String) {
        let problem = VerifyRequest::parse(body.to_string().as_bytes()).unwrap_err();
        (problem.code, problem.pointer.unwrap())
    }

    #[test]
    fn reads_both_steps() {
        let sums = VerifyRequest::parse(br#"{"space_id":"s","cursor":null,"collections":["b","a","a"]}"#).unwrap();
        assert_eq!(sums.step, VerifyStep::Sums { cursor: None, collections: Some(vec!["a".into(), "b".into()]) });
        let rows = VerifyRequest::parse(br#"{"space_id":"s","rows":{"a":{"3f":[["x",7,"d"]],"00":[]}},"deep":true}"#).unwrap();
        let row = HeldRow { id: "x".into(), version: 7, digest: Some("d".into()) };
        let buckets = BTreeMap::from([(0, vec![]), (0x3f, vec![row])]);
        assert_eq!(rows.step, VerifyStep::Rows { held: BTreeMap::from([("a".into(), buckets)]), deep: true });
    }

    #[test]
    fn says_where_a_body_is_wrong() {
        for (body, at) in [
            (json!({}), "/space_id"),
            (json!({"space_id": 1}), "/space_id"),
            (json!({"space_id": "s", "cursor": 1}), "/cursor"),
            (json!({"space_id": "s", "collections": "a"}), "/collections"),
            (json!({"space_id": "s", "collections": ["a", "A"]}), "/collections/1"),
            (json!({"space_id": "s", "rows": []}), "/rows"),
            (json!({"space_id": "s", "rows": {}, "deep": 1}), "/deep"),
            (json!({"space_id": "s", "rows": {"A": {}}}), "/rows/A"),
            (json!({"space_id": "s", "rows": {"a": []}}), "/rows/a"),
            (json!({"space_id": "s", "rows": {"a": {"3F": []}}}), "/rows/a/3F"),
            (json!({"space_id": "s", "rows": {"a": {"+f": []}}}), "/rows/a/+f"),
            (json!({"space_id": "s", "rows": {"a": {"3f": {}}}}), "/rows/a/3f"),
            (json!({"space_id": "s", "rows": {"a": {"3f": [["x"]]}}}), "/rows/a/3f/0"),
            (json!({"space_id": "s", "rows": {"a": {"3f": [["x", 1.5]]}}}), "/rows/a/3f/0"),
            (json!({"space_id": "s", "rows": {"a": {"3f": [["x", 1]]}}, "deep": true}), "/rows/a/3f/0"),
        ] {
            assert_eq!(pointer_of(&body), (Code::Malformed, at.into()), "{body}");
        }
    }

    #[test]
    fn counts_rows_and_collections() {
        let rows: Vec<Value> = (0..=MAX_VERIFY_ROWS).map(|n| json!([n.to_string(), 1])).collect();
        assert_eq!(pointer_of(&json!({"space_id": "s", "rows": {"a": {"00": rows}}})), (Code::TooLarge, "/rows".into()));
        let names: Vec<String> = (0..=MAX_VERIFY_COLLECTIONS).map(|n| format!("c{n}")).collect();
        assert_eq!(pointer_of(&json!({"space_id": "s", "collections": names})), (Code::TooLarge, "/collections".into()));
    }
}
