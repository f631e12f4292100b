//! Log lines, on standard error.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::Metadata;
use tracing::subscriber::Interest;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt, registry};

use crate::otel::Traces;
use crate::output::colours;
use crate::settings::{LogFormat, Settings};

static LISTENER_CLOSED: AtomicBool = AtomicBool::new(false);

/// The filter of a level or of directives; `None` when it is neither.
pub(crate) fn filter(level: &str) -> Option<EnvFilter> {
    let plain = level.bytes().all(|byte| byte.is_ascii_alphabetic());
    if !plain {
        return EnvFilter::builder().parse(level).ok();
    }
    let known = ["error", "warn", "info", "debug", "trace"].iter().any(|name| level.eq_ignore_ascii_case(name));
    // what the HTTP library says of its threads and of broken connections is of use to nobody else
    let directives = format!("{level},actix_server=warn,actix_http=error");
    known.then(|| EnvFilter::builder().parse(directives).ok()).flatten()
}

/// Starts logging. A second call changes nothing.
pub(crate) fn start(settings: &Settings) {
    start_with(settings, None);
}

/// [`start`], with traces where they are wanted.
pub(crate) fn start_with(settings: &Settings, traces: Option<&Traces>) {
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match settings.log_format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Human => lines.with_ansi(colours(&io::stderr())).boxed(),
    };
    let accepts = |event: &Metadata<'_>| event.target() == "actix_server::accept";
    let expected = dynamic_filter_fn(move |event, _| !accepts(event) || !LISTENER_CLOSED.load(Ordering::Relaxed))
        // asked once for each place in the code, but for the one that changes
        .with_callsite_filter(move |event| if accepts(event) { Interest::sometimes() } else { Interest::always() });
    // a logger that is there already stays
    let lines = lines.with_filter(filter(&settings.log_level).unwrap_or_default()).with_filter(expected);
    let _ = registry().with(lines).with(traces.map(Traces::layer)).try_init();
}

/// From now on it is no news that the listener accepts nothing.
pub(crate) fn expect_closed_listener() {
    LISTENER_CLOSED.store(true, Ordering::Relaxed);
}
