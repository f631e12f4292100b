//! Statements that connections keep prepared.

use std::collections::BTreeMap;

use crate::{read, root};

/// A connection finds a prepared INSERT by its table alone: a second one of another shape would run the first one's text.
#[test]
fn each_table_has_one_insert() {
    let folder = "crates/storage-diesel/src/statements";
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for entry in std::fs::read_dir(root().join(folder)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        for insert in read(&format!("{folder}/{name}")).split("Insert::<").skip(1) {
            let table = insert.split("::table").next().unwrap();
            *found.entry(table.to_owned()).or_default() += 1;
        }
    }
    assert!(found.len() > 10, "{found:?}");
    assert!(found.values().all(|count| *count == 1), "{found:?}");
}
