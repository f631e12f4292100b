//! The paths: one file an area. A handler is a line or a few: who calls, what they ask, one use case.

mod audit;
mod auth;
mod batch;
mod config;
mod conflicts;
mod docs;
mod events;
mod health;
mod incident;
mod metrics;
mod oidc;
mod queue;
mod realtime;
mod snapshot;
mod spaces;
mod status;
mod sync;
mod users;

use actix_web::dev::HttpServiceFactory;
use actix_web::guard::{Any, Get, Head, Method as IsMethod};
use actix_web::http::{Method, header};
use actix_web::middleware::from_fn;
use actix_web::{FromRequest, Handler, Responder, Route, web};
use sync_core::{Code, Problem};

use crate::call::Answered;
use crate::observe::observe;
use crate::problem::ApiError;

/// Items on a page when the caller names no number.
const DEFAULT_PAGE: i64 = 50;

/// Mounts every path.
pub(crate) fn configure(cfg: &mut web::ServiceConfig, with_metrics: bool) {
    audit::configure(cfg);
    auth::configure(cfg);
    batch::configure(cfg);
    config::configure(cfg);
    conflicts::configure(cfg);
    docs::configure(cfg);
    events::configure(cfg);
    health::configure(cfg);
    incident::configure(cfg);
    oidc::configure(cfg);
    queue::configure(cfg);
    realtime::configure(cfg);
    snapshot::configure(cfg);
    spaces::configure(cfg);
    status::configure(cfg);
    sync::configure(cfg);
    users::configure(cfg);
    if with_metrics {
        metrics::configure(cfg);
    }
}

/// Mounts `/metrics` alone.
pub(crate) fn configure_metrics(cfg: &mut web::ServiceConfig) {
    metrics::configure(cfg);
}

/// What answers where nothing is mounted.
pub(crate) fn not_found() -> impl HttpServiceFactory + 'static {
    web::resource("{path:.*}").wrap(from_fn(observe)).default_service(web::to(no_such_path))
}

async fn no_such_path() -> Answered {
    Err(Problem::new(Code::NotFound, "no such path; the protocol lists those that there are").into())
}

/// How many items a page has, which the use case brings within its bounds.
fn page_size(limit: Option<u64>) -> i64 {
    limit.map_or(DEFAULT_PAGE, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

/// A method of a path.
struct Endpoint {
    method: Method,
    route: Route,
}

fn endpoint<F, Args>(method: Method, handler: F) -> Endpoint
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let route = web::route();
    // who may GET may HEAD (RFC 9110, 9.3.2)
    let route = if method == Method::GET { route.guard(Any(Get()).or(Head())) } else { route.guard(IsMethod(method.clone())) };
    Endpoint { method, route: route.to(handler) }
}

/// Mounts a path. Methods that it lacks answer 405 and say which there are.
fn mount(cfg: &mut web::ServiceConfig, path: &str, endpoints: Vec<Endpoint>) {
    let allowed: Vec<&str> =
        endpoints.iter().map(|endpoint| if endpoint.method == Method::GET { "GET, HEAD" } else { endpoint.method.as_str() }).collect();
    let allowed = allowed.join(", ");
    let other_method = move || {
        let allowed = allowed.clone();
        async move {
            let problem = Problem::new(Code::MethodNotAllowed, format!("this path takes {allowed}"));
            Answered::Err(ApiError::from(problem).with_header(header::ALLOW, &allowed))
        }
    };
    let resource = endpoints.into_iter().fold(web::resource(path), |resource, endpoint| resource.route(endpoint.route));
    cfg.service(resource.default_service(web::to(other_method)).wrap(from_fn(observe)));
}
