//! A thread that sends spans to a collector.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::spans::{Span, Value};

/// Spans that may wait to be sent.
const QUEUE: usize = 4_096;
/// Spans in one request.
const BATCH: usize = 512;
/// The longest that a span waits for others.
const WAIT: Duration = Duration::from_secs(1);
/// How long the collector may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Where collectors take traces, after the endpoint.
const PATH: &str = "/v1/traces";

enum Message {
    Ended(Box<Span>),
    Flush(SyncSender<()>),
}

/// Takes spans from every thread.
pub(super) struct Exporter {
    queue: SyncSender<Message>,
    dropped: AtomicU64,
}

impl Exporter {
    /// Starts the thread.
    pub(super) fn start(endpoint: &str) -> std::io::Result<Self> {
        let url = format!("{}{PATH}", endpoint.trim_end_matches('/').trim_end_matches(PATH));
        let (queue, ended) = sync_channel(QUEUE);
        thread::Builder::new().name("otel-export".into()).spawn(move || run(&url, &ended))?;
        Ok(Self { queue, dropped: AtomicU64::new(0) })
    }

    /// Takes a span, or drops it where there is no room.
    pub(super) fn take(&self, span: Span) {
        if self.queue.try_send(Message::Ended(Box::new(span))).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends what waits, and returns when it was tried, or after this time.
    pub(super) fn flush(&self, within: Duration) {
        let (done, tried) = sync_channel(1);
        let deadline = Instant::now() + within;
        let mut message = Message::Flush(done);
        // the queue may be full for a moment
        while let Err(error) = self.queue.try_send(message) {
            if Instant::now() >= deadline {
                return;
            }
            message = match error {
                std::sync::mpsc::TrySendError::Full(message) => message,
                std::sync::mpsc::TrySendError::Disconnected(_) => return,
            };
            thread::sleep(Duration::from_millis(5));
        }
        let _ = tried.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped > 0 {
            tracing::warn!(dropped, "spans were dropped: they ended faster than the collector took them");
        }
    }
}

fn run(url: &str, ended: &Receiver<Message>) {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(ANSWER_WITHIN)).build().into();
    let mut sender = Sender { agent, url, fails: false };
    let mut batch = Vec::new();
    let mut send_at = None;
    loop {
        let wait = send_at.map_or(WAIT, |at: Instant| at.saturating_duration_since(Instant::now()));
        let message = ended.recv_timeout(wait);
        match message {
            Ok(Message::Ended(span)) => {
                batch.push(*span);
                send_at.get_or_insert_with(|| Instant::now() + WAIT);
                if batch.len() < BATCH {
                    continue;
                }
                sender.send(&mut batch);
            }
            Ok(Message::Flush(done)) => {
                sender.send(&mut batch);
                // whoever asked may have gone meanwhile
                let _ = done.send(());
            }
            Err(RecvTimeoutError::Timeout) => sender.send(&mut batch),
            Err(RecvTimeoutError::Disconnected) => return sender.send(&mut batch),
        }
        send_at = None;
    }
}

struct Sender<'a> {
    agent: ureq::Agent,
    url: &'a str,
    /// Whether the last request failed: that it does so again is no news.
    fails: bool,
}

impl Sender<'_> {
    /// Sends a batch. One that the collector does not take is lost: traces are not worth anybody's wait.
    fn send(&mut self, batch: &mut Vec<Span>) {
        if batch.is_empty() {
            return;
        }
        let body = request(batch).to_string();
        batch.clear();
        let outcome = self.agent.post(self.url).content_type("application/json").send(body);
        match outcome {
            Ok(_) if self.fails => tracing::info!("the collector takes traces again"),
            Err(ref error) if !self.fails => {
                tracing::warn!(%error, "the collector does not take traces; serving goes on without them");
            }
            _ => {}
        }
        self.fails = outcome.is_err();
    }
}

/// An `ExportTraceServiceRequest`: ids in hexadecimal, 64-bit numbers as text.
fn request(batch: &[Span]) -> serde_json::Value {
    let spans: Vec<serde_json::Value> = batch.iter().map(span).collect();
    let resource = [
        attribute("service.name", &Value::Text("rejoin".into())),
        attribute("service.version", &Value::Text(env!("CARGO_PKG_VERSION").into())),
    ];
    json!({"resourceSpans":[{"resource":{"attributes":resource},"scopeSpans":[{"scope":{"name":"rejoin"},"spans":spans}]}]})
}

fn span(span: &Span) -> serde_json::Value {
    let find = |name: &str| span.attributes.iter().rev().find(|(own, _)| *own == name).map(|(_, value)| value);
    let name = match (find("http.method"), find("http.route")) {
        (Some(Value::Text(method)), Some(Value::Text(route))) => format!("{method} {route}"),
        _ => span.name.to_owned(),
    };
    let failed = matches!(find("http.status"), Some(Value::Number(500..)));
    let (server, internal, error, unset) = (2, 1, 2, 0);
    json!({
        "traceId": hex(&span.trace_id),
        "spanId": hex(&span.id),
        "parentSpanId": span.parent_id.map(|id| hex(&id)).unwrap_or_default(),
        "name": name,
        "kind": if span.is_server { server } else { internal },
        "startTimeUnixNano": span.began_ns.to_string(),
        "endTimeUnixNano": span.ended_ns.to_string(),
        "attributes": span.attributes.iter().map(|(name, value)| attribute(conventional(name), value)).collect::<Vec<_>>(),
        "status": {"code": if failed { error } else { unset }},
    })
}

/// The name that OpenTelemetry's semantic conventions give to what the log calls otherwise.
fn conventional(name: &'static str) -> &'static str {
    match name {
        "http.method" => "http.request.method",
        "http.status" => "http.response.status_code",
        other => other,
    }
}

fn attribute(name: &str, value: &Value) -> serde_json::Value {
    let value = match value {
        Value::Text(text) => json!({"stringValue":text}),
        Value::Number(number) => json!({"intValue":number.to_string()}),
        Value::Truth(truth) => json!({"boolValue":truth}),
    };
    json!({"key":name,"value":value})
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // writing to a string can't fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}
