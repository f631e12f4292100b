//! Workers: a few tasks that claim work, do it step by step with heartbeats, and hand it back. It is generic over
//! [`Work`], which alone knows what is claimed and where it stands.
//!
//! There are never fewer workers than [`Config::floor`] and never more than [`Config::ceiling`]. A worker that found work
//! sees to it that another one looks for more; one above the floor that found nothing for [`Config::idle_for`] ends.
//! Workers look when [`Work::woken`] resolves, when something comes due, and at least every [`Config::poll`].

mod pool;
mod serve;
mod wake;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use self::pool::Runner;
pub use self::wake::Wake;

/// What workers do. Every method may be called by several workers at once, [`Work::woken`] by one task at a time.
pub trait Work: Send + Sync + 'static {
    /// What was claimed: a lease with its fence, and what belongs to it.
    type Claim: Send + Sync + 'static;

    /// Takes the lease of what is to be done first, if anything is.
    fn claim(&self) -> impl Future<Output = Claimed<Self::Claim>> + Send;

    /// Does one step of a claim, short enough that a stop need not wait for it. While it runs, heartbeats are sent. It is
    /// called again with the same claim after [`Ran::More`], until the worker's turn is over.
    fn run(&self, claim: &Self::Claim) -> impl Future<Output = Ran> + Send;

    /// Says that the holder of a claim is alive. Whether it still holds it.
    fn heartbeat(&self, claim: &Self::Claim) -> impl Future<Output = bool> + Send;

    /// Hands a claim back before its lease ends. The step that was running may go on: what it writes has to be refused by
    /// the fence, or to have been committed before.
    fn release(&self, claim: &Self::Claim) -> impl Future<Output = ()> + Send;

    /// A step panicked. Hands the claim back so that what it was about counts as failed, and is not taken again at once.
    fn panicked(&self, claim: &Self::Claim, message: &str) -> impl Future<Output = ()> + Send;

    /// Resolves when there may be something new to be claimed. A wake that came while nobody waited is not lost.
    fn woken(&self) -> impl Future<Output = ()> + Send;

    /// Is told what happens, to count and to log it.
    fn observe(&self, event: &Event) {
        let _ = event;
    }
}

/// What came of looking for work.
#[derive(Debug)]
pub enum Claimed<C> {
    /// This is to be done.
    Work {
        /// The lease, and what belongs to it.
        claim: C,
        /// How many others could be claimed at the same time: so many more workers look.
        others: usize,
    },
    /// There is nothing now; something may come due after so long.
    Idle(Option<Duration>),
    /// It could not be told; the looks become rarer until it can.
    Failed(String),
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// There is more to be done under this claim.
    More,
    /// There is not, and the claim is handed back already.
    Done,
    /// Somebody else holds it: nothing was written.
    Lost,
}

/// What happens to workers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// There are so many workers now, of which so many have work.
    Workers(usize, usize),
    /// Looking for work failed.
    ClaimFailed(String),
    /// A step panicked.
    Panicked(String),
    /// A lease was lost while a step ran.
    LeaseLost,
    /// A step was still running when the time to stop was over; its lease was handed back.
    Abandoned,
}

/// How many workers there are, and how often they look.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// At least so many workers; 0 stands for 1.
    pub floor: usize,
    /// At most so many; never fewer than the floor.
    pub ceiling: usize,
    /// A worker without work looks at least so often.
    pub poll: Duration,
    /// While a step runs, its lease is renewed so often: a third of the lease or less.
    pub heartbeat: Duration,
    /// A worker hands a claim back after so long, so that others get their turn.
    pub turn: Duration,
    /// A worker above the floor ends after so long without work.
    pub idle_for: Duration,
    /// A step may go on for so long after a stop; then its lease is handed back.
    pub grace: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            floor: 1,
            ceiling: 4,
            poll: Duration::from_secs(5),
            heartbeat: Duration::from_secs(10),
            turn: Duration::from_millis(500),
            idle_for: Duration::from_secs(10),
            grace: Duration::from_millis(700),
        }
    }
}

/// Starts the workers on the current tokio runtime.
#[must_use]
pub fn start<W: Work>(work: Arc<W>, config: Config) -> Runner {
    Runner::start(work, config)
}
