//! `/api/auth/oidc`: login by an organisation's own provider of identity.

use actix_web::http::Method;
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use sync_service::identity::{OidcAnswer, OidcOutcome, with_query};

use super::{endpoint, mount};
use crate::call::{Answered, Call, ok};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/auth/oidc/token", vec![endpoint(Method::POST, token)]);
    mount(cfg, "/api/auth/oidc/{provider}/start", vec![endpoint(Method::GET, start)]);
    mount(cfg, "/api/auth/oidc/{provider}/callback", vec![endpoint(Method::GET, callback)]);
}

#[derive(Deserialize)]
struct Start {
    challenge: String,
    return_to: Option<String>,
}

async fn start(call: Call) -> Answered {
    let Start { challenge, return_to } = call.query()?;
    Ok(redirect(&call.service().begin_oidc(&call.path_text("provider"), challenge, return_to).await?))
}

/// What a provider adds (RFC 6749, 4.1.2; RFC 9207) and what it makes up beside it.
async fn callback(call: Call) -> Answered {
    let mut answer = OidcAnswer::default();
    for (name, value) in call.pairs()? {
        match name.as_str() {
            "state" => answer.state = value,
            "code" => answer.code = Some(value),
            "error" => answer.error = Some(value),
            _ => {}
        }
    }
    match call.service().finish_oidc(&call.path_text("provider"), answer).await? {
        OidcOutcome { code: Ok(code), return_to: Some(url) } => Ok(redirect(&with_query(&url, &[("code", &code)]))),
        OidcOutcome { code: Ok(code), return_to: None } => ok(&json!({ "code": code })),
        OidcOutcome { code: Err(problem), return_to: Some(url) } => Ok(redirect(&with_query(&url, &[("error", problem.code.as_str())]))),
        OidcOutcome { code: Err(problem), return_to: None } => Err(problem.into()),
    }
}

async fn token(call: Call) -> Answered {
    let request = call.json().await?;
    ok(&call.service().redeem_oidc(request, call.address()).await?)
}

fn redirect(url: &str) -> HttpResponse {
    HttpResponse::Found().insert_header((LOCATION, url)).finish()
}
