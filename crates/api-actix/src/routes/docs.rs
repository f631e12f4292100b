//! `/api/openapi.json`, and `/docs`: a page to read it and to try the API. All of it is embedded; nothing is loaded from
//! elsewhere, as its content security policy makes sure.

use actix_web::http::{Method, header};
use actix_web::{HttpResponse, web};

use super::{endpoint, mount};
use crate::call::{Answered, Call, ok};
use crate::openapi;

const PAGE: &str = include_str!("../docs/docs.html");
const SCRIPT: &str = include_str!("../docs/docs.js");
const STYLE: &str = include_str!("../docs/docs.css");

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/openapi.json", vec![endpoint(Method::GET, document)]);
    mount(cfg, "/api/asyncapi.json", vec![endpoint(Method::GET, frames)]);
    mount(cfg, "/docs", vec![endpoint(Method::GET, page)]);
    mount(cfg, "/docs/docs.js", vec![endpoint(Method::GET, script)]);
    mount(cfg, "/docs/docs.css", vec![endpoint(Method::GET, style)]);
}

async fn document(call: Call) -> Answered {
    ok(&openapi::document(call.state().config().metrics)?)
}

async fn frames(_: Call) -> Answered {
    ok(&openapi::frames()?)
}

async fn page() -> Answered {
    embedded("text/html; charset=utf-8", PAGE)
}

async fn script() -> Answered {
    embedded("text/javascript; charset=utf-8", SCRIPT)
}

async fn style() -> Answered {
    embedded("text/css; charset=utf-8", STYLE)
}

#[allow(clippy::unnecessary_wraps, reason = "the last line of a handler")]
fn embedded(content_type: &str, text: &'static str) -> Answered {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_SECURITY_POLICY, POLICY)).insert_header((header::REFERRER_POLICY, "no-referrer"));
    Ok(response.content_type(content_type).body(text))
}
