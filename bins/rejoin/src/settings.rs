//! Configuration in layers: flags over environment over file over defaults. Every key is listed here, once.

mod door;
mod keys;
mod layers;
mod secrets;

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sync_service::{Keeping, QueueConfig};

use crate::failure::Failure;
pub(crate) use door::Door;
pub(crate) use keys::KEYS;
#[cfg(test)]
pub(crate) use keys::Key;
pub(crate) use layers::{Layers, Origin};
pub(crate) use secrets::redacted;

/// Everything that an operator may set.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) bind: SocketAddr,
    pub(crate) door: Door,
    pub(crate) workers: usize,
    pub(crate) shutdown_grace: Duration,
    pub(crate) body_deadline: Duration,
    pub(crate) database_url: String,
    pub(crate) connections: u32,
    pub(crate) allow_fsync_off: bool,
    pub(crate) readers: usize,
    pub(crate) keeping: Keeping,
    pub(crate) queue: QueueConfig,
    /// 0: this process decides nothing that is queued.
    pub(crate) queue_workers: usize,
    /// `None`: beside the database.
    pub(crate) audit_key_file: Option<PathBuf>,
    pub(crate) metrics_bind: Option<SocketAddr>,
    pub(crate) otel_endpoint: Option<String>,
    pub(crate) otel_sample: f64,
    pub(crate) log_level: String,
    pub(crate) log_format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For eyes.
    Human,
    /// One JSON object a line.
    Json,
}

/// Where settings come from.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// `--config`.
    pub(crate) file: Option<PathBuf>,
    /// The environment, or what a test puts in its place.
    pub(crate) environment: BTreeMap<String, String>,
    /// Values of flags, by key.
    pub(crate) flags: Vec<(&'static str, Option<String>)>,
}

impl Settings {
    /// Reads all layers.
    ///
    /// # Errors
    /// [`Failure::Input`] with everything that is wrong, a line each: the key, where it came from, and what is expected.
    pub(crate) fn load(sources: &Sources) -> Result<Self, Failure> {
        Self::load_from(Layers::read(sources)?)
    }

    /// Reads the values of layers that were put together already.
    ///
    /// # Errors
    /// Those of [`Settings::load`].
    pub(crate) fn load_from(mut layers: Layers) -> Result<Self, Failure> {
        let mut problems = std::mem::take(&mut layers.problems);
        loop {
            match Self::read(&layers) {
                Ok(settings) if problems.is_empty() => return Ok(settings),
                Ok(_) => return Err(Failure::Input(problems.join("\n"))),
                Err(wrong) => {
                    problems.push(wrong.message);
                    // look further, as if this one had not been set
                    if !layers.reset(wrong.key) {
                        return Err(Failure::Input(problems.join("\n")));
                    }
                }
            }
        }
    }

    fn read(config: &Layers) -> Result<Self, Wrong> {
        Ok(Self {
            bind: read(config, "server.bind", address)?,
            door: door::door(config)?,
            workers: read(config, "server.workers", |text| between(text, 0, 512))?,
            shutdown_grace: read(config, "server.shutdown_grace_s", |text| between(text, 1, 3_600)).map(Duration::from_secs)?,
            body_deadline: read(config, "server.body_deadline_s", |text| between(text, 1, 3_600)).map(Duration::from_secs)?,
            database_url: read(config, "database.url", |text| Some(text.to_owned()))?,
            connections: read(config, "database.connections", |text| between(text, 1, 1_000))?,
            allow_fsync_off: read(config, "database.allow_fsync_off", |text| text.parse().ok())?,
            readers: read(config, "database.readers", |text| between(text, 1, 1_000))?,
            keeping: keeping(config)?,
            queue: queue(config)?,
            queue_workers: read(config, "queue.workers", |text| between(text, 0, 64))?,
            audit_key_file: read(config, "audit.key_file", key_file)?.0,
            metrics_bind: read(config, "metrics.bind", |text| optional(text, address))?.0,
            otel_endpoint: read(config, "otel.endpoint", |text| optional(text, collector))?.0,
            otel_sample: read(config, "otel.sample", |text| between(text, 0.0, 1.0))?,
            log_level: read(config, "log.level", |text| crate::logging::filter(text).map(|_| text.to_owned()))?,
            log_format: read(config, "log.format", |text| match text {
                "human" => Some(LogFormat::Human),
                "json" => Some(LogFormat::Json),
                _ => None,
            })?,
        })
    }
}

/// How the queue works.
fn queue(config: &Layers) -> Result<QueueConfig, Wrong> {
    let mut queue = QueueConfig::default();
    queue.lease_ms = read(config, "queue.lease_ms", |text| between(text, 500, 600_000))?;
    queue.retry.max_attempts = read(config, "queue.attempts", |text| between(text, 1, 100))?;
    queue.inline.operations = read(config, "queue.inline_operations", |text| between(text, 0, 1_000))?;
    Ok(queue)
}

/// What is kept, and how long. Devices keep what was acknowledged for 35 days: nothing goes sooner.
fn keeping(config: &Layers) -> Result<Keeping, Wrong> {
    let days = |text: &str| between(text, 36, 36_500);
    let tombstone_days = read(config, "sync.tombstone_days", days)?;
    let device_days = read(config, "sync.device_days", |text| days(text).filter(|device_days| *device_days <= tombstone_days))?;
    Ok(Keeping { history_days: read(config, "sync.history_days", days)?, device_days, tombstone_days })
}

/// What stands for a place that follows from the database.
const AUTO: &str = "auto";

fn key_file(text: &str) -> Option<Optional<PathBuf>> {
    (!text.is_empty()).then(|| Optional((text != AUTO).then(|| PathBuf::from(text))))
}

/// A collector's URL. There is no TLS on the way to it: it is to be near.
fn collector(text: &str) -> Option<String> {
    let host = text.strip_prefix("http://").filter(|host| !host.is_empty() && !host.starts_with('/'));
    host.map(|_| text.to_owned())
}

/// What stands for a value that is left out.
const NONE: &str = "none";

fn optional<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Optional<T>> {
    if text == NONE { Some(Optional(None)) } else { parse(text).map(|value| Optional(Some(value))) }
}

/// A value that may be left out.
struct Optional<T>(Option<T>);

fn address(text: &str) -> Option<SocketAddr> {
    text.to_socket_addrs().ok()?.next()
}

/// A value that can't be used.
struct Wrong {
    key: &'static str,
    message: String,
}

fn read<T>(layers: &Layers, key: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Wrong> {
    let expected = KEYS.iter().find(|known| known.name == key).map_or("", |known| known.expected);
    let wrong = |message| Wrong { key, message };
    let value = layers.value(key).ok_or_else(|| wrong(format!("`{key}` is no key of Rejoin")))?;
    let place = &value.origin;
    let Some(text) = &value.text else {
        return Err(wrong(format!("`{key}` (from {place}) has the wrong type; give {expected}")));
    };
    let shown = redacted(key, text);
    parse(text.trim()).ok_or_else(|| wrong(format!("`{key}` is {shown:?} (from {place}), which can't be used; give {expected}")))
}

fn between<T: FromStr + PartialOrd>(text: &str, least: T, most: T) -> Option<T> {
    text.parse().ok().filter(|number| (least..=most).contains(number))
}

#[cfg(test)]
mod tests;
