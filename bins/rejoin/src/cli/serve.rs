//! The flags of `rejoin serve`. Comments on its parts are its help.
#![allow(clippy::doc_markdown, reason = "help is shown as it is, without markup")]

use clap::Args;

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct ServeArgs {
    /// server.bind: where to listen; port 0 takes any that is free [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    bind: Option<String>,
    /// server.workers: threads that answer requests, 0 for one for each core [default: 0]
    #[arg(long, value_name = "NUMBER")]
    workers: Option<String>,
    /// server.shutdown_grace_s: how long requests may take to finish after SIGTERM [default: 25]
    #[arg(long, value_name = "SECONDS")]
    shutdown_grace_s: Option<String>,
    /// server.body_deadline_s: how long a body may take, before each 4 KiB of it add a second [default: 20]
    #[arg(long, value_name = "SECONDS")]
    body_deadline_s: Option<String>,
    /// server.trusted_proxies: whose X-Forwarded-For is believed, addresses and networks with commas between [default: none]
    #[arg(long, value_name = "ADDRESSES")]
    trusted_proxies: Option<String>,
    /// server.cors_origins: origins whose pages may read answers, with commas between [default: none]
    #[arg(long, value_name = "ORIGINS")]
    cors_origins: Option<String>,
    /// tls.cert: the certificate and those that vouch for it, in PEM; read again on SIGHUP [default: none]
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// tls.key: the certificate's private key, in PEM [default: none]
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// limits.address: requests in so many seconds from one address, or none [default: 30000/60]
    #[arg(long, value_name = "REQUESTS/SECONDS")]
    limit_address: Option<String>,
    /// limits.account: requests of one person, or none [default: 12000/60]
    #[arg(long, value_name = "REQUESTS/SECONDS")]
    limit_account: Option<String>,
    /// limits.device: requests of one device, or none [default: 6000/60]
    #[arg(long, value_name = "REQUESTS/SECONDS")]
    limit_device: Option<String>,
    /// limits.organisation: requests of one organisation, or none [default: 120000/60]
    #[arg(long, value_name = "REQUESTS/SECONDS")]
    limit_organisation: Option<String>,
    /// limits.urgent: small requests of a device that has used up the others, for what is urgent, or none [default: 120/60]
    #[arg(long, value_name = "REQUESTS/SECONDS")]
    limit_urgent: Option<String>,
    /// database.connections: connections to PostgreSQL [default: 8]
    #[arg(long, value_name = "NUMBER")]
    connections: Option<String>,
    /// database.readers: threads that read from SQLite [default: 4]
    #[arg(long, value_name = "NUMBER")]
    readers: Option<String>,
    /// queue.workers: how many decide at most what is queued, 0 where others do [default: 4]
    #[arg(long, value_name = "NUMBER")]
    queue_workers: Option<String>,
    /// queue.lease_ms: after so long a worker that says nothing is replaced [default: 30000]
    #[arg(long, value_name = "MILLISECONDS")]
    queue_lease_ms: Option<String>,
    /// queue.attempts: after so many failures an operation is parked [default: 5]
    #[arg(long, value_name = "NUMBER")]
    queue_attempts: Option<String>,
    /// queue.inline_operations: a push of more operations is queued [default: 1000]
    #[arg(long, value_name = "NUMBER")]
    queue_inline_operations: Option<String>,
    /// sync.history_days: how long changes and what was sent are kept [default: 400]
    #[arg(long, value_name = "DAYS")]
    history_days: Option<String>,
    /// sync.device_days: how long a deletion waits for a device that does not come, and can be undone [default: 90]
    #[arg(long, value_name = "DAYS")]
    device_days: Option<String>,
    /// sync.tombstone_days: how long a deleted document is kept at most [default: 400]
    #[arg(long, value_name = "DAYS")]
    tombstone_days: Option<String>,
    /// audit.key_file: the keys that sign checkpoints of the audit log, made when absent [default: auto]
    #[arg(long, value_name = "PATH")]
    audit_key_file: Option<String>,
    /// metrics.bind: an address for /metrics alone, away from the API [default: none]
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics_bind: Option<String>,
    /// otel.endpoint: http://HOST:PORT of a collector that takes OTLP over HTTP [default: none]
    #[arg(long, value_name = "URL")]
    otel_endpoint: Option<String>,
    /// otel.sample: the share of traces that are sent to it, 0 to 1; a client's own decision goes first [default: 1]
    #[arg(long, value_name = "SHARE")]
    otel_sample: Option<String>,
}

impl ServeArgs {
    /// The values of its flags, by key.
    pub(super) fn flags(&self) -> Vec<(&'static str, &Option<String>)> {
        vec![
            ("server.bind", &self.bind),
            ("server.workers", &self.workers),
            ("server.shutdown_grace_s", &self.shutdown_grace_s),
            ("server.body_deadline_s", &self.body_deadline_s),
            ("server.trusted_proxies", &self.trusted_proxies),
            ("server.cors_origins", &self.cors_origins),
            ("tls.cert", &self.tls_cert),
            ("tls.key", &self.tls_key),
            ("limits.address", &self.limit_address),
            ("limits.account", &self.limit_account),
            ("limits.device", &self.limit_device),
            ("limits.organisation", &self.limit_organisation),
            ("limits.urgent", &self.limit_urgent),
            ("database.connections", &self.connections),
            ("database.readers", &self.readers),
            ("queue.workers", &self.queue_workers),
            ("queue.lease_ms", &self.queue_lease_ms),
            ("queue.attempts", &self.queue_attempts),
            ("queue.inline_operations", &self.queue_inline_operations),
            ("sync.history_days", &self.history_days),
            ("sync.device_days", &self.device_days),
            ("sync.tombstone_days", &self.tombstone_days),
            ("audit.key_file", &self.audit_key_file),
            ("metrics.bind", &self.metrics_bind),
            ("otel.endpoint", &self.otel_endpoint),
            ("otel.sample", &self.otel_sample),
        ]
    }
}
