//! The suites that every implementation of a port passes.

mod audit;
mod batches;
mod bench;
mod broadcast;
mod conflicts;
mod containment;
mod documents;
mod identity;
mod item_states;
mod items;
mod jobs;
mod life;
mod oidc;
mod operations;
mod preferences;
mod presence;
mod purges;
mod queue_memory;
mod queue_reading;
mod queue_spaces;
mod sessions;
mod spaces;

use std::sync::Arc;

use bench::Bench;
pub use broadcast::{Heard, broadcaster_suite};
use sync_core::ports::Store;

type Case = (&'static str, fn(&Bench));

/// Runs every case of the [`Store`] port, each on a fresh, empty, migrated store, and prints each case's name, so that
/// the last one printed is the one that failed.
///
/// # Panics
/// When the store breaks the port's contract.
pub fn store_suite(fresh: &dyn Fn() -> Arc<dyn Store>) {
    let areas = [
        ("spaces", spaces::CASES),
        ("documents", documents::CASES),
        ("operations", operations::CASES),
        ("conflicts", conflicts::CASES),
        ("preferences", preferences::CASES),
        ("identity", identity::CASES),
        ("sessions", sessions::CASES),
        ("containment", containment::CASES),
        ("oidc", oidc::CASES),
        ("life", life::CASES),
        ("purges", purges::CASES),
        ("items", items::CASES),
        ("item_states", item_states::CASES),
        ("queue_reading", queue_reading::CASES),
        ("queue_spaces", queue_spaces::CASES),
        ("batches", batches::CASES),
        ("queue_memory", queue_memory::CASES),
        ("presence", presence::CASES),
        ("audit", audit::CASES),
        ("jobs", jobs::CASES),
    ];
    for (area, cases) in areas {
        for (name, case) in cases {
            println!("store conformance: {area}::{name}");
            case(&Bench::new(fresh()));
        }
    }
}
