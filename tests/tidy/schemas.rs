//! `docs/schema.md` shows what the schema reader takes: its example whole, and every strategy and rule.

use std::collections::BTreeSet;

use serde_json::Value;
use sync_core::Schema;
use sync_core::schema::Strategy;
use sync_core::schema::strategy::NAMES;

use crate::read;

/// The rows of the table whose first column has this head, as cells.
fn table<'a>(text: &'a str, head: &str) -> Vec<Vec<&'a str>> {
    let rows = text.lines().skip_while(|line| !line.starts_with(&format!("| {head} |"))).skip(2);
    rows.take_while(|line| line.starts_with('|')).map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// What stands between backticks.
fn code(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn the_example_is_a_schema() {
    let text = read("docs/schema.md");
    let example = text.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let schema = Schema::parse(example).unwrap_or_else(|fault| panic!("{fault}"));
    let used = |rule: &Value| rule["rule"].as_str().unwrap().to_owned();
    let rules: BTreeSet<String> = serde_json::to_value(&schema.rules).unwrap().as_array().unwrap().iter().map(used).collect();
    let told: BTreeSet<String> = table(&text, "rule").iter().flat_map(|row| code(row[0])).map(str::to_owned).collect();
    assert_eq!(told, rules);
}

#[test]
fn every_strategy_is_told_as_it_is_read() {
    let text = read("docs/schema.md");
    let mut told = BTreeSet::new();
    for row in table(&text, "strategy") {
        let names: BTreeSet<&str> = code(row[0]).collect();
        let shown = code(row[3]).map(|json| {
            let strategy = Strategy::from_value(&serde_json::from_str(json).unwrap());
            strategy.unwrap_or_else(|fault| panic!("{json}: {fault}")).name()
        });
        assert_eq!(shown.collect::<BTreeSet<_>>(), names);
        told.extend(names);
    }
    assert_eq!(told, NAMES.into_iter().collect());
}
