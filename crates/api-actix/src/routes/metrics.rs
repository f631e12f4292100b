//! `/metrics`, for Prometheus and whoever reads its text format.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};

use super::{endpoint, mount};
use crate::call::{Answered, Call};
use crate::metrics;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/metrics", vec![endpoint(Method::GET, show)]);
}

async fn show(call: Call) -> Answered {
    Ok(HttpResponse::Ok().content_type(metrics::CONTENT_TYPE).body(metrics::render(call.state())))
}
