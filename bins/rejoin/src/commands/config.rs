//! `rejoin config`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::cli::{Common, ServeArgs, help_of};
use crate::failure::Failure;
use crate::output::{Table, print, print_json};
use crate::settings::{KEYS, Layers, Origin, Settings, redacted};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every key and its value; secrets are hidden
    Show(ConfigShow),
    /// Look for everything that is wrong in the file, the environment and the flags; exit code 2 when something is
    Check {
        #[command(flatten)]
        serve: ServeArgs,
    },
    /// Print a commented rejoin.toml with every key and its default
    Default,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigShow {
    /// Also show where each value comes from: file and line, variable, flag or default
    #[arg(long)]
    origin: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    serve: ServeArgs,
}

/// Shows or checks the configuration.
pub(crate) fn run(common: &Common, command: &ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Show(show) => self::show(common, show),
        ConfigCommand::Check { serve } => {
            let layers = Layers::read(&common.sources(serve))?;
            let summary = summary(&layers);
            Settings::load_from(layers)?;
            print(&format!("the configuration can be used: {summary}\n"))
        }
        ConfigCommand::Default => print(&commented()),
    }
}

/// How many values come from where, in words.
pub(crate) fn summary(layers: &Layers) -> String {
    let count = |noun: &str, number: usize| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let file = match &layers.file {
        Some(path) => format!("{} from {}", count("key", layers.count(|origin| matches!(origin, Origin::File(..)))), path.display()),
        None => "no file".into(),
    };
    let variables = count("variable", layers.count(|origin| matches!(origin, Origin::Variable(_))));
    let flags = count("flag", layers.count(|origin| matches!(origin, Origin::Flag(_))));
    format!("{file}, {variables}, {flags}, everything else by default")
}

fn show(common: &Common, show: &ConfigShow) -> Result<(), Failure> {
    let layers = Layers::read(&common.sources(&show.serve))?;
    let shown =
        |key: &str, text: &Option<String>| text.as_deref().map_or_else(|| "(not a single value)".into(), |text| redacted(key, text));
    if show.json {
        let keys = layers.all().map(|(key, setting)| {
            let mut entry = json!({"value": shown(key, &setting.text)});
            if let (true, Some(entry)) = (show.origin, entry.as_object_mut()) {
                entry.insert("origin".into(), origin_json(&setting.origin));
            }
            (key.to_owned(), entry)
        });
        print_json(&Value::Object(keys.collect::<Map<_, _>>()))?;
    } else if show.origin {
        let mut table = Table::new(["key", "value", "origin"]);
        for (key, setting) in layers.all() {
            table.row([key.into(), shown(key, &setting.text), setting.origin.to_string()]);
        }
        print(&table.render())?;
    } else {
        let mut table = Table::new(["key", "value"]);
        for (key, setting) in layers.all() {
            table.row([key.into(), shown(key, &setting.text)]);
        }
        print(&table.render())?;
    }
    // shown first, so that one can see what is wrong
    Settings::load_from(layers).map(drop)
}

fn origin_json(origin: &Origin) -> Value {
    match origin {
        Origin::Default => json!({"layer": "default"}),
        Origin::File(path, line) => json!({"layer": "file", "file": path.display().to_string(), "line": line}),
        Origin::Variable(name) => json!({"layer": "environment", "variable": name}),
        Origin::Flag(flag) => json!({"layer": "flag", "flag": flag}),
    }
}

/// Every key as a comment that one may take the `#` away from.
fn commented() -> String {
    let mut text = String::from(
        "# Settings of Rejoin, each with its default. A flag wins over a variable (server.bind is\n\
         # REJOIN_SERVER__BIND), a variable over this file. `rejoin config check` finds mistakes.\n",
    );
    let mut table = "";
    for key in KEYS {
        let (section, name) = key.name.split_once('.').unwrap_or(("", key.name));
        if section != table {
            table = section;
            let _ = write!(text, "\n[{section}]\n");
        }
        let plain = key.default.parse::<i64>().is_ok() || key.default.parse::<bool>().is_ok();
        let value = if plain { key.default.to_owned() } else { format!("{:?}", key.default) };
        let purpose = help_of(key.name).filter(|purpose| purpose != key.expected).map(|purpose| format!("# {purpose}\n"));
        let _ = writeln!(text, "{}# {}\n#{name} = {value}", purpose.unwrap_or_default(), key.expected);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_lists_every_key() {
        let manual = include_str!("../../../../docs/operations.md");
        let rows = manual.lines().filter(|line| line.starts_with("| `") && line.contains("` | `--"));
        let told: Vec<String> = rows.map(|row| row.splitn(5, '|').take(4).collect::<Vec<_>>().join("|")).collect();
        let row = |key: &crate::settings::Key| {
            format!("| `{}` | `{}` | `{}` ", key.name, key.default, crate::cli::flag_of(key.name).unwrap_or_default())
        };
        assert_eq!(told, KEYS.iter().map(row).collect::<Vec<_>>(), "each key, its default and its flag, in order");
    }

    #[test]
    fn the_commented_file_holds_the_defaults() {
        let text = commented();
        let uncommented = |line: &str| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned();
        let active = text.lines().map(uncommented).collect::<Vec<_>>().join("\n");
        for file in [text.clone(), active] {
            let mut written = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
            std::io::Write::write_all(&mut written, file.as_bytes()).unwrap();
            let sources = crate::settings::Sources { file: Some(written.path().to_owned()), ..Default::default() };
            let layers = Layers::read(&sources).unwrap();
            for (key, setting) in layers.all() {
                assert_eq!(setting.text.as_deref(), KEYS.iter().find(|known| known.name == key).map(|known| known.default), "{key}");
                assert_eq!(file == text, setting.origin == Origin::Default, "{key}");
            }
            Settings::load_from(layers).unwrap();
        }
        assert_eq!(
            text.matches("\n[").count(),
            KEYS.iter().map(|key| key.name.split_once('.').unwrap().0).collect::<std::collections::BTreeSet<_>>().len()
        );
    }
}
