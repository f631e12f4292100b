//! The suite of the [`Broadcaster`] port.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use sync_core::ports::{Broadcaster, Listener, Signal};
use sync_core::{BatchId, DeviceId, SessionId, SpaceId, UserId};

use super::bench::id;

type Case = fn(&dyn Broadcaster, &dyn Broadcaster);

/// How long a signal may take: far more than it does.
const PATIENCE: Duration = Duration::from_secs(30);

/// A listener that keeps what it was told.
#[derive(Default)]
pub struct Heard {
    told: Mutex<Told>,
    changed: Condvar,
}

#[derive(Default)]
struct Told {
    signals: Vec<Signal>,
    lost: u32,
}

impl Heard {
    /// A listener of these broadcasters, until it is dropped.
    #[must_use]
    pub fn on(broadcasters: &[&dyn Broadcaster]) -> Arc<Self> {
        let heard = Arc::new(Self::default());
        let listener: Arc<dyn Listener> = heard.clone();
        for broadcaster in broadcasters {
            broadcaster.listen(&listener);
        }
        heard
    }

    /// What it was told so far, as often as it was.
    pub fn signals(&self) -> Vec<Signal> {
        self.told.lock().unwrap().signals.clone()
    }

    /// Waits until it was told all of these.
    pub fn await_all(&self, wanted: &[Signal]) {
        let mut missing: BTreeSet<_> = wanted.iter().copied().collect();
        let mut seen = 0;
        self.wait(|told| {
            told.signals.iter().skip(seen).for_each(|signal| _ = missing.remove(signal));
            seen = told.signals.len();
            missing.is_empty()
        });
    }

    /// Waits until it was told to look everywhere.
    pub fn await_lost(&self) {
        self.wait(|told| told.lost > 0);
    }

    fn wait(&self, mut is_enough: impl FnMut(&Told) -> bool) {
        let told = self.told.lock().unwrap();
        let (told, waited) = self.changed.wait_timeout_while(told, PATIENCE, |told| !is_enough(told)).unwrap();
        assert!(!waited.timed_out(), "told {} signals and {} times that some were lost", told.signals.len(), told.lost);
    }
}

impl Listener for Heard {
    fn hear(&self, signals: &[Signal]) {
        assert!(!signals.is_empty(), "a call says something");
        self.told.lock().unwrap().signals.extend_from_slice(signals);
        self.changed.notify_all();
    }

    fn lost(&self) {
        self.told.lock().unwrap().lost += 1;
        self.changed.notify_all();
    }
}

/// Runs every case of the [`Broadcaster`] port, each on two fresh nodes of one installation; where there can be one only, both
/// are the same. Prints each case's name, so that the last one printed is the one that failed.
///
/// # Panics
/// When the broadcaster breaks the port's contract.
pub fn broadcaster_suite(fresh: &dyn Fn() -> [Arc<dyn Broadcaster>; 2]) {
    let cases: [(&str, Case); 5] = [
        ("those_here_are_told_at_once", those_here_are_told_at_once),
        ("each_kind_of_signal_arrives_on_each_node", each_kind_of_signal_arrives_on_each_node),
        ("many_arrive", many_arrive),
        ("whoever_left_is_told_nothing", whoever_left_is_told_nothing),
        ("nodes_tell_at_once", nodes_tell_at_once),
    ];
    for (name, case) in cases {
        println!("broadcaster conformance: {name}");
        let [one, other] = fresh();
        case(&*one, &*other);
    }
}

fn each_kind() -> Vec<Signal> {
    vec![
        Signal::Space(SpaceId(id(1))),
        Signal::Members(SpaceId(id(2))),
        Signal::Session(SessionId(id(3))),
        Signal::Device(DeviceId(id(4))),
        Signal::Batch(DeviceId(id(5)), BatchId(id(6))),
        Signal::DeadLetter(DeviceId(id(7)), SpaceId(id(8))),
        Signal::Presence(UserId(id(9)), DeviceId(id(10))),
        Signal::Queue,
    ]
}

fn those_here_are_told_at_once(one: &dyn Broadcaster, _: &dyn Broadcaster) {
    let (first, second) = (Heard::on(&[one]), Heard::on(&[one]));
    one.publish(&each_kind());
    assert_eq!((first.signals(), second.signals()), (each_kind(), each_kind()), "before it returns");
    one.publish(&[]);
    assert_eq!(first.signals().len(), each_kind().len());
}

fn each_kind_of_signal_arrives_on_each_node(one: &dyn Broadcaster, other: &dyn Broadcaster) {
    let (here, there) = (Heard::on(&[one]), Heard::on(&[other]));
    for signal in each_kind() {
        one.publish(&[signal]);
    }
    there.await_all(&each_kind());
    other.publish(&[Signal::Space(SpaceId(id(90)))]);
    here.await_all(&[Signal::Space(SpaceId(id(90)))]);
}

fn many_arrive(one: &dyn Broadcaster, other: &dyn Broadcaster) {
    let there = Heard::on(&[other]);
    let all: Vec<_> = (0..5_000).map(|number| Signal::DeadLetter(DeviceId(id(number % 7)), SpaceId(id(number)))).collect();
    one.publish(&all);
    for signal in all.iter().rev() {
        one.publish(&[*signal, *signal]);
    }
    there.await_all(&all);
}

fn whoever_left_is_told_nothing(one: &dyn Broadcaster, other: &dyn Broadcaster) {
    let (gone, stays) = (Heard::on(&[one, other]), Heard::on(&[one, other]));
    let left = Arc::downgrade(&gone);
    drop(gone);
    assert!(left.upgrade().is_none(), "a broadcaster keeps nobody alive");
    one.publish(&[Signal::Queue]);
    other.publish(&[Signal::Device(DeviceId(id(1)))]);
    stays.await_all(&[Signal::Queue, Signal::Device(DeviceId(id(1)))]);
}

fn nodes_tell_at_once(one: &dyn Broadcaster, other: &dyn Broadcaster) {
    let (here, there) = (Heard::on(&[one]), Heard::on(&[other]));
    let signals = |from: u128| (from..from + 200).map(|number| Signal::Space(SpaceId(id(number)))).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        scope.spawn(|| signals(0).iter().for_each(|signal| one.publish(&[*signal])));
        scope.spawn(|| signals(1_000).iter().for_each(|signal| other.publish(&[*signal])));
    });
    here.await_all(&signals(1_000));
    there.await_all(&signals(0));
}
