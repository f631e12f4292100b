//! How often each fault and each status came to pass: a suite in which one never did proves nothing about it.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// Counts of one suite.
#[derive(Default)]
pub(crate) struct Coverage(Mutex<BTreeMap<String, u64>>);

impl Coverage {
    pub(crate) fn hit(&self, mark: impl Into<String>) {
        *self.0.lock().unwrap().entry(mark.into()).or_default() += 1;
    }

    /// Panics unless every mark was hit.
    pub(crate) fn require(&self, marks: &[&str]) {
        let counts = self.0.lock().unwrap();
        println!("{counts:?}");
        let missing: Vec<_> = marks.iter().filter(|mark| !counts.contains_key(**mark)).collect();
        assert!(missing.is_empty(), "never happened in this run: {missing:?}");
    }
}

/// What every run must have seen.
pub(crate) const MARKS: &[&str] = &[
    "status applied",
    "status merged",
    "status noop",
    "status conflict",
    "status rejected",
    "status quarantined",
    "status duplicate",
    "status waiting",
    "resolution applied",
    "resolution noop",
    "resolution conflict",
    "resolution duplicate",
    "fault request lost",
    "fault reply lost",
    "fault request repeated",
    "fault request late",
    "fault commit lost and kept",
    "fault commit lost and undone",
    "fault cursor damaged",
    "fault device rewound",
    "fault clock back",
    "fault role changed",
    "fault member removed",
    "fault foreign epoch",
    "fault op_id reused",
    "sync without pull",
    "sync out of order",
    "sync leaves operations out",
    "sync asks for receipts",
    "item document",
    "item patch",
    "item delete",
    "item gone",
    "page has more",
    "reset cursor",
    "reset rights",
    "purge",
    "conflict fields",
    "conflict delete_edit",
    "conflict edit_delete",
    "conflict group",
    "conflict no_base",
    "problem unknown_document",
    "problem unknown_collection",
    "problem wrong_type",
    "problem number_range",
    "problem predecessor_rejected",
    "problem dependency_rejected",
    "problem group_member",
    "problem not_here_yet",
    "problem op_id_reuse",
    "problem role_forbids",
    "problem former_member",
];

/// What every run with a queue must have seen.
pub(crate) const QUEUE_MARKS: &[&str] = &[
    "status queued",
    "status parked",
    "status duplicate",
    "status applied",
    "receipt queued",
    "receipt parked",
    "receipt applied",
    "receipt merged",
    "receipt conflict",
    "receipt rejected",
    "receipt quarantined",
    "problem predecessor_parked",
    "queue a group",
    "queue behind what is queued",
    "queue a batch",
    "queue a batch refused",
    "queue across spaces",
    "work claimed",
    "work more",
    "work lease rescued",
    "work stale step refused",
    "work handed back",
    "work died",
    "work poisoned",
    "letter retried",
    "letter discarded",
];
