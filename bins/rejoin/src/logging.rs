//! Log lines, on standard error.

use std::env;
use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::settings::{LogFormat, Settings};

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
    let filter = filter(&settings.log_level).unwrap_or_default();
    let lines = fmt().with_env_filter(filter).with_writer(io::stderr);
    // a logger that is there already stays
    let _ = match settings.log_format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Human => lines.with_ansi(colours()).try_init(),
    };
}

/// See no-color.org.
fn colours() -> bool {
    io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
