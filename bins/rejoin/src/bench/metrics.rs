//! Reading what a server tells about itself at `/metrics`, in Prometheus's text format.

use std::time::Duration;

use super::report::Usage;
use super::wire::{Connection, Encoding, Endpoint, Request};
use crate::failure::Failure;

/// What the server used so far by its own account; what it does not tell is unknown.
pub(crate) async fn read(endpoint: &Endpoint) -> Result<Usage, Failure> {
    let request = Request { method: "GET", path: "/metrics", token: "", encoding: Encoding::None, body: b"", lines: false };
    let answer = Connection::new(endpoint).ask(request).await?;
    if answer.status != 200 {
        return Ok(Usage::default());
    }
    let text = String::from_utf8_lossy(&answer.body);
    Ok(Usage {
        cpu: sum(&text, "process_cpu_seconds_total").and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        rss_bytes: whole(sum(&text, "process_resident_memory_bytes")),
        commits: whole(sum(&text, "rejoin_commits_total")),
    })
}

/// The sum of a metric over its labels.
fn sum(text: &str, name: &str) -> Option<f64> {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name).filter(|rest| rest.starts_with([' ', '{']))?;
        rest.rsplit(' ').next()?.parse::<f64>().ok()
    });
    values.reduce(|one, other| one + other)
}

#[allow(clippy::as_conversions, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, written as a float")]
fn whole(value: Option<f64>) -> Option<u64> {
    value.filter(|value| *value >= 0.0).map(|value| value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_found_by_their_whole_name() {
        let text = "# TYPE rejoin_commits_total counter\nrejoin_commits_total 12\nrejoin_commits_total_of_others 7\n\
            rejoin_operations_total{status=\"applied\"} 40\nrejoin_operations_total{status=\"noop\"} 2\nprocess_cpu_seconds_total 1.25\n";
        assert_eq!(whole(sum(text, "rejoin_commits_total")), Some(12));
        assert_eq!(sum(text, "rejoin_operations_total"), Some(42.0));
        assert_eq!(sum(text, "process_cpu_seconds_total"), Some(1.25));
        assert_eq!(sum(text, "process_resident_memory_bytes"), None);
    }
}
