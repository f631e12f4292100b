//! For whom transactions are.

use crate::files::{is_a, tracked};
use crate::read;

/// Where the service works for the installation, and sees every tenant: housekeeping, what is told to all of them, workers that look for a space, and
/// whoever only has a token or an email yet. Everywhere else a job says for whom it is.
const INSTALLATION: [&str; 24] = [
    "audit/keys.rs",
    "audit/sequence.rs",
    "audit/vouch.rs",
    "cursors.rs",
    "devices/sweep.rs",
    "epochs.rs",
    "identity.rs",
    "identity/oidc.rs",
    "identity/oidc/book.rs",
    "identity/oidc/person.rs",
    "identity/passwords.rs",
    "identity/tries.rs",
    "identity/users.rs",
    "incident.rs",
    "maintenance.rs",
    "presented.rs",
    "queue/batch.rs",
    "queue/flush.rs",
    "queue/tasks.rs",
    "queue/work.rs",
    "realtime/ask.rs",
    "realtime/sweep.rs",
    "realtime/tickets.rs",
    "service.rs",
];

#[test]
fn only_some_places_work_for_the_whole_installation() {
    let folder = "crates/sync-service/src/";
    let calls = ["transact(Access::", "decide(Access::", "begin(Access::", "submit(Access::", "Scope::Installation"];
    let found: Vec<String> = tracked()
        .into_iter()
        .filter(|path| path.starts_with(folder) && is_a(path, "rs") && !path.ends_with("tests.rs"))
        .filter(|path| {
            let text: String = read(path).split_whitespace().collect();
            calls.iter().any(|call| text.contains(call))
        })
        .filter_map(|path| path.strip_prefix(folder).map(str::to_owned))
        .collect();
    assert_eq!(found, INSTALLATION);
}
