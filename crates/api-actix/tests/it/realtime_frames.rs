//! The AsyncAPI document, held against itself and against every frame that the tests receive.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::contract::compiled;
use crate::harness::{api, request};

static FRAMES: OnceLock<Frames> = OnceLock::new();

/// What the document says of each type of frame.
pub(crate) struct Frames {
    payloads: BTreeMap<String, Validator>,
}

impl Frames {
    /// The document as it is served.
    pub(crate) async fn load() -> &'static Self {
        if FRAMES.get().is_none() {
            let document = api().await.send(request("GET", "/api/asyncapi.json")).await.json();
            FRAMES.get_or_init(|| Self::of(&document));
        }
        FRAMES.get().unwrap()
    }

    fn of(document: &Value) -> Self {
        let messages = document["components"]["messages"].as_object().unwrap();
        let payload = |(name, message): (&String, &Value)| (name.clone(), compiled(&message["payload"], &document["components"]));
        Self { payloads: messages.iter().map(payload).collect() }
    }

    /// Checks a frame.
    #[track_caller]
    pub(crate) fn check(&self, frame: &Value) {
        let name = frame["type"].as_str().unwrap_or_else(|| panic!("no type: {frame}"));
        let payload = self.payloads.get(name).unwrap_or_else(|| panic!("{name} is not documented: {frame}"));
        let errors: Vec<String> = payload.iter_errors(frame).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:?}: {frame}");
    }
}

/// Every reference, wherever it stands.
fn references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            into.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| references(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, into)),
        _ => {}
    }
}

#[actix_web::test]
async fn the_document_holds_together() {
    let document = api().await.send(request("GET", "/api/asyncapi.json")).await.json();
    assert_eq!(document["asyncapi"], "3.0.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut all = Vec::new();
    references(&document, &mut all);
    assert!(all.len() > 50);
    for reference in all {
        assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
    }
    let frames = Frames::of(&document);
    for (name, message) in document["components"]["messages"].as_object().unwrap() {
        for example in message["examples"].as_array().unwrap() {
            frames.check(&example["payload"]);
            assert_eq!(&example["payload"]["type"], name);
        }
    }
    // whatever a channel carries is sent or received by somebody
    for (name, channel) in document["channels"].as_object().unwrap() {
        let mut carried: Vec<String> =
            channel["messages"].as_object().unwrap().keys().map(|m| format!("#/channels/{name}/messages/{m}")).collect();
        let operations = document["operations"].as_object().unwrap().values();
        let mut told: Vec<String> = Vec::new();
        operations.for_each(|operation| references(&operation["messages"], &mut told));
        told.retain(|reference| reference.starts_with(&format!("#/channels/{name}/")));
        carried.sort();
        told.sort();
        assert_eq!(carried, told);
    }
}

#[actix_web::test]
async fn what_is_not_a_frame_is_found() {
    let frames = Frames::load().await;
    for bad in [
        json!({"type": "pong"}),
        json!({"type": "pong", "id": "1", "more": 1}),
        json!({"type": "change", "id": "1", "space_id": "01890a5d-ac96-774b-bcce-b302099a8057", "items": []}),
        json!({"type": "backoff", "id": "0", "retry_after_ms": 5, "reason": "draining"}),
    ] {
        let name = bad["type"].as_str().unwrap();
        assert!(!frames.payloads[name].is_valid(&bad), "{bad}");
    }
}
