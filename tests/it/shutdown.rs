//! SIGTERM under load: what was accepted is answered, what was answered is kept.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::database::Database;
use crate::server::{Client, Server, create, op_id, prepare};

/// Writes that are answered before the server is told to end: there are eight writers.
const MANY: usize = 9;
/// The longest wait for them: for a server that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn what_was_accepted_is_answered_on_sqlite() {
    terminate(&Database::sqlite());
}

#[test]
fn what_was_accepted_is_answered_on_postgres() {
    if let Some(database) = Database::postgres() {
        terminate(&database);
    }
}

fn terminate(database: &Database) {
    prepare(database);
    let mut server = Server::start(database);
    let space = server.client().space();
    for round in 0..5 {
        let (client, next, held, unanswered) = (server.client(), AtomicU32::new(0), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        let stopped = std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| write_until_it_ends(&client, &space, round, &next, &held, &unanswered));
            }
            // under load, however slow the machine is: another moment of it in each round
            let (answered, until) = (MANY * (usize::try_from(round).unwrap() + 1), Instant::now() + PATIENCE);
            while held.lock().unwrap().len() < answered && Instant::now() < until {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            server.terminate();
            server.wait()
        });
        assert_eq!(stopped, Some(0), "it ends well");
        server = Server::start(database);
        let (held, unanswered) = (held.into_inner().unwrap(), unanswered.into_inner().unwrap());
        assert!(held.len() >= MANY, "the load was real: {}", held.len());
        let client = server.client();
        for receipt in client.receipts(&held.iter().map(String::as_str).collect::<Vec<_>>()) {
            assert_eq!(receipt["held"], true, "lost after it was acknowledged: {receipt}");
        }
        // a request that got no answer was never begun: it came after the last one that was accepted
        for receipt in client.receipts(&unanswered.iter().map(String::as_str).collect::<Vec<_>>()) {
            assert_eq!(receipt["status"], "unknown", "done, and not answered: {receipt}");
        }
    }
}

fn write_until_it_ends(
    client: &Client,
    space: &str,
    round: u32,
    next: &AtomicU32,
    held: &Mutex<Vec<String>>,
    unanswered: &Mutex<Vec<String>>,
) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        match client.push(space, &[create(round, number)]) {
            Ok(results) if results[0]["held"] == true => held.lock().unwrap().push(op_id(round, number)),
            Ok(results) => panic!("not held: {results:?}"),
            Err(_) => return unanswered.lock().unwrap().push(op_id(round, number)),
        }
    }
}
