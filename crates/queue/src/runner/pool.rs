//! The pool: how many workers there are, who looks next, and how they stop.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use super::{Claimed, Config, Event, Work, serve};
use crate::sizing;

/// The looks after failures come at most this seldom.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Running workers. Dropping it stops them without waiting.
#[derive(Debug)]
pub struct Runner {
    stop: watch::Sender<bool>,
    supervisor: JoinHandle<()>,
}

impl Runner {
    pub(super) fn start<W: Work>(work: Arc<W>, config: Config) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (more, asked) = mpsc::unbounded_channel();
        let pool = Arc::new(Pool { work, config, stopped, more, wake: Notify::new(), counts: Mutex::default() });
        Self { stop, supervisor: tokio::spawn(supervise(pool, asked)) }
    }

    /// Tells every worker to end, and resolves when all have: what they held is finished or handed back by then. It takes
    /// no longer than [`Config::grace`] and the time of handing back, which is cut at 300 ms.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // a supervisor that panicked has ended too
        let _ = (&mut self.supervisor).await;
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// What workers share.
pub(super) struct Pool<W> {
    pub(super) work: Arc<W>,
    pub(super) config: Config,
    stopped: watch::Receiver<bool>,
    more: mpsc::UnboundedSender<()>,
    wake: Notify,
    counts: Mutex<Counts>,
}

/// How many there are.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    workers: usize,
    busy: usize,
}

impl<W: Work> Pool<W> {
    fn floor(&self) -> usize {
        self.config.floor.max(1)
    }

    fn ceiling(&self) -> usize {
        self.config.ceiling.max(self.floor())
    }

    /// Changes the counts, and tells of it where they did change.
    fn count(&self, change: impl FnOnce(&mut Counts)) -> Counts {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *counts;
        change(&mut counts);
        let after = *counts;
        drop(counts);
        if (before.workers, before.busy) != (after.workers, after.busy) {
            self.work.observe(&Event::Workers(after.workers, after.busy));
        }
        after
    }

    /// Counts one more worker where there is room.
    fn enlist(&self) -> bool {
        let mut enlisted = false;
        self.count(|counts| {
            enlisted = counts.workers < self.ceiling();
            counts.workers += usize::from(enlisted);
        });
        enlisted
    }

    /// Counts one worker less where there are more than the floor.
    fn retire(&self) -> bool {
        let mut retired = false;
        self.count(|counts| {
            retired = counts.workers > self.floor();
            counts.workers -= usize::from(retired);
        });
        retired
    }

    /// Sees to it that somebody looks for `others`: an idle worker, else a new one.
    fn pass_on(&self, others: usize) {
        if others == 0 {
            return;
        }
        let counts = self.count(|_| ());
        self.wake.notify_one();
        let wanted = sizing::workers(counts.busy, others, self.floor(), self.ceiling());
        if counts.busy == counts.workers && wanted > counts.workers {
            // the supervisor ended: so do all workers
            let _ = self.more.send(());
        }
    }

    pub(super) fn stopping(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Resolves when the workers are told to end.
    pub(super) async fn stopped(&self) {
        // the sender says so before it goes
        let _ = self.stopped.clone().wait_for(|stopped| *stopped).await;
    }
}

/// Starts workers, replaces those that panicked, and waits for all of them at the end.
async fn supervise<W: Work>(pool: Arc<Pool<W>>, mut asked: mpsc::UnboundedReceiver<()>) {
    let mut workers = JoinSet::new();
    for _ in 0..pool.floor() {
        pool.count(|counts| counts.workers += 1);
        workers.spawn(worker(pool.clone(), Duration::ZERO));
    }
    loop {
        tokio::select! {
            biased;
            () = pool.stopped() => break,
            Some(()) = asked.recv() => if pool.enlist() {
                workers.spawn(worker(pool.clone(), Duration::ZERO));
            },
            Some(Err(error)) = workers.join_next() => {
                pool.work.observe(&Event::Panicked(message_of(error)));
                workers.spawn(worker(pool.clone(), pool.config.poll));
            },
            () = pool.work.woken() => pool.pass_on(1),
        }
    }
    let all = async { while workers.join_next().await.is_some() {} };
    if timeout(pool.config.grace.saturating_add(serve::HAND_BACK), all).await.is_err() {
        pool.work.observe(&Event::Abandoned);
        workers.shutdown().await;
    }
}

/// One worker: looks, serves, waits.
async fn worker<W: Work>(pool: Arc<Pool<W>>, pause: Duration) {
    wait(&pool, pause).await;
    let (mut idle_since, mut failures) = (Instant::now(), 0_u32);
    while !pool.stopping() {
        let pause = match pool.work.claim().await {
            Claimed::Work { claim, others } => {
                let _busy = Busy::new(&pool);
                pool.pass_on(others);
                serve::serve(&pool, Arc::new(claim)).await;
                (idle_since, failures) = (Instant::now(), 0);
                continue;
            }
            Claimed::Idle(due) => {
                failures = 0;
                due.map_or(pool.config.poll, |due| due.min(pool.config.poll))
            }
            Claimed::Failed(reason) => {
                pool.work.observe(&Event::ClaimFailed(reason));
                failures = failures.saturating_add(1).min(8);
                pool.config.poll.saturating_mul(1 << (failures - 1)).min(LONGEST_PAUSE)
            }
        };
        if idle_since.elapsed() >= pool.config.idle_for && pool.retire() {
            return;
        }
        wait(&pool, pause.max(Duration::from_millis(1))).await;
    }
    pool.count(|counts| counts.workers = counts.workers.saturating_sub(1));
}

/// Waits until it is time to look again.
async fn wait<W: Work>(pool: &Pool<W>, pause: Duration) {
    if pause.is_zero() {
        return;
    }
    tokio::select! {
        () = sleep(pause) => (),
        () = pool.wake.notified() => (),
        () = pool.stopped() => (),
    }
}

/// A worker that has work, for as long as this lives: a panic of the worker does not leave it counted.
struct Busy<'a, W: Work>(&'a Pool<W>);

impl<'a, W: Work> Busy<'a, W> {
    fn new(pool: &'a Pool<W>) -> Self {
        pool.count(|counts| counts.busy += 1);
        Self(pool)
    }
}

impl<W: Work> Drop for Busy<'_, W> {
    fn drop(&mut self) {
        self.0.count(|counts| counts.busy = counts.busy.saturating_sub(1));
    }
}

/// What a panic said.
pub(super) fn message_of(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(payload) => words_of(payload.as_ref()),
        Err(_) => "it was cancelled".into(),
    }
}

fn words_of(payload: &(dyn Any + Send)) -> String {
    let words = payload.downcast_ref::<&str>().map(|words| (*words).to_owned());
    words.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked without a message".into())
}
