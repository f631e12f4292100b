//! The layers of the configuration put together, each value with the place that it comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use config::{Config, ConfigError, Environment, File, FileFormat, Value};
use toml::de::{DeTable, DeValue};

use super::keys::nearest;
use super::{KEYS, Sources};
use crate::cli::flag_of;
use crate::failure::Failure;

/// The file that is read from the working directory when there is one.
const DEFAULT_FILE: &str = "rejoin.toml";
/// What the names of environment variables begin with.
const PREFIX: &str = "REJOIN_";

/// Which layer decided a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// None of them.
    Default,
    /// A file and a line, from 1.
    File(PathBuf, usize),
    /// An environment variable.
    Variable(String),
    /// A flag, with its dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::Flag(flag) => write!(f, "the command line, {flag}"),
        }
    }
}

/// A value as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// `None` when it is a list or a table.
    pub(crate) text: Option<String>,
    /// Where it was written.
    pub(crate) origin: Origin,
}

/// Every key with its value, not looked into yet.
#[derive(Debug)]
pub(crate) struct Layers {
    values: BTreeMap<&'static str, Setting>,
    /// Names that were set and are no keys, as sentences.
    pub(super) problems: Vec<String>,
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
}

impl Layers {
    /// Reads the file and joins it with the other layers.
    ///
    /// # Errors
    /// [`Failure::Input`] when the file can't be read as TOML.
    pub(crate) fn read(sources: &Sources) -> Result<Self, Failure> {
        let (file, mut problems) = (file_of(sources)?, Vec::new());
        let lines = file.as_deref().map(|path| lines_of(path, &mut problems)).transpose()?.unwrap_or_default();
        let variables = variables(&sources.environment, &mut problems);
        let config = joined(sources, file.as_deref(), &variables)
            .map_err(|error| Failure::Input(format!("the configuration can't be read: {error}")))?;
        let origin = |name: &str| {
            if sources.flags.iter().any(|(key, value)| *key == name && value.is_some()) {
                return Origin::Flag(flag_of(name).unwrap_or_else(|| name.to_owned()));
            }
            let variable = variables.get(name).map(|variable| Origin::Variable(variable.clone()));
            let line = || Some(Origin::File(file.clone()?, *lines.get(name)?));
            variable.or_else(line).unwrap_or(Origin::Default)
        };
        let setting = |name: &str| Setting { text: find(&config, name).and_then(|value| value.into_string().ok()), origin: origin(name) };
        let values = KEYS.iter().map(|key| (key.name, setting(key.name))).collect();
        Ok(Self { values, problems, file })
    }

    /// The value of a key.
    pub(crate) fn value(&self, key: &str) -> Option<&Setting> {
        self.values.get(key)
    }

    /// Every key and its value, in the order of [`KEYS`].
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        KEYS.iter().filter_map(|key| Some((key.name, self.values.get(key.name)?)))
    }

    /// How many values a layer decided.
    pub(crate) fn count(&self, which: impl Fn(&Origin) -> bool) -> usize {
        self.values.values().filter(|setting| which(&setting.origin)).count()
    }

    /// Puts a key back to its default; `false` when it was that already.
    pub(super) fn reset(&mut self, name: &'static str) -> bool {
        let Some(key) = KEYS.iter().find(|key| key.name == name) else { return false };
        let before = self.values.insert(name, Setting { text: Some(key.default.to_owned()), origin: Origin::Default });
        before.is_some_and(|setting| setting.origin != Origin::Default)
    }
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

/// The layers over each other. `variables` are the names of those that count, by key.
fn joined(sources: &Sources, file: Option<&Path>, variables: &BTreeMap<String, String>) -> Result<Config, ConfigError> {
    let mut builder = Config::builder();
    for key in KEYS {
        builder = builder.set_default(key.name, key.default)?;
    }
    if let Some(path) = file {
        builder = builder.add_source(File::from(path).format(FileFormat::Toml));
    }
    let taken = sources.environment.iter().filter(|(name, _)| variables.values().any(|variable| variable == *name));
    let taken = taken.map(|(name, value)| (name.clone(), value.clone())).collect();
    builder = builder.add_source(Environment::with_prefix("REJOIN").prefix_separator("_").separator("__").source(Some(taken)));
    for (key, value) in &sources.flags {
        builder = builder.set_override_option(*key, value.clone())?;
    }
    builder.build()
}

/// The names that a file sets, each with its line.
fn lines_of(path: &Path, problems: &mut Vec<String>) -> Result<BTreeMap<String, usize>, Failure> {
    let unreadable = |error: &dyn fmt::Display| {
        Failure::Input(format!("the configuration file {} can't be read: {error}; correct it, or leave it out", path.display()))
    };
    let text = fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    let table = DeTable::parse(&text).map_err(|error| unreadable(&error.to_string().trim_end()))?;
    let mut found = Vec::new();
    flatten(table.get_ref(), "", &mut |name, span| {
        let line = text.get(..span.start).map_or(0, |before| before.matches('\n').count()) + 1;
        found.push((line, name));
    });
    found.sort();
    problems.extend(found.iter().filter_map(|(line, name)| unknown(name, &format!("{}:{line}", path.display()))));
    Ok(found.into_iter().map(|(line, name)| (name, line)).collect())
}

fn flatten(table: &DeTable<'_>, within: &str, found: &mut impl FnMut(String, Range<usize>)) {
    for (key, value) in table {
        let name = if within.is_empty() { key.get_ref().to_string() } else { format!("{within}.{}", key.get_ref()) };
        match value.get_ref() {
            DeValue::Table(members) if !members.is_empty() => flatten(members, &name, found),
            // a section without a key sets nothing
            DeValue::Table(_) if KEYS.iter().any(|known| known.name.starts_with(&format!("{name}."))) => {}
            _ => found(name, key.span()),
        }
    }
}

/// The variables of Rejoin by key. One with `__` in its name is meant as a key and must be one; others are let be, and so
/// are empty ones.
fn variables(environment: &BTreeMap<String, String>, problems: &mut Vec<String>) -> BTreeMap<String, String> {
    let mut taken = BTreeMap::new();
    for (variable, value) in environment {
        let Some(rest) = variable.strip_prefix(PREFIX) else { continue };
        if !rest.contains("__") {
            // a variable of something else, or the likeliest slip
            let meant = |key: &&super::keys::Key| key.name.replace('.', "_").eq_ignore_ascii_case(rest);
            if let Some(key) = KEYS.iter().find(meant) {
                let spelt = key.name.replace('.', "__").to_uppercase();
                problems
                    .push(format!("the environment variable {variable} sets nothing; did you mean {PREFIX}{spelt}, with two underscores?"));
            }
            continue;
        }
        let name = rest.to_lowercase().replace("__", ".");
        match unknown(&name, &format!("the environment variable {variable}")) {
            Some(problem) => problems.push(problem),
            None if value.is_empty() => {}
            None => drop(taken.insert(name, variable.clone())),
        }
    }
    taken
}

/// What to say of a name that is no key.
fn unknown(name: &str, place: &str) -> Option<String> {
    if KEYS.iter().any(|key| key.name == name) {
        return None;
    }
    let hint =
        nearest(name).map_or_else(|| "the keys are listed by `rejoin config show`".to_owned(), |key| format!("did you mean `{key}`?"));
    Some(format!("{place} sets `{name}`, which is no key of Rejoin; {hint}"))
}

fn find(config: &Config, name: &str) -> Option<Value> {
    name.split('.').try_fold(config.cache.clone(), |value, member| value.into_table().ok()?.remove(member))
}
