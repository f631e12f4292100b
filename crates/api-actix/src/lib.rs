//! The HTTP surface of Rejoin: request, extractor, one use case, response or problem document. No policy lives here.
//!
//! [`configure`] mounts the API in any actix application; [`configure_alone`] also answers every other path.
//!
//! ```no_run
//! # fn state() -> api_actix::ApiState { unimplemented!() }
//! use actix_web::{App, HttpServer};
//!
//! # fn main() -> std::io::Result<()> {
//! let state = state();
//! let server = HttpServer::new(move || App::new().configure(|cfg| api_actix::configure(cfg, state.clone())));
//! # let _ = server.bind("127.0.0.1:0")?; Ok(())
//! # }
//! ```

pub mod address;
mod body;
mod call;
pub mod cors;
mod encoding;
mod hints;
mod hold;
pub mod limits;
mod lines;
mod members;
mod metrics;
mod observe;
mod openapi;
pub mod problem;
mod query;
mod routes;
mod state;
mod stream;
mod websocket;
mod words;

use actix_web::web::ServiceConfig;

pub use address::Proxies;
pub use encoding::ENCODINGS;
pub use hold::on_connect;
pub use limits::{Allowance, Limits};
pub use problem::ApiError;
pub use state::{ApiConfig, ApiState};

/// Mounts `/api/offline`, `/api/auth`, `/api/users`, `/api/spaces`, `/api/openapi.json`, `/docs`, `/healthz`, `/readyz` and, unless the state says
/// otherwise, `/metrics`. Other paths stay with the application.
pub fn configure(cfg: &mut ServiceConfig, state: ApiState) {
    routes::configure(cfg, state.config().metrics);
    cfg.app_data(state);
}

/// Mounts `/metrics` alone, for an address of its own.
pub fn configure_metrics(cfg: &mut ServiceConfig, state: ApiState) {
    cfg.app_data(state);
    routes::configure_metrics(cfg);
    cfg.service(routes::not_found());
}

/// [`configure`], and a problem document for every other path.
pub fn configure_alone(cfg: &mut ServiceConfig, state: ApiState) {
    configure(cfg, state);
    cfg.service(routes::not_found());
}
