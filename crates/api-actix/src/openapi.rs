//! The OpenAPI 3.1 document of the routes.
//!
//! It is written by hand, beside the routes, in `openapi/*.json`: the wire's types stay free of it. The tests hold it
//! true: every route is in it and nothing else, and every answer that they get fits it.
//!
//! There, `default` stands for the problems that a request of its shape may meet whatever it asks for. They are spelt
//! out here, so that the document that is served names every status that there is. What else an operation answers (409,
//! 410, or 404 for what its query or body names) stands beside it, by hand.

use serde_json::Value;
use sync_core::Code;

use crate::problem::ApiError;

const DOCUMENT: &str = include_str!("openapi/document.json");
const FRAMES: &str = include_str!("openapi/asyncapi.json");
const PATHS: &str = include_str!("openapi/paths.json");
const SCHEMAS: &str = include_str!("openapi/schemas.json");

/// The document of a server that shows its metrics beside the API, or not.
///
/// # Errors
/// Never, as the tests show: the parts are embedded.
pub(crate) fn document(with_metrics: bool) -> Result<Value, ApiError> {
    let read = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| ApiError::internal(error.to_string()));
    let (mut document, mut paths, mut schemas) = (read(DOCUMENT)?, read(PATHS)?, read(SCHEMAS)?);
    if !with_metrics && let Some(paths) = paths.as_object_mut() {
        paths.remove("/metrics");
    }
    paths.as_object_mut().into_iter().flat_map(|paths| paths.values_mut()).for_each(spell_out);
    put(&mut schemas, "/Problem/properties/code", "enum", Code::ALL.iter().map(|code| code.as_str()).collect());
    put(&mut document, "/components", "schemas", schemas);
    put(&mut document, "", "paths", paths);
    put(&mut document, "/info", "version", env!("CARGO_PKG_VERSION").into());
    Ok(document)
}

/// The AsyncAPI document of what travels over sockets and event streams.
///
/// # Errors
/// Never, as the tests show: it is embedded.
pub(crate) fn frames() -> Result<Value, ApiError> {
    let mut document: Value = serde_json::from_str(FRAMES).map_err(|error| ApiError::internal(error.to_string()))?;
    put(&mut document, "/info", "version", env!("CARGO_PKG_VERSION").into());
    Ok(document)
}

/// Puts the statuses that an operation's shape brings with it in the place of `default`.
fn spell_out(path: &mut Value) {
    for operation in path.as_object_mut().into_iter().flat_map(|operations| operations.values_mut()) {
        let statuses = statuses_by_shape(operation);
        let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { continue };
        let Some(problem) = responses.remove("default") else { continue };
        for status in statuses {
            responses.entry(status).or_insert_with(|| problem.clone());
        }
    }
}

/// The statuses of problems that a request may meet before anybody looks at what it asks for.
fn statuses_by_shape(operation: &Value) -> Vec<&'static str> {
    let parameters = operation.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let takes = |place: &str| parameters.iter().any(|parameter| parameter.get("in").is_some_and(|named| named == place));
    let takes_body = operation.get("requestBody").is_some();
    let is_open = operation.get("security").and_then(Value::as_array).is_some_and(Vec::is_empty);
    let shapes = [
        (true, &["429", "500", "503"][..]),
        (takes("query") || takes_body, &["400"]),
        (takes_body, &["408", "413", "415"]),
        (takes("path"), &["404"]),
        (!is_open, &["401", "403"]),
    ];
    shapes.into_iter().filter(|(has, _)| *has).flat_map(|(_, statuses)| statuses.iter().copied()).collect()
}

fn put(value: &mut Value, pointer: &str, name: &str, member: Value) {
    if let Some(object) = value.pointer_mut(pointer).and_then(Value::as_object_mut) {
        object.insert(name.to_owned(), member);
    }
}
