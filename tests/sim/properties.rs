//! The suites.

use std::num::NonZeroU32;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, FileFailurePersistence, RngAlgorithm, TestError, TestRng, TestRunner};

use crate::coverage::{Coverage, MARKS, QUEUE_MARKS};
use crate::script::{Script, alone, crowd, queued, skewed};
use crate::server::Backing;
use crate::world::{Check, World, fail};

/// Worlds of the largest suite.
const CASES: u32 = 500;

#[allow(clippy::disallowed_methods, reason = "tests are told by the environment how long to run")]
fn cases() -> u32 {
    std::env::var("REJOIN_SIM_CASES").ok().and_then(|cases| cases.parse::<NonZeroU32>().ok()).map_or(CASES, NonZeroU32::get)
}

/// The same worlds on every run, so that a change is judged by what it changes; new ones on every run when
/// `REJOIN_SIM_CASES` asks for more of them.
#[allow(clippy::disallowed_methods, reason = "tests are told by the environment how long to run")]
fn seed() -> Option<[u8; 32]> {
    std::env::var_os("REJOIN_SIM_CASES").is_none().then_some([20; 32])
}

/// Plays a world to its end, and looks whether all that must hold does.
pub(crate) fn play<'a>(backing: Backing, script: &Script, coverage: &'a Coverage) -> Check<World<'a>> {
    let mut world = World::new(backing, script, coverage);
    script.steps.iter().try_for_each(|step| world.step(step))?;
    world.calm()?;
    world.chronicle()?;
    world.replay_all()?;
    Ok(world)
}

fn run(
    name: &'static str,
    cases: u32,
    scripts: impl Strategy<Value = Script>,
    backing: Backing,
    more: impl Fn(&World<'_>) -> Check,
) -> Coverage {
    let coverage = Coverage::default();
    let config = Config {
        cases: cases.max(1),
        max_shrink_iters: 4_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(name))),
        ..Config::default()
    };
    let mut runner = match seed() {
        Some(seed) => TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed)),
        None => TestRunner::new(config),
    };
    let outcome = runner.run(&scripts, |script| more(&play(backing, &script, &coverage)?));
    match outcome {
        Ok(()) => coverage,
        Err(TestError::Abort(reason)) => panic!("{reason}"),
        Err(TestError::Fail(reason, Script { users, devices, schemas, inline, steps })) => {
            let steps: Vec<_> = steps.iter().map(|step| format!("  {step:?}")).collect();
            panic!("{reason}\nin a world of {users} users, {devices} devices, {schemas:?}, {inline:?} inline:\n{}", steps.join("\n"))
        }
    }
}

#[test]
fn devices_agree_and_nothing_is_lost() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/crowd.txt");
    run(file, cases(), crowd(90), Backing::Memory, |_| Ok(())).require(MARKS);
}

#[test]
fn the_same_over_sqlite() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/sqlite.txt");
    run(file, cases() / 16, crowd(60), Backing::Sqlite, |_| Ok(())).require(&["status applied", "status duplicate", "item patch"]);
}

#[test]
fn old_apps_lose_nothing_while_schemas_move_on() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/skewed.txt");
    let marks = ["schema replaced", "upgrade required", "status merged", "conflict group", "conflict edit_delete", "item patch"];
    run(file, cases() / 3, skewed(false, 70), Backing::Memory, |_| Ok(())).require(&marks);
}

#[test]
fn a_schema_puts_nobody_in_conflict_with_themselves() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/skewed-alone.txt");
    run(file, cases() / 3, skewed(true, 50), Backing::Memory, no_question).require(&["schema replaced", "status merged", "status noop"]);
}

#[test]
fn one_person_is_never_in_conflict_with_themselves() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/alone.txt");
    let coverage = run(file, cases() / 2, alone(60), Backing::Memory, no_question);
    coverage.require(&["status applied", "status noop", "status duplicate", "status waiting", "fault reply lost", "sync out of order"]);
}

#[test]
fn workers_decide_what_devices_sent_whatever_becomes_of_them() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/queued.txt");
    run(file, cases() / 4, queued(false, 110), Backing::Memory, |_| Ok(())).require(QUEUE_MARKS);
}

#[test]
fn workers_put_nobody_in_conflict_with_themselves() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/queued-alone.txt");
    let marks = ["status queued", "receipt applied", "receipt noop", "work lease rescued", "work stale step refused"];
    run(file, cases() / 4, queued(true, 70), Backing::Memory, no_question).require(&marks);
}

#[test]
fn workers_over_sqlite() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/queued-sqlite.txt");
    run(file, cases() / 25, queued(false, 70), Backing::Sqlite, |_| Ok(())).require(&["status queued", "receipt applied"]);
}

fn no_question(world: &World<'_>) -> Check {
    let mut rows = world.server.spaces.iter().flat_map(|space| world.server.documents(*space));
    match rows.find(|row| row.key.collection() == "_conflicts") {
        Some(row) => fail(row.body.as_str()),
        None => Ok(()),
    }
}
