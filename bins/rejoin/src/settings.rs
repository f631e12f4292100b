//! Configuration in layers: flags over environment over file over defaults. Every key is listed here, once.

mod keys;

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use config::{Config, Environment, File, FileFormat, Map, Value};

use crate::failure::Failure;
pub(crate) use keys::KEYS;
use keys::{Key, nearest};

/// The file that is read from the working directory when there is one.
const DEFAULT_FILE: &str = "rejoin.toml";
/// What the names of environment variables begin with.
const PREFIX: &str = "REJOIN_";

/// Everything that an operator may set.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) bind: SocketAddr,
    pub(crate) workers: usize,
    pub(crate) shutdown_grace: Duration,
    pub(crate) body_deadline: Duration,
    pub(crate) database_url: String,
    pub(crate) connections: u32,
    pub(crate) allow_fsync_off: bool,
    pub(crate) readers: usize,
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
    /// [`Failure::Input`], naming the key, where it came from, and what is expected.
    pub(crate) fn load(sources: &Sources) -> Result<Self, Failure> {
        let config = layered(sources)?;
        Ok(Self {
            bind: read(&config, "server.bind", |text| text.to_socket_addrs().ok()?.next())?,
            workers: read(&config, "server.workers", |text| between(text, 0, 512))?,
            shutdown_grace: read(&config, "server.shutdown_grace_s", |text| between(text, 1, 3_600)).map(Duration::from_secs)?,
            body_deadline: read(&config, "server.body_deadline_s", |text| between(text, 1, 3_600)).map(Duration::from_secs)?,
            database_url: read(&config, "database.url", |text| Some(text.to_owned()))?,
            connections: read(&config, "database.connections", |text| between(text, 1, 1_000))?,
            allow_fsync_off: read(&config, "database.allow_fsync_off", |text| text.parse().ok())?,
            readers: read(&config, "database.readers", |text| between(text, 1, 1_000))?,
            log_level: read(&config, "log.level", |text| crate::logging::filter(text).map(|_| text.to_owned()))?,
            log_format: read(&config, "log.format", |text| match text {
                "human" => Some(LogFormat::Human),
                "json" => Some(LogFormat::Json),
                _ => None,
            })?,
        })
    }
}

fn layered(sources: &Sources) -> Result<Config, Failure> {
    let mut builder = Config::builder();
    for key in KEYS {
        builder = builder.set_default(key.name, key.default).map_err(|error| unexpected(&error))?;
    }
    if let Some(path) = file_of(sources)? {
        builder = builder.add_source(checked_file(&path)?);
    }
    builder = builder.add_source(checked_environment(&sources.environment)?);
    for (key, value) in &sources.flags {
        builder = builder.set_override_option(*key, value.clone()).map_err(|error| unexpected(&error))?;
    }
    builder.build().map_err(|error| unexpected(&error))
}

fn file_of(sources: &Sources) -> Result<Option<PathBuf>, Failure> {
    match &sources.file {
        Some(path) if path.is_file() => Ok(Some(path.clone())),
        Some(path) => {
            Err(Failure::Input(format!("the configuration file {} does not exist or is no file; check --config", path.display())))
        }
        None => Ok(Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.is_file())),
    }
}

/// A file whose keys are all known.
fn checked_file(path: &Path) -> Result<File<config::FileSourceFile, FileFormat>, Failure> {
    let file = File::from(path).format(FileFormat::Toml);
    let unreadable =
        |error| Failure::Input(format!("the configuration file {} can't be read: {error}; correct it, or leave it out", path.display()));
    let tables =
        Config::builder().add_source(file.clone()).build().and_then(Config::try_deserialize::<Map<String, Value>>).map_err(unreadable)?;
    for name in flattened(tables) {
        require_known(&name, &format!("the configuration file {}", path.display()))?;
    }
    Ok(file)
}

fn flattened(tables: Map<String, Value>) -> Vec<String> {
    let mut names = Vec::new();
    for (table, value) in tables {
        match value.into_table() {
            Ok(members) => names.extend(members.into_keys().map(|name| format!("{table}.{name}"))),
            Err(_) => names.push(table),
        }
    }
    names.sort();
    names
}

/// The variables of Rejoin. One with `__` in its name is meant as a key and must be one; others are let be.
fn checked_environment(environment: &BTreeMap<String, String>) -> Result<Environment, Failure> {
    let mut taken = Map::new();
    for (variable, value) in environment {
        let Some(rest) = variable.strip_prefix(PREFIX).filter(|rest| rest.contains("__")) else { continue };
        require_known(&rest.to_lowercase().replace("__", "."), &format!("the environment variable {variable}"))?;
        taken.insert(variable.clone(), value.clone());
    }
    Ok(Environment::with_prefix("REJOIN").prefix_separator("_").separator("__").ignore_empty(true).source(Some(taken)))
}

fn require_known(name: &str, place: &str) -> Result<(), Failure> {
    if KEYS.iter().any(|key| key.name == name) {
        return Ok(());
    }
    let hint =
        nearest(name).map_or_else(|| "the keys are listed by `rejoin serve --help`".to_owned(), |key| format!("did you mean `{key}`?"));
    Err(Failure::Input(format!("{place} sets `{name}`, which is no key of Rejoin; {hint}")))
}

fn read<T>(config: &Config, name: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Failure> {
    let expected = KEYS.iter().find(|key| key.name == name).map_or("", |Key { expected, .. }| expected);
    let value = find(config, name).ok_or_else(|| Failure::Input(format!("`{name}` has the wrong type; give {expected}")))?;
    let place = value.origin().map_or_else(|| "the command line".to_owned(), str::to_owned);
    let text = value.into_string().map_err(|_| Failure::Input(format!("`{name}` (from {place}) has the wrong type; give {expected}")))?;
    parse(text.trim()).ok_or_else(|| Failure::Input(format!("`{name}` is {text:?} (from {place}), which can't be used; give {expected}")))
}

/// A value with where it came from, which `Config::get` would drop.
fn find(config: &Config, name: &str) -> Option<Value> {
    name.split('.').try_fold(config.cache.clone(), |value, member| value.into_table().ok()?.remove(member))
}

fn between<T: FromStr + PartialOrd>(text: &str, least: T, most: T) -> Option<T> {
    text.parse().ok().filter(|number| (least..=most).contains(number))
}

fn unexpected(error: &config::ConfigError) -> Failure {
    Failure::Input(format!("the configuration can't be read: {error}"))
}

#[cfg(test)]
mod tests;
