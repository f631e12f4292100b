//! The clock and the entropy of the machine: the one place that reads either.

use std::process::abort;
use std::time::{SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom, SystemRandom};
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_not_before_this_was_written() {
        assert!(SystemClock.now() > Timestamp::from_millis(1_763_000_000_000));
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
