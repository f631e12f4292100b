//! The one table of codes, and the page that explains them.

use std::collections::BTreeSet;

use api_actix::problem::{STATUSES, status_of, type_of};
use sync_core::Code;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md"));

#[test]
fn every_code_has_one_status() {
    let listed: Vec<&str> = STATUSES.iter().map(|(code, _)| code.as_str()).collect();
    let all: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(listed, all, "the table lists every code once, in the order of the enumeration");
}

#[test]
fn the_page_explains_every_code() {
    let sections: BTreeSet<&str> = PAGE.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let codes: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(sections, codes);
    for code in Code::ALL {
        let heading = format!("\n### {code}\n");
        let section = PAGE.split(&heading).nth(1).and_then(|rest| rest.split("\n### ").next()).unwrap();
        let status = format!("`{}`", status_of(*code).as_u16());
        assert!(section.contains(&status), "{code}: the page lacks the status {status}");
        let again = if code.retryable() { "retryable" } else { "not retryable" };
        assert!(section.contains(&format!("· {again}")), "{code} is {again}");
        for part in ["**What**", "**Why**", "**Do**"] {
            assert!(section.contains(part), "{code}: the page lacks {part}");
        }
        assert!(type_of(*code).ends_with(&format!("#{code}")));
    }
}
