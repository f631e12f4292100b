//! The OpenAPI 3.1 document of the routes.
//!
//! It is written by hand, beside the routes, in `openapi/*.json`: the wire's types stay free of it. The tests hold it
//! true: every route is in it and nothing else, and every answer that they get fits it.

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

fn put(value: &mut Value, pointer: &str, name: &str, member: Value) {
    if let Some(object) = value.pointer_mut(pointer).and_then(Value::as_object_mut) {
        object.insert(name.to_owned(), member);
    }
}
