//! What is shown in the end: an aligned table for eyes, one JSON object for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::crew::Plan;

/// What the server had used at one moment, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Processor time, the database's included.
    pub(crate) cpu: Option<Duration>,
    pub(crate) rss_bytes: Option<u64>,
    pub(crate) commits: Option<u64>,
}

/// The figures of one run. What could not be measured is null.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) bench: &'static str,
    pub(crate) database: &'static str,
    pub(crate) encoding: &'static str,
    pub(crate) devices: usize,
    pub(crate) batch: usize,
    pub(crate) documents: usize,
    pub(crate) spaces: usize,
    pub(crate) document_bytes: usize,
    pub(crate) operations: u64,
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    pub(crate) operations_per_s: f64,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) server_cpu_us_per_operation: Option<f64>,
    /// Whether the database's own processor time is in it.
    pub(crate) cpu_includes_database: bool,
    pub(crate) bytes_out_per_operation: Option<f64>,
    pub(crate) bytes_in_per_operation: Option<f64>,
    pub(crate) rss_bytes: Option<u64>,
    pub(crate) commits: Option<u64>,
    pub(crate) commits_per_request: Option<f64>,
    /// Operations per second as a share of the floor's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) share_of_floor: Option<f64>,
    /// Processor time of an operation, with the floor's as 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_of_floor: Option<f64>,
    /// Requests that the server had no room for at first.
    pub(crate) refusals: u64,
    /// Operations by what became of them.
    pub(crate) statuses: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
}

impl Figures {
    pub(crate) fn of_run(bench: &'static str, database: &'static str, plan: &Plan, batch: usize) -> Self {
        Self {
            bench,
            database,
            encoding: plan.encoding.as_str(),
            devices: plan.devices,
            batch,
            documents: plan.documents,
            spaces: plan.spaces,
            document_bytes: plan.document_bytes,
            ..Self::default()
        }
    }

    pub(crate) fn set_work(&mut self, operations: usize, requests: u64, seconds: f64, latency_us: &Histogram<u64>) {
        self.operations = u64::try_from(operations).unwrap_or(u64::MAX);
        self.requests = requests;
        self.seconds = round(seconds, 3);
        self.operations_per_s = round(number(self.operations) / seconds, 1);
        let at = |quantile| round(number(latency_us.value_at_quantile(quantile)) / 1_000.0, 3);
        (self.p50_ms, self.p95_ms, self.p99_ms) = (Some(at(0.5)), Some(at(0.95)), Some(at(0.99)));
    }

    pub(crate) fn set_bytes(&mut self, out: u64, back: u64) {
        self.bytes_out_per_operation = Some(round(number(out) / number(self.operations), 1));
        self.bytes_in_per_operation = Some(round(number(back) / number(self.operations), 1));
    }

    /// What the processors did, the database's work included or not.
    pub(crate) fn set_cpu(&mut self, cpu: Option<Duration>, with_database: bool) {
        self.server_cpu_us_per_operation = cpu.map(|cpu| round(cpu.as_secs_f64() * 1e6 / number(self.operations), 1));
        self.cpu_includes_database = with_database;
    }

    /// How it compares to the floor.
    pub(crate) fn compare(&mut self, floor: &Self) {
        self.share_of_floor = Some(round(self.operations_per_s / floor.operations_per_s, 3));
        let cpu = self.server_cpu_us_per_operation.zip(floor.server_cpu_us_per_operation);
        self.cpu_of_floor = cpu.map(|(own, floor)| round(own / floor, 2));
    }

    pub(crate) fn set_usage(&mut self, before: &Usage, after: &Usage, with_database: bool) {
        self.set_cpu(before.cpu.zip(after.cpu).map(|(before, after)| after.saturating_sub(before)), with_database);
        self.rss_bytes = after.rss_bytes;
        self.commits = before.commits.zip(after.commits).map(|(before, after)| after.saturating_sub(before));
        self.commits_per_request = self.commits.map(|commits| round(number(commits) / number(self.requests), 3));
    }

    /// The cells of a table's row.
    pub(crate) fn cells(&self) -> Vec<String> {
        let decimal = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
        let memory = self.rss_bytes.map_or_else(|| "–".to_owned(), |bytes| format!("{:.1}", number(bytes) / f64::from(1 << 20)));
        vec![
            format!("{} {}", self.bench, self.database),
            self.batch.to_string(),
            format!("{:.0}", self.operations_per_s),
            decimal(self.p50_ms),
            decimal(self.p95_ms),
            decimal(self.p99_ms),
            decimal(self.server_cpu_us_per_operation),
            decimal(self.bytes_out_per_operation),
            decimal(self.bytes_in_per_operation),
            self.commits_per_request.map_or_else(|| "–".to_owned(), |commits| format!("{commits:.3}")),
            memory,
            self.share_of_floor.map_or_else(String::new, |share| format!("{:.0} %", share * 100.0)),
            self.cpu_of_floor.map_or_else(String::new, |times| format!("{times:.1}×")),
        ]
    }
}

/// The heads of [`Figures::cells`].
pub(crate) const HEADS: [&str; 13] = [
    "run",
    "batch",
    "ops/s",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "CPU µs/op",
    "B out/op",
    "B in/op",
    "commits/req",
    "RSS MiB",
    "of floor",
    "CPU",
];

/// Lines whose columns stand below each other; the first column to the left, numbers to the right.
pub(crate) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let width = |column: usize| {
        let cells = std::iter::once(&heads).chain(rows).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut text = String::new();
    for row in std::iter::once(&heads).chain(rows) {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            if column == 0 { format!("{cell}{padding}") } else { format!("{padding}{cell}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// As a float, for ratios.
#[allow(clippy::as_conversions, clippy::cast_precision_loss, reason = "figures are far below 2^53, and are rounded anyway")]
pub(crate) const fn number(value: u64) -> f64 {
    value as f64
}

pub(crate) fn round(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [vec!["push".to_owned(), "20".to_owned(), "7".to_owned()], vec!["µ".to_owned(), "1".to_owned(), "12345".to_owned()]];
        assert_eq!(table(&["run", "batch", "ops/s"], &rows), "run   batch  ops/s\npush     20      7\nµ         1  12345\n");
    }

    #[test]
    fn usage_is_the_difference() {
        let mut latency = Histogram::new(3).unwrap();
        latency.record(2_000).unwrap();
        let mut figures = Figures::default();
        figures.set_work(1_000, 50, 0.5, &latency);
        figures.set_bytes(200_000, 100_000);
        let at = |ms, commits| Usage { cpu: Some(Duration::from_millis(ms)), rss_bytes: Some(7), commits: Some(commits) };
        figures.set_usage(&at(1_000, 5), &at(1_060, 30), true);
        assert_eq!((figures.operations_per_s, figures.server_cpu_us_per_operation), (2_000.0, Some(60.0)));
        assert_eq!((figures.bytes_out_per_operation, figures.bytes_in_per_operation), (Some(200.0), Some(100.0)));
        assert_eq!((figures.commits, figures.commits_per_request, figures.rss_bytes), (Some(25), Some(0.5), Some(7)));
        assert_eq!(figures.p50_ms, Some(2.0));
        figures.set_usage(&Usage::default(), &at(1, 1), true);
        assert_eq!((figures.server_cpu_us_per_operation, figures.commits), (None, None), "not measured is not zero");
    }
}
