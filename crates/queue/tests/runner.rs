//! The runner of workers on tokio's paused clock: no test waits for real.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code: a failed expectation is to panic where it stands")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use queue::runner::{self, Claimed, Config, Event, Ran, Work};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// How one claim goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    /// So many steps of so many milliseconds each.
    Steps(usize, u64),
    /// A step that panics.
    Panics,
    /// A step that never ends.
    Hangs,
}

#[derive(Default)]
struct State {
    scripts: Vec<Script>,
    /// When a claim fails instead.
    failures: usize,
    looks: Vec<u64>,
    done: usize,
    beats: Vec<u64>,
    /// The answer to heartbeats from this one on is no.
    lost_after: Option<usize>,
    released: Vec<u64>,
    panicked: Vec<String>,
    events: Vec<Event>,
    most_busy: usize,
}

struct Scripted {
    began: Instant,
    state: Mutex<State>,
    wake: Notify,
    due: Option<Duration>,
}

struct Claim {
    script: Script,
    left: Mutex<usize>,
}

impl Scripted {
    fn new(scripts: &[Script]) -> Arc<Self> {
        Self::with(scripts, None)
    }

    fn with(scripts: &[Script], due: Option<Duration>) -> Arc<Self> {
        let state = State { scripts: scripts.iter().rev().copied().collect(), ..State::default() };
        Arc::new(Self { began: Instant::now(), state: Mutex::new(state), wake: Notify::new(), due })
    }

    fn ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap()
    }

    fn with_state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }

    fn add(&self, script: Script) {
        self.with_state(|state| state.scripts.insert(0, script));
        self.wake.notify_one();
    }
}

impl Work for Scripted {
    type Claim = Claim;

    async fn claim(&self) -> Claimed<Claim> {
        let now = self.ms();
        self.with_state(|state| {
            state.looks.push(now);
            if state.failures > 0 {
                state.failures -= 1;
                return Claimed::Failed("the database is away".into());
            }
            let Some(script) = state.scripts.pop() else { return Claimed::Idle(self.due) };
            let left = Mutex::new(if let Script::Steps(steps, _) = script { steps } else { 1 });
            Claimed::Work { claim: Claim { script, left }, others: state.scripts.len() }
        })
    }

    async fn run(&self, claim: &Claim) -> Ran {
        match claim.script {
            Script::Panics => panic!("a poison operation"),
            Script::Hangs => std::future::pending().await,
            Script::Steps(_, ms) => sleep(Duration::from_millis(ms)).await,
        }
        let mut left = claim.left.lock().unwrap();
        *left -= 1;
        self.with_state(|state| state.done += 1);
        if *left == 0 { Ran::Done } else { Ran::More }
    }

    async fn heartbeat(&self, _: &Claim) -> bool {
        let now = self.ms();
        self.with_state(|state| {
            state.beats.push(now);
            state.lost_after.is_none_or(|beats| state.beats.len() <= beats)
        })
    }

    async fn release(&self, claim: &Claim) {
        let now = self.ms();
        let left = *claim.left.lock().unwrap();
        self.with_state(|state| {
            state.released.push(now);
            if let Script::Steps(_, ms) = claim.script {
                state.scripts.insert(0, Script::Steps(left, ms));
            }
        });
    }

    async fn panicked(&self, _: &Claim, message: &str) {
        self.with_state(|state| state.panicked.push(message.to_owned()));
    }

    async fn woken(&self) {
        self.wake.notified().await;
    }

    fn observe(&self, event: &Event) {
        self.with_state(|state| {
            if let Event::Workers(_, busy) = event {
                state.most_busy = state.most_busy.max(*busy);
            }
            state.events.push(event.clone());
        });
    }
}

fn config() -> Config {
    Config::default()
}

fn workers(work: &Scripted) -> Vec<(usize, usize)> {
    work.with_state(|state| {
        let counts = state.events.iter().filter_map(|event| if let Event::Workers(all, busy) = event { Some((*all, *busy)) } else { None });
        counts.collect()
    })
}

async fn after(ms: u64) {
    sleep(Duration::from_millis(ms)).await;
}

