//! Both databases have the tables and columns that `schema.rs` names, in its order.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::support::{PostgresDatabase, SqliteFile, cluster};

/// Table, column, type of `schema.rs`.
pub(crate) type Column = (String, String, String);

pub(crate) fn expected() -> Vec<Column> {
    let mut columns = Vec::new();
    let mut table = String::new();
    let files = [include_str!("../../src/schema.rs"), include_str!("../../src/schema/door.rs")];
    for line in files.into_iter().flat_map(str::lines).map(str::trim) {
        if let Some((column, kind)) = line.trim_end_matches(',').split_once(" -> ") {
            columns.push((table.clone(), column.to_owned(), kind.to_owned()));
        } else if let Some((name, _)) = line.strip_suffix(") {").and_then(|line| line.split_once(" (")) {
            name.clone_into(&mut table);
        }
    }
    columns.sort_by(|a, b| a.0.cmp(&b.0));
    columns
}

fn nullable(kind: &str, nullable: bool) -> String {
    if nullable { format!("Nullable<{kind}>") } else { kind.to_owned() }
}

/// Types as far as the database tells them apart.
fn storage(kind: &str) -> String {
    kind.replace("BigInt", "INTEGER")
        .replace("Integer", "INTEGER")
        .replace("Bool", "INTEGER")
        .replace("Binary", "BLOB")
        .replace("Text", "TEXT")
}

#[test]
fn the_schema_is_read_whole() {
    let columns = expected();
    assert!(columns.contains(&("documents".into(), "audience_ever".into(), "Integer".into())));
    assert!(columns.contains(&("operations".into(), "overlay".into(), "Nullable<Binary>".into())));
    let mut tables: Vec<_> = columns.iter().map(|column| &column.0).collect();
    tables.dedup();
    assert_eq!(tables.len(), 38);
}

#[test]
fn sqlite_has_them() {
    let file = SqliteFile::new();
    let mut conn = SqliteConnection::establish(file.folder.path().join("test.db").to_str().unwrap()).unwrap();
    let query = "SELECT t.name, c.name, c.type, c.\"notnull\" FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c \
        WHERE t.type = 'table' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\' ORDER BY t.name, c.cid";
    let rows: Vec<(String, String, String, bool)> = sql::<(Text, Text, Text, Bool)>(query).load(&mut conn).unwrap();
    let found: Vec<Column> = rows.into_iter().map(|(table, column, kind, not_null)| (table, column, nullable(&kind, !not_null))).collect();
    let expected: Vec<Column> = expected().into_iter().map(|(table, column, kind)| (table, column, storage(&kind))).collect();
    assert_eq!(found, expected);
}

#[test]
fn postgres_has_them() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::migrated(&cluster);
    let query = "SELECT table_name::text, column_name::text, data_type::text, is_nullable = 'YES', coalesce(collation_name::text, '') \
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%' \
        ORDER BY table_name COLLATE \"C\", ordinal_position";
    let rows: Vec<(String, String, String, bool, String)> =
        sql::<(Text, Text, Text, Bool, Text)>(query).load(&mut database.connection()).unwrap();
    let mut found = Vec::new();
    for (table, column, kind, null, collation) in rows {
        assert_eq!(collation == "C", kind == "text", "{table}.{column}: texts are compared as bytes");
        let kind = match kind.as_str() {
            "bytea" => "Binary",
            "text" => "Text",
            "bigint" => "BigInt",
            "integer" => "Integer",
            "boolean" => "Bool",
            other => other,
        };
        found.push((table, column, nullable(kind, null)));
    }
    assert_eq!(found, expected());
}
