//! A space's settings: who owns what (`"venue_user": "UUID"`, for the owners that a schema names `space:venue_user`), and
//! how much is decided without asking (`"merge_mode"`). What is not known is kept: apps keep settings of their own there.

use serde_json::Value;
use sync_core::json::{Object, RawJson, drop_nulls, find_unsafe_number, pointer};
use sync_core::limits::{MAX_SAFE_INTEGER, MAX_SETTINGS_BYTES};
use sync_core::{Code, Problem, UserId};

use super::malformed;

/// How much is decided without asking.
const MODE: &str = "merge_mode";
/// What the names of settings that hold a person end with.
const PEOPLE: [&str; 4] = ["_user", "_owner", "bookkeeper", "main_photographer"];

/// Reads and checks settings; `None` for `null`. A member that is `null` is not there.
pub(super) fn checked(sent: &Value) -> Result<Option<RawJson>, Problem> {
    let mut settings = match sent {
        Value::Null => return Ok(None),
        Value::Object(settings) => settings.clone(),
        _ => return Err(malformed("settings is to be an object, or null", "/settings")),
    };
    drop_nulls(&mut settings);
    for (name, value) in &mut settings {
        check(name, value).map_err(|detail| malformed(detail, &format!("/settings{}", pointer(&[name]))))?;
    }
    carried(&settings)?;
    Ok(Some(RawJson::from_object(&settings)))
}

/// Checks one setting. A person's id is kept as ids are written.
fn check(name: &str, value: &mut Value) -> Result<(), String> {
    if value.is_array() || value.is_object() {
        return Err(format!("{name} is to be a string, a number, true or false; settings don't nest"));
    }
    let text = value.as_str().unwrap_or_default();
    if name == MODE && !["careful", "assisted"].contains(&text) {
        return Err(format!("{MODE} is careful, which asks whenever two people really disagree, or assisted"));
    }
    if PEOPLE.iter().any(|ending| name.ends_with(ending)) {
        let fault = |_| format!("{name} is to be a person's user_id; leave it out while it is nobody, and leads own what it owns");
        *value = text.parse::<UserId>().map_err(fault)?.to_string().into();
    }
    Ok(())
}

/// Checks what every store and every client can carry.
fn carried(settings: &Object) -> Result<(), Problem> {
    let whole = Value::Object(settings.clone());
    if let Some(place) = find_unsafe_number(&whole) {
        let detail = format!("an integer beyond ±{MAX_SAFE_INTEGER} can't be carried exactly; send it as a string");
        return Err(Problem::new(Code::NumberRange, detail).at(format!("/settings{place}")));
    }
    let bytes = whole.to_string().len();
    if bytes > MAX_SETTINGS_BYTES {
        let detail =
            format!("The settings are {bytes} bytes of compact JSON, more than {MAX_SETTINGS_BYTES}. Keep what is long in documents.");
        return Err(Problem::new(Code::TooLarge, detail).at("/settings"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ANA: &str = "0197f6a2-0000-7000-8000-000000000001";

    #[test]
    fn settings_are_plain_and_name_people() {
        for (sent, kept) in [
            (json!(null), None),
            (json!({}), Some(json!({}))),
            (json!({"venue_user": ANA, "merge_mode": "assisted"}), Some(json!({"merge_mode": "assisted", "venue_user": ANA}))),
            (json!({"venue_user": ANA.to_uppercase()}), Some(json!({"venue_user": ANA}))),
            (
                json!({"venue_user": null, "colour": "moss", "seats": 7, "open": true}),
                Some(json!({"colour": "moss", "seats": 7, "open": true})),
            ),
        ] {
            assert_eq!(checked(&sent).unwrap().map(|kept| kept.object()), kept.map(|kept| kept.as_object().unwrap().clone()), "{sent}");
        }
        for (sent, place) in [
            (json!([]), ""),
            (json!("assisted"), ""),
            (json!({"merge_mode": "bold"}), "/merge_mode"),
            (json!({"merge_mode": true}), "/merge_mode"),
            (json!({"venue_user": "Inês"}), "/venue_user"),
            (json!({"seating_owner": 7}), "/seating_owner"),
            (json!({"bookkeeper": ""}), "/bookkeeper"),
            (json!({"main_photographer": false}), "/main_photographer"),
            (json!({"a/b": [1]}), "/a~1b"),
            (json!({"deep": {}}), "/deep"),
        ] {
            let problem = checked(&sent).unwrap_err();
            assert_eq!((problem.code, problem.pointer), (Code::Malformed, Some(format!("/settings{place}"))), "{sent}");
        }
        let problem = checked(&json!({"n": 9_007_199_254_740_993_i64})).unwrap_err();
        assert_eq!((problem.code, problem.pointer.as_deref()), (Code::NumberRange, Some("/settings/n")));
    }

    #[test]
    fn settings_are_bounded() {
        let of = |bytes: usize| json!({"note": "x".repeat(bytes - json!({"note": ""}).to_string().len())});
        assert!(checked(&of(MAX_SETTINGS_BYTES)).is_ok());
        let problem = checked(&of(MAX_SETTINGS_BYTES + 1)).unwrap_err();
        assert_eq!((problem.code, problem.pointer.as_deref()), (Code::TooLarge, Some("/settings")));
    }
}
