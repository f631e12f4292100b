//! The keys of the configuration.

/// A key that an operator may set.
pub(crate) struct Key {
    /// As in the file; in the environment `REJOIN_SERVER__BIND`.
    pub(crate) name: &'static str,
    /// Used where no layer says otherwise.
    pub(crate) default: &'static str,
    /// What its value is to be, for messages.
    pub(crate) expected: &'static str,
}

const fn key(name: &'static str, default: &'static str, expected: &'static str) -> Key {
    Key { name, default, expected }
}

/// Every key.
pub(crate) const KEYS: &[Key] = &[
    key("server.bind", "127.0.0.1:8080", "an address and a port, such as 127.0.0.1:8080"),
    key("server.workers", "0", "a number of threads from 1 to 512, or 0 for one for each core"),
    key("server.shutdown_grace_s", "25", "seconds from 1 to 3600"),
    key("server.body_deadline_s", "20", "seconds from 1 to 3600"),
    key("server.trusted_proxies", "none", "addresses or networks such as 10.0.0.0/8 with commas between, or none"),
    key("server.cors_origins", "none", "origins such as https://app.example with commas between, or none"),
    key("tls.cert", "none", "a file in PEM with the certificate and those that vouch for it, or none"),
    key("tls.key", "none", "a file in PEM with the certificate's private key, or none"),
    key("limits.address", "30000/60", "requests, a stroke, seconds, such as 600/60, or none"),
    key("limits.account", "12000/60", "requests, a stroke, seconds, such as 600/60, or none"),
    key("limits.device", "6000/60", "requests, a stroke, seconds, such as 600/60, or none"),
    key("limits.organisation", "120000/60", "requests, a stroke, seconds, such as 600/60, or none"),
    key("limits.urgent", "120/60", "requests, a stroke, seconds, such as 600/60, or none"),
    key("database.url", "sqlite:rejoin.db", "sqlite:PATH or postgres://USER@HOST/DATABASE"),
    key("database.connections", "8", "a number from 1 to 1000"),
    key("database.allow_fsync_off", "false", "true, for tests only, or false"),
    key("database.readers", "4", "a number from 1 to 1000"),
    key("queue.workers", "4", "a number of workers from 1 to 64, or 0 where others decide what is queued"),
    key("queue.lease_ms", "30000", "milliseconds from 500 to 600000"),
    key("queue.attempts", "5", "a number from 1 to 100"),
    key("queue.inline_operations", "1000", "a number from 0 to 1000"),
    key("sync.history_days", "400", "days from 36 to 36500"),
    key("sync.device_days", "90", "days from 36 to 36500, and no more than sync.tombstone_days"),
    key("sync.tombstone_days", "400", "days from 36 to 36500"),
    key("audit.key_file", "auto", "a path, or auto for a file beside an SQLite database, or rejoin.audit-keys in the working folder"),
    key("metrics.bind", "none", "an address and a port, such as 127.0.0.1:9464, or none for /metrics beside the API"),
    key("otel.endpoint", "none", "http://HOST:PORT of a collector that takes OTLP over HTTP, or none for no traces"),
    key("otel.sample", "1", "the share of traces that are sent, from 0 to 1"),
    key("log.level", "info", "error, warn, info, debug or trace, or directives such as info,api_actix=debug (each request)"),
    key("log.format", "human", "human or json"),
];

/// The known key that is most like a name, if one is like it at all.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let ranked = KEYS.iter().map(|key| (distance(name, key.name), key.name)).min()?;
    Some(ranked).filter(|(distance, _)| *distance <= name.len() / 2).map(|(_, key)| key)
}

/// How many characters are to be inserted, removed or replaced (Levenshtein), in O(nm).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, from) in left.bytes().enumerate() {
        let mut diagonal = index;
        let mut before = index + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(right.bytes()) {
            let replaced = diagonal + usize::from(from != to);
            diagonal = *cell;
            before = replaced.min(before + 1).min(*cell + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_edits() {
        for (left, right, expected) in [("bind", "bind", 0), ("bnid", "bind", 2), ("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn guesses_what_was_meant() {
        assert_eq!(nearest("server.bnid"), Some("server.bind"));
        assert_eq!(nearest("database.conections"), Some("database.connections"));
        assert_eq!(nearest("something.else.entirely"), None);
    }
}
