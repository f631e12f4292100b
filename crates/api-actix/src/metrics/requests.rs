//! Requests, by their method, route and status, and how long they took.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;

use super::text::{Kind, Text};

/// Durations that are told apart, in microseconds, and as the page names them, in seconds.
const BOUNDS: [(u128, &str); 13] = [
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (5_000_000, "5"),
    (10_000_000, "10"),
];
/// Methods that have a label of their own; a client may make up any other.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// The pattern that answers where nothing is mounted.
const ANY_PATH: &str = "/{path:.*}";

/// Every request of every worker. A series is a route, a method and a status that there are: clients can't make any.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    routes: Mutex<BTreeMap<String, Vec<Series>>>,
    in_flight: AtomicU64,
}

/// Requests to one route by one method.
#[derive(Debug)]
struct Series {
    method: &'static str,
    statuses: Vec<(u16, u64)>,
    durations: [u64; BOUNDS.len() + 1],
    total: Duration,
}

impl Series {
    const fn new(method: &'static str) -> Self {
        Self { method, statuses: Vec::new(), durations: [0; BOUNDS.len() + 1], total: Duration::ZERO }
    }

    fn count(&mut self, status: u16, took: Duration) {
        match self.statuses.iter_mut().find(|(known, _)| *known == status) {
            Some((_, count)) => *count += 1,
            None => self.statuses.push((status, 1)),
        }
        if let Some(bucket) = self.durations.get_mut(BOUNDS.partition_point(|(most, _)| *most < took.as_micros())) {
            *bucket += 1;
        }
        self.total = self.total.saturating_add(took);
    }
}

/// A request that is being answered, until this is dropped.
pub(crate) struct Counting {
    requests: Arc<Requests>,
    method: &'static str,
    path: String,
}

impl Counting {
    /// Counts the answer.
    pub(crate) fn answered(self, status: StatusCode, took: Duration) {
        let mut routes = self.requests.routes();
        match routes.get_mut(&self.path) {
            Some(route) => count(route, self.method, status, took),
            None => count(routes.entry(self.path.clone()).or_default(), self.method, status, took),
        }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.requests.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn count(route: &mut Vec<Series>, method: &'static str, status: StatusCode, took: Duration) {
    if let Some(series) = route.iter_mut().find(|series| series.method == method) {
        return series.count(status.as_u16(), took);
    }
    let mut series = Series::new(method);
    series.count(status.as_u16(), took);
    route.push(series);
}

impl Requests {
    /// Begins to count a request. The path is the route's pattern, never the path that was asked for.
    pub(crate) fn begin(self: &Arc<Self>, method: &str, pattern: Option<&str>) -> Counting {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or("other");
        let path = pattern.filter(|pattern| *pattern != ANY_PATH).unwrap_or("unmatched").to_owned();
        Counting { requests: Arc::clone(self), method, path }
    }

    fn routes(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Series>>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what was counted.
    pub(crate) fn write(&self, text: &mut Text) {
        let routes = self.routes();
        let all = || routes.iter().flat_map(|(path, series)| series.iter().map(move |series| (path.as_str(), series)));
        text.family("rejoin_http_requests_total", Kind::Counter, "Requests that were answered.");
        for (path, series) in all() {
            for (status, count) in &series.statuses {
                text.sample(&[("method", series.method), ("path", path), ("status", &status.to_string())], *count);
            }
        }
        text.family("rejoin_http_request_duration_seconds", Kind::Histogram, "From a request's head to its answer's.");
        let bounds = BOUNDS.map(|(_, seconds)| seconds.to_owned());
        for (path, series) in all() {
            let labels = [("method", series.method), ("path", path)];
            text.histogram(&labels, &bounds, &series.durations, series.total.as_secs_f64());
        }
        text.family("rejoin_http_requests_in_flight", Kind::Gauge, "Requests that are being answered.");
        text.sample(&[], self.in_flight.load(Ordering::Relaxed));
    }
}
