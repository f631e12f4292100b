//! Every error code is explained in `docs/errors.md`, and nothing else is.

use std::collections::BTreeSet;

use sync_core::Code;

use crate::read;

#[test]
fn every_code_is_explained() {
    let text = read("docs/errors.md");
    let explained: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("### ")).map(|name| name.trim_matches('`')).collect();
    let codes: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(explained, codes);
}
