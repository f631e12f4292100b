//! `rejoin bench floor`: what the database itself needs for the rows that a run of pushes wrote.

use std::time::Duration;

use storage_diesel::bench::{Floor, FloorConfig, FloorPush, FloorReport};
use sync_core::ports::Clock as _;
use sync_core::{DocumentKey, OpId, SpaceId};

use super::cluster::Cluster;
use super::crew::{Plan, Worker};
use super::data::{COLLECTION, Numbers};
use super::processes;
use super::report::{Figures, number, round};
use super::target::Target;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::system::SystemClock;

/// Connections to PostgreSQL.
const CONNECTIONS: usize = 16;
/// More edits than this tell nothing more; their rows are made beforehand, in memory.
const MOST_OPERATIONS: u64 = 50_000;

/// Writes what a run of pushes wrote, straight into the same database, and tells the run how it compares. The server
/// must have been stopped; the documents are not what their devices believe afterwards.
pub(crate) fn measure(
    target: &Target,
    plan: &Plan,
    workers: &mut [Worker],
    run: &mut Figures,
    progress: &Progress,
) -> Result<Figures, Failure> {
    let (Some(database), Some(first)) = (target.database_config(), workers.first()) else {
        return Err(Failure::Input(
            "the floor is written straight into the database of a server that was started here: leave --url out".into(),
        ));
    };
    let organisation_id = first.device.organisation_id();
    let operations = usize::try_from(run.operations.min(MOST_OPERATIONS)).unwrap_or(usize::MAX);
    progress.begin(&format!("floor, batches of {}", run.batch), operations);
    // like the run's own: every connection has prepared its statements by then
    let warm_up = pushes(workers, run.batch, (operations / 10).max(workers.len() * run.batch))?;
    let measured = pushes(workers, run.batch, operations)?;
    let per_run = number(run.operations) / number(u64::try_from(operations).unwrap_or(u64::MAX));
    let in_run = number(u64::try_from(measured.len()).unwrap_or(u64::MAX)) * per_run;
    let pushes_per_commit = run.commits.filter(|commits| *commits > 0).map_or(1.0, |commits| in_run / number(commits));
    let mut numbers = Numbers::new(plan.seed, u64::MAX - 1);
    let mut new_op_id = || OpId(numbers.uuid(SystemClock.now()));
    let config = FloorConfig {
        database,
        organisation_id,
        warm_up: warm_up.len(),
        pushes: warm_up.into_iter().chain(measured).collect(),
        pushes_per_commit,
        connections: CONNECTIONS,
        new_op_id: &mut new_op_id,
        thread_cpu: processes::thread_cpu,
    };
    let mut before = None;
    let report = Floor::prepare(config)?.run(|| before = target.cluster().and_then(Cluster::cpu))?;
    let after = target.cluster().and_then(Cluster::cpu);
    let database_cpu = match target.cluster() {
        None => Some(Duration::ZERO),
        Some(_) => after.zip(before).map(|(after, before)| after.saturating_sub(before)),
    };
    progress.advance(operations);
    let cpu = report.cpu.zip(database_cpu).map(|(writers, database)| writers + database);
    let floor = figures(Figures::of_run("floor", target.database, plan, run.batch), &report, (cpu, target.counts_database_cpu()));
    run.compare(&floor);
    Ok(floor)
}

fn figures(mut floor: Figures, report: &FloorReport, (cpu, with_database): (Option<Duration>, bool)) -> Figures {
    floor.encoding = "none";
    floor.operations = report.operations;
    floor.requests = report.pushes;
    floor.seconds = round(report.elapsed.as_secs_f64(), 3);
    floor.operations_per_s = round(number(report.operations) / report.elapsed.as_secs_f64(), 1);
    floor.set_cpu(cpu, with_database);
    floor.commits = Some(report.commits);
    floor.commits_per_request = Some(round(number(report.commits) / number(report.pushes), 3));
    floor
}

/// The next edits of the devices, as pushes: one for each space of a request.
fn pushes(workers: &mut [Worker], batch: usize, operations: usize) -> Result<Vec<FloorPush>, Failure> {
    let unreadable = || Failure::Failed("a space or a document has no readable id".into());
    let mut pushes: Vec<FloorPush> = Vec::new();
    let mut left = operations;
    while left > 0 {
        for (lane, worker) in workers.iter_mut().enumerate() {
            let taken = batch.min(left);
            left -= taken;
            let begins = pushes.len();
            for place in worker.next_places(taken) {
                let Some(document) = worker.documents.get(place) else { continue };
                let space_id: SpaceId = worker.space_of(document).parse().map_err(|_| unreadable())?;
                let key = DocumentKey::new(COLLECTION, &document.id.to_string()).ok_or_else(unreadable)?;
                match pushes.iter_mut().skip(begins).find(|push| push.space_id == space_id) {
                    Some(push) => push.keys.push(key),
                    None => pushes.push(FloorPush { space_id, keys: vec![key], lane }),
                }
            }
        }
    }
    Ok(pushes)
}