#[tokio::test(start_paused = true)]
async fn workers_grow_with_the_work_and_shrink_without() {
    let work = Scripted::new(&[Script::Steps(1, 400); 9]);
    let runner = runner::start(work.clone(), config());
    after(300).await;
    assert_eq!(work.with_state(|state| state.most_busy), 4, "as many as the ceiling");
    after(2_000).await;
    assert_eq!(work.with_state(|state| (state.done, state.released.len())), (9, 0));
    after(60_000).await;
    assert_eq!(workers(&work).last(), Some(&(1, 0)), "as few as the floor");
    runner.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_wake_is_heard_at_once_and_a_poll_makes_up_for_a_lost_one() {
    let work = Scripted::new(&[]);
    let runner = runner::start(work.clone(), config());
    after(1_200).await;
    work.add(Script::Steps(1, 10));
    after(50).await;
    assert_eq!(work.with_state(|state| state.done), 1);
    work.with_state(|state| state.scripts.push(Script::Steps(1, 10)));
    after(4_000).await;
    assert_eq!(work.with_state(|state| state.done), 1, "nobody told");
    after(1_500).await;
    assert_eq!(work.with_state(|state| state.done), 2, "the poll found it");
    runner.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_due_is_looked_for_then() {
    let work = Scripted::with(&[], Some(Duration::from_millis(700)));
    let runner = runner::start(work.clone(), config());
    after(1_500).await;
    let close = |look: &u64, due: u64| look.abs_diff(due) < 10;
    assert!(work.with_state(|state| state.looks.iter().zip([0, 700, 1_400]).all(|(look, due)| close(look, due))));
    runner.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_step_is_kept_alive() {
    let work = Scripted::new(&[Script::Steps(1, 35_000)]);
    let runner = runner::start(work.clone(), config());
    after(36_000).await;
    work.with_state(|state| assert_eq!((state.done, &state.beats[..]), (1, &[10_000, 20_000, 30_000][..])));
    runner.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_lost_the_lease_stops_at_once_and_hands_nothing_back() {
    let work = Scripted::new(&[Script::Steps(1, 35_000), Script::Steps(1, 10)]);
    work.with_state(|state| state.lost_after = Some(1));
    let runner = runner::start(work.clone(), Config { ceiling: 1, ..config() });
    after(20_100).await;
    work.with_state(|state| {
        assert_eq!((state.beats.len(), state.done, state.released.len()), (2, 1, 0), "the next claim was served");
        assert!(state.events.contains(&Event::LeaseLost));
    });
    runner.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_keeps_a_claim_for_longer_than_a_turn() {
    let work = Scripted::new(&[Script::Steps(40, 50), Script::Steps(1, 50)]);
    let runner = runner::start(work.clone(), Config { ceiling: 1, ..config() });
    after(600).await;
    work.with_state(|state| assert_eq!((state.done, state.released.len()), (11, 1), "ten steps, then the other one's"));
    after(2_000).await;
    assert_eq!(work.with_state(|state| state.done), 41, "the rest of it came later");
    runner.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_its_claims_own() {
    let work = Scripted::new(&[Script::Panics, Script::Steps(1, 10)]);
    let runner = runner::start(work.clone(), Config { ceiling: 1, ..config() });
    after(100).await;
    work.with_state(|state| {
        assert_eq!((state.done, &state.panicked[..]), (1, &["a poison operation".to_owned()][..]));
        assert!(state.events.contains(&Event::Panicked("a poison operation".into())));
    });
    runner.stop().await;
}

#[tokio::test(start_paused = true)]
async fn looks_that_fail_become_rarer() {
    let work = Scripted::new(&[]);
    work.with_state(|state| state.failures = 5);
    let runner = runner::start(work.clone(), config());
    after(96_000).await;
    let looks = work.with_state(|state| state.looks.clone());
    assert_eq!(looks[..6], [0, 5_000, 15_000, 35_000, 65_000, 95_000]);
    assert_eq!(work.with_state(|state| state.events.iter().filter(|event| matches!(event, Event::ClaimFailed(_))).count()), 5);
    runner.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_finishes_the_step_and_hands_the_rest_back() {
    let work = Scripted::new(&[Script::Steps(9, 300)]);
    let runner = runner::start(work.clone(), Config { turn: Duration::from_secs(60), ..config() });
    after(450).await;
    let told = Instant::now();
    runner.stop().await;
    assert!(told.elapsed() < Duration::from_millis(200), "{:?}", told.elapsed());
    work.with_state(|state| assert_eq!((state.done, state.released.len()), (2, 1)));
    assert_eq!(workers(&work).last(), Some(&(0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_stop_leaves_a_step_that_hangs_and_hands_its_lease_back() {
    let work = Scripted::new(&[Script::Hangs]);
    let runner = runner::start(work.clone(), config());
    after(450).await;
    let told = Instant::now();
    runner.stop().await;
    assert!(told.elapsed() <= Duration::from_secs(1), "{:?}", told.elapsed());
    work.with_state(|state| {
        assert_eq!(state.released.len(), 1);
        assert!(state.events.contains(&Event::Abandoned));
    });
}

#[tokio::test(start_paused = true)]
async fn who_drops_the_runner_stops_it() {
    let work = Scripted::new(&[]);
    drop(runner::start(work.clone(), config()));
    after(100).await;
    work.add(Script::Steps(1, 10));
    after(60_000).await;
    assert_eq!(work.with_state(|state| state.done), 0);
}
