//! Signals between the nodes of one PostgreSQL database.

use std::sync::Arc;

use storage_diesel::{DatabaseConfig, open_broadcaster};
use sync_core::SpaceId;
use sync_core::ports::{Broadcaster, Signal};
use testkit::conformance::{Heard, broadcaster_suite};
use uuid::Uuid;

use crate::support::{PostgresDatabase, cluster, execute};

fn space(number: u128) -> Signal {
    Signal::Space(SpaceId(Uuid::from_u128(number)))
}

fn nodes(database: &PostgresDatabase) -> [Arc<dyn Broadcaster>; 2] {
    let config = DatabaseConfig::new(database.url());
    [1, 2].map(|number| open_broadcaster(&config, Uuid::from_u128(number)).unwrap().unwrap())
}

/// Ends the connections of a database, whatever they are for.
fn cut(database: &PostgresDatabase) {
    let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rejoin signals' AND datname = ";
    execute(&database.url(), &format!("{all}'{}'", database.name()));
}

#[test]
fn keeps_the_contract() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::empty(&cluster);
    broadcaster_suite(&|| nodes(&database));
}

#[test]
fn an_embedded_database_needs_none() {
    let config = DatabaseConfig::new("sqlite:/nowhere/rejoin.db");
    assert!(open_broadcaster(&config, Uuid::nil()).unwrap().is_none());
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let config = DatabaseConfig::new("postgres://nobody@127.0.0.1:1/nothing");
    assert!(open_broadcaster(&config, Uuid::nil()).is_err());
}

#[test]
fn a_node_does_not_hear_itself_again() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::empty(&cluster);
    let [one, other] = nodes(&database);
    let (here, there) = (Heard::on(&[&*one]), Heard::on(&[&*other]));
    one.publish(&[space(1), space(1), space(2)]);
    there.await_all(&[space(1), space(2)]);
    assert_eq!(there.signals(), [space(1), space(2)], "each once");
    other.publish(&[space(3)]);
    // notifications come in the order of their commits
    here.await_all(&[space(3)]);
    assert_eq!(here.signals(), [space(1), space(1), space(2), space(3)]);
}

#[test]
fn what_may_have_been_missed_is_told_and_what_comes_later_is_heard() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::empty(&cluster);
    let [one, other] = nodes(&database);
    for round in 0..3 {
        let (here, there) = (Heard::on(&[&*one]), Heard::on(&[&*other]));
        one.publish(&[space(round)]);
        there.await_all(&[space(round)]);
        cut(&database);
        here.await_lost();
        there.await_lost();
        one.publish(&[space(100 + round)]);
        there.await_all(&[space(100 + round)]);
        other.publish(&[space(200 + round)]);
        here.await_all(&[space(200 + round)]);
    }
}

#[test]
fn what_others_notify_is_ignored() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::empty(&cluster);
    let [one, other] = nodes(&database);
    let there = Heard::on(&[&*other]);
    execute(&database.url(), "NOTIFY rejoin_signals, 'hello'; NOTIFY rejoin_signals; NOTIFY others, 'hello'");
    one.publish(&[space(1)]);
    there.await_all(&[space(1)]);
    assert_eq!(there.signals(), [space(1)]);
}

#[test]
fn what_still_waits_is_told_before_the_end() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::empty(&cluster);
    let [one, other] = nodes(&database);
    let there = Heard::on(&[&*other]);
    one.publish(&[space(1)]);
    drop(one);
    there.await_all(&[space(1)]);
}
