//! How hard the database is pressed, and what devices are asked to do about it: to come less often and with less, long
//! before anything has to be refused.

use std::time::Duration;

use sync_core::ports::StoreLoad;

use crate::Service;

/// Operations in one request while nothing presses.
const MAX_OPERATIONS: usize = 500;
/// The first retry after a refusal comes within this many milliseconds while nothing presses.
const RETRY_WITHIN_MS: u64 = 4_000;
/// Shares of the queue, one in so many, and waits from which on each level of pressure begins.
const LEVELS: [(usize, Duration); 4] =
    [(64, Duration::from_millis(250)), (16, Duration::from_millis(500)), (4, Duration::from_secs(1)), (2, Duration::from_secs(2))];

/// How hard the database is pressed: from 0, not at all, to 4, when half of the queue is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pressure(u32);

impl Pressure {
    /// By what waits, and by how long writes wait while some do. More of either never presses less.
    pub(crate) fn of(load: &StoreLoad) -> Self {
        let waiting = load.waiting_writes.max(load.waiting_reads);
        let presses = |(share, wait): &&(usize, Duration)| {
            let full = load.most_waiting > 0 && waiting.saturating_mul(*share) >= load.most_waiting;
            full || (load.waiting_writes > 0 && load.write_wait >= *wait)
        };
        Self(u32::try_from(LEVELS.iter().filter(presses).count()).unwrap_or(u32::MAX))
    }

    pub(crate) const fn is_felt(self) -> bool {
        self.0 > 0
    }

    /// The same in thousandths.
    pub(crate) fn thousandths(self) -> i64 {
        i64::from(self.0.min(4)) * 250
    }

    /// Operations that a device may bring next: half as many with each level.
    pub(crate) fn max_operations(self) -> usize {
        MAX_OPERATIONS >> self.0
    }

    /// When a device that would come after this time is to come instead.
    pub(crate) fn stretched_ms(self, after_ms: u64) -> u64 {
        if self.is_felt() { after_ms.max(500) << self.0 } else { after_ms }
    }
}

impl Service {
    /// The time over which those who were refused are to spread their next attempt, in milliseconds: the longer, the
    /// harder the database is pressed.
    #[must_use]
    pub fn retry_within_ms(&self) -> u64 {
        RETRY_WITHIN_MS << Pressure::of(&self.store.load()).0
    }

    /// A wait of at most so many milliseconds, full jitter: those who are told one each come back spread over all of it.
    pub(crate) fn spread_ms(&self, within_ms: u64) -> u64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        1 + u64::from_ne_bytes(bytes) % within_ms.max(1)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A level of pressure, from 0 to 4.
    pub(crate) fn pressure(level: u32) -> Pressure {
        Pressure(level)
    }

    fn load(waiting_writes: usize, waiting_reads: usize, wait_ms: u64) -> StoreLoad {
        let write_wait = Duration::from_millis(wait_ms);
        StoreLoad { waiting_writes, waiting_reads, most_waiting: 4_096, write_wait, ..StoreLoad::default() }
    }

    #[test]
    fn presses_as_the_queue_fills_or_slows() {
        for (writes, reads, wait_ms, level) in [
            (0, 0, 0, 0),
            (63, 63, 249, 0),
            // a slow write that nobody waits behind any more
            (0, 0, 60_000, 0),
            (64, 0, 0, 1),
            (0, 64, 0, 1),
            (1, 0, 250, 1),
            (256, 0, 0, 2),
            (1, 0, 999, 2),
            (1_024, 0, 0, 3),
            (2_048, 0, 0, 4),
            (4_096, 4_096, 60_000, 4),
        ] {
            assert_eq!(Pressure::of(&load(writes, reads, wait_ms)), Pressure(level), "{writes} {reads} {wait_ms}");
        }
        assert_eq!(Pressure::of(&StoreLoad::default()), Pressure(0));
    }

    #[test]
    fn more_never_presses_less() {
        let steps = [0, 1, 63, 64, 300, 2_000, 4_096];
        for writes in steps {
            for wait_ms in [0, 100, 250, 700, 5_000] {
                let now = Pressure::of(&load(writes, 0, wait_ms));
                for more in steps.into_iter().filter(|more| *more >= writes) {
                    assert!(Pressure::of(&load(more, 0, wait_ms)) >= now);
                    assert!(Pressure::of(&load(writes, more, wait_ms)) >= now);
                }
                assert!(Pressure::of(&load(writes, 0, wait_ms * 2)) >= now);
            }
        }
    }

    #[test]
    fn pressure_shrinks_batches_and_spreads_visits() {
        let sizes: Vec<usize> = (0..=4).map(|level| Pressure(level).max_operations()).collect();
        assert_eq!(sizes, [500, 250, 125, 62, 31]);
        assert_eq!((Pressure(0).stretched_ms(0), Pressure(1).stretched_ms(0), Pressure(4).stretched_ms(0)), (0, 1_000, 8_000));
        assert_eq!((Pressure(0).stretched_ms(15_000), Pressure(2).stretched_ms(15_000)), (15_000, 60_000));
    }
}
