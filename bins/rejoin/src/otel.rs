//! Traces for OpenTelemetry, when `otel.endpoint` says where to: spans are gathered from `tracing` and sent as OTLP over
//! HTTP, in its JSON encoding (opentelemetry.io, "OTLP Specification"). Without an endpoint nothing of this is started.
//!
//! No request ever waits for a collector: spans go into a bounded queue, and those for which there is no room are dropped
//! and counted.

mod export;
mod spans;

use std::sync::Arc;
use std::time::Duration;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

use crate::settings::Settings;
use export::Exporter;
use spans::Spans;

/// How long the last spans may take to be sent when the process ends.
const FLUSH_WITHIN: Duration = Duration::from_secs(3);

/// The exporter, while the process runs.
#[derive(Clone)]
pub(crate) struct Traces {
    exporter: Arc<Exporter>,
    sample: f64,
}

impl Traces {
    /// Starts to export, if the settings say where to.
    pub(crate) fn start(settings: &Settings) -> Option<Self> {
        let endpoint = settings.otel_endpoint.as_deref()?;
        match Exporter::start(endpoint) {
            Ok(exporter) => Some(Self { exporter: Arc::new(exporter), sample: settings.otel_sample }),
            // nobody logs yet, and serving goes before tracing
            Err(error) => {
                eprintln!("rejoin: no traces are sent: {error}");
                None
            }
        }
    }

    /// What gathers the spans of requests, use cases and transactions.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    {
        let ours = Targets::new().with_target("api_actix", LevelFilter::INFO).with_target("sync_service", LevelFilter::DEBUG);
        Spans::new(Arc::clone(&self.exporter), self.sample).with_filter(ours)
    }

    /// Sends what is left, for as long as [`FLUSH_WITHIN`].
    pub(crate) fn finish(&self) {
        self.exporter.flush(FLUSH_WITHIN);
    }
}
