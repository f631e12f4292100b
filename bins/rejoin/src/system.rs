//! The clock and the entropy of the machine: the one place that reads either. And what of the machine a process may ask for.

use std::process::abort;
use std::time::{SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom, SystemRandom};
use rustix::process::{Resource, Rlimit, getpriority_process, getrlimit, setpriority_process, setrlimit};
use sync_core::Timestamp;
use sync_core::ports::{Clock, Entropy};

/// The machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one adapter of the Clock port that reads the clock")]
    fn now(&self) -> Timestamp {
        let signed = |ms: u128| i64::try_from(ms).unwrap_or(i64::MAX);
        Timestamp::from_millis(match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => signed(since.as_millis()),
            Err(before) => -signed(before.duration().as_millis()),
        })
    }
}

/// The operating system's entropy.
#[derive(Debug, Clone)]
pub(crate) struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    pub(crate) fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        if self.0.fill(buffer).is_err() {
            // tokens made without entropy could be guessed: better no server than that one
            tracing::error!("the operating system gives no random bytes; the process ends");
            abort();
        }
    }
}

/// More files than this are of no use to a server.
const ENOUGH_FILES: u64 = 1 << 20;

/// Raises the number of files that may be open from the soft limit, which is low for the sake of programs that `select`, to
/// what the hard one allows. Every connection is a file.
pub(crate) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(ENOUGH_FILES, |hard| hard.min(ENOUGH_FILES));
    if limit.current.is_some_and(|soft| soft < wanted)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })
    {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

/// How far a thread that hashes passwords steps back (`nice`): where others have work it gets a third of what each of them
/// gets, and whoever wakes up to sync goes first.
const HASHING_NICE: i32 = 5;

/// Lets whoever syncs go before this thread. On Linux a process without a number is the thread itself.
pub(crate) fn step_back() {
    let is_behind = getpriority_process(None).is_ok_and(|nice| nice >= HASHING_NICE);
    if !is_behind && let Err(error) = setpriority_process(None, HASHING_NICE) {
        tracing::debug!(%error, "this thread's priority stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_not_before_this_was_written() {
        assert!(SystemClock.now() > Timestamp::from_millis(1_763_000_000_000));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn one_thread_steps_back_and_the_others_stay() {
        let nice = || getpriority_process(None).unwrap();
        let before = nice();
        let stepped = std::thread::spawn(move || {
            step_back();
            nice()
        });
        assert_eq!((stepped.join().unwrap(), nice()), (before.max(HASHING_NICE), before));
    }

    #[test]
    fn two_draws_differ() {
        let draw = || {
            let mut bytes = [0; 16];
            SystemEntropy::new().fill(&mut bytes);
            bytes
        };
        assert_ne!(draw(), draw());
    }
}
