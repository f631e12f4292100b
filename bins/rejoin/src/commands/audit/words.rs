//! What was found, in plain words.

use std::fmt::Write as _;

use audit_log::{Finding, Report};

/// A paragraph for each log.
pub(super) fn of(reports: &[Report]) -> String {
    if reports.is_empty() {
        return "there is no audit log yet\n".to_owned();
    }
    let mut text = String::new();
    for report in reports {
        // writing to a string does not fail
        let _ = writeln!(text, "organisation {}: {}", report.organisation_id, counted(report));
        match &report.finding {
            None => text.push_str("  sound: every record is what it was\n"),
            Some(finding) => {
                let _ = writeln!(text, "  NOT sound, first bad index {}{}: {}", finding.index, named(finding), finding.fault);
            }
        }
        let left = report.records.saturating_sub(report.vouched);
        if report.is_sound() && left > 0 {
            let _ = writeln!(text, "  no checkpoint vouches for the last {left} yet");
        }
    }
    text
}

fn counted(report: &Report) -> String {
    let Report { records, redacted, waiting, checkpoints, .. } = report;
    format!("{records} records, {redacted} of them redacted, {waiting} wait for their place, {checkpoints} checkpoints")
}

fn named(finding: &Finding) -> String {
    finding.record_id.map_or_else(String::new, |id| format!(" (record {id})"))
}

#[cfg(test)]
mod tests {
    use audit_log::{Keyring, SigningKey, Verification, parse_line};

    use super::*;

    #[test]
    fn the_first_bad_index_is_named_in_a_sentence() {
        let keys = Keyring::parse(&SigningKey::from_seed([1; 32]).unwrap().line()).unwrap();
        let mut verification = Verification::new(keys.known(), Vec::new());
        verification.take(&parse_line(r#"{"log":{"organisation_id":"00000000-0000-7000-8000-000000000001","size":2}}"#));
        let text = of(&verification.finish().unwrap());
        let expected = "organisation 00000000-0000-7000-8000-000000000001: 0 records, 0 of them redacted, 0 wait for their place, 0 checkpoints\n  \
            NOT sound, first bad index 0: the log is said to have 2 records, and has another number\n";
        assert_eq!(text, expected);
        assert_eq!(of(&[]), "there is no audit log yet\n");
    }
}
