//! A clock that stands still until it is told to move, and entropy from a seed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sync_core::Timestamp;
use sync_core::ports::{Clock, Entropy, Fetch, FetchError, FetchRequest, Fetched};

/// 2026-06-20T14:00:00.000Z, where a [`FakeClock`] begins.
pub const START: Timestamp = Timestamp::from_millis(1_781_964_000_000);

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct FakeClock(AtomicI64);

impl FakeClock {
    /// A clock that stands at [`START`].
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicI64::new(START.millis()))
    }

    /// Moves it to an instant, backwards too.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.millis(), Ordering::SeqCst);
    }

    /// Moves it by milliseconds, backwards when negative.
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Entropy from a seed (splitmix64): the same seed and the same calls give the same bytes. Never a source of secrets.
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

/// The increment of splitmix64.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl SeededEntropy {
    /// Entropy from this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next 64 bits.
    pub fn next_u64(&self) -> u64 {
        let mut z = self.0.fetch_add(GAMMA, Ordering::SeqCst).wrapping_add(GAMMA);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let word = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

/// Other servers, as a test puts them up.
#[derive(Default)]
pub struct FakeFetch {
    answers: Mutex<BTreeMap<String, Result<Vec<u8>, FetchError>>>,
    asked: Mutex<Vec<FetchRequest>>,
}

impl FakeFetch {
    /// From now on a URL answers this.
    pub fn answer(&self, url: &str, answer: Result<Vec<u8>, FetchError>) {
        lock(&self.answers).insert(url.to_owned(), answer);
    }

    /// What was asked since this was called last.
    #[must_use]
    pub fn take_asked(&self) -> Vec<FetchRequest> {
        std::mem::take(&mut *lock(&self.asked))
    }
}

impl Fetch for FakeFetch {
    fn fetch(&self, request: FetchRequest) -> Fetched {
        let nobody = || Err(FetchError::Unreachable("nobody is there".into()));
        let answer = lock(&self.answers).get(&request.url).cloned().unwrap_or_else(nobody);
        lock(&self.asked).push(request);
        Box::pin(async move { answer })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_only_when_told() {
        let clock = FakeClock::new();
        assert_eq!(clock.now().to_string(), "2026-06-20T14:00:00.000Z");
        clock.advance_ms(-1);
        assert_eq!(clock.now(), START.plus_ms(-1));
        clock.set(START);
        assert_eq!(clock.now(), START);
    }

    #[test]
    fn a_seed_repeats_itself() {
        // the first output of the published splitmix64 for seed 0
        assert_eq!(SeededEntropy::new(0).next_u64(), 0xe220_a839_7b1d_cdaf);
        let draw = |seed| {
            let entropy = SeededEntropy::new(seed);
            let mut bytes = [0; 21];
            entropy.fill(&mut bytes);
            bytes
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
