//! What becomes of an item that failed: when it is tried again, or why it is parked.
//!
//! | what went wrong | class | what follows |
//! |---|---|---|
//! | the store was busy, overloaded or away | transient | tried again; parked only after four times as many tries |
//! | the outcome of the commit is not known | transient | the same: the next try finds what was stored |
//! | what is stored is damaged, a statement was refused | permanent | parked at once: the next try would fail alike |
//! | deciding it panicked | unknown | tried again, parked after the last try |
//!
//! The pause before a try is drawn evenly between nothing and a bound that doubles with every try (*full jitter*: Brooker,
//! *Exponential Backoff And Jitter*, 2015). Where whoever refused named a time (`Retry-After`), it comes after that time,
//! by a pause of its own, so that not everybody comes at once.

use sync_core::Timestamp;
use sync_core::ports::StoreError;

/// How patient a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The bound of the first pause.
    pub base_ms: u64,
    /// The bound of any pause.
    pub cap_ms: u64,
    /// After so many tries an item is parked; 0 stands for 1.
    pub max_attempts: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { base_ms: 1_000, cap_ms: 15 * 60_000, max_attempts: 5 }
    }
}

/// How many times as often something is tried where the cause is not its own.
const PATIENCE: u32 = 4;

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It has nothing to do with the item, and passes.
    Transient,
    /// It would happen again.
    Permanent,
    /// Nobody can tell.
    Unknown,
}

/// What went wrong.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Fault<'a> {
    /// The store said so.
    Store(&'a StoreError),
    /// Deciding it panicked.
    Panic,
}

/// The class of a fault.
#[must_use]
pub const fn classify(fault: &Fault<'_>) -> Class {
    match fault {
        Fault::Store(StoreError::Damaged(_) | StoreError::Refused(_)) => Class::Permanent,
        Fault::Store(_) => Class::Transient,
        Fault::Panic => Class::Unknown,
    }
}

/// Why an item is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parked {
    /// It would fail again.
    Permanent,
    /// It was tried often enough.
    Exhausted,
}

/// What becomes of an item that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is tried again then.
    RetryAt(Timestamp),
    /// A person has to look at it.
    Park(Parked),
}

/// A failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// How often the item was tried, this time included.
    pub attempts: u32,
    /// What kind of failure it was.
    pub class: Class,
    /// For how long whoever refused does not want to be asked.
    pub retry_after_ms: Option<u64>,
    /// A number that nobody can predict, from all of its range.
    pub random: u64,
}

/// What becomes of an item that failed now.
#[must_use]
pub fn after_failure(failure: &Failure, policy: &Policy, now: Timestamp) -> Next {
    let most = match failure.class {
        Class::Permanent => return Next::Park(Parked::Permanent),
        Class::Unknown => policy.max_attempts.max(1),
        Class::Transient => policy.max_attempts.max(1).saturating_mul(PATIENCE),
    };
    if failure.attempts >= most {
        return Next::Park(Parked::Exhausted);
    }
    let pause = failure.retry_after_ms.unwrap_or(0).saturating_add(backoff_ms(failure.attempts, failure.random, policy));
    Next::RetryAt(now.plus_ms(i64::try_from(pause).unwrap_or(i64::MAX)))
}

/// The pause after so many tries: between nothing and the bound, both included.
#[must_use]
pub fn backoff_ms(attempts: u32, random: u64, policy: &Policy) -> u64 {
    let bound = bound_ms(attempts, policy);
    let drawn = (u128::from(random) * (u128::from(bound) + 1)) >> 64;
    u64::try_from(drawn).unwrap_or(bound)
}

/// The longest pause after so many tries.
#[must_use]
pub fn bound_ms(attempts: u32, policy: &Policy) -> u64 {
    let doubled = 1_u64.checked_shl(attempts.saturating_sub(1)).unwrap_or(u64::MAX);
    policy.base_ms.saturating_mul(doubled).min(policy.cap_ms)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn failure(attempts: u32, class: Class) -> Failure {
        Failure { attempts, class, retry_after_ms: None, random: u64::MAX }
    }

    #[test]
    fn classes_of_failures() {
        let words = || "…".to_owned();
        let transient = [StoreError::Busy(words()), StoreError::Overloaded, StoreError::Unavailable(words()), StoreError::Unknown(words())];
        assert!(transient.iter().all(|error| classify(&Fault::Store(error)) == Class::Transient));
        let permanent = [StoreError::Damaged(words()), StoreError::Refused(words())];
        assert!(permanent.iter().all(|error| classify(&Fault::Store(error)) == Class::Permanent));
        assert_eq!(classify(&Fault::Panic), Class::Unknown);
    }

    #[test]
    fn how_often_something_is_tried() {
        let (policy, now) = (Policy::default(), Timestamp::from_millis(1_000_000));
        let next = |attempts, class| after_failure(&failure(attempts, class), &policy, now);
        assert_eq!(next(1, Class::Permanent), Next::Park(Parked::Permanent));
        assert_eq!(next(4, Class::Unknown), Next::RetryAt(now.plus_ms(8_000)));
        assert_eq!(next(5, Class::Unknown), Next::Park(Parked::Exhausted));
        assert_eq!(next(19, Class::Transient), Next::RetryAt(now.plus_ms(900_000)));
        assert_eq!(next(20, Class::Transient), Next::Park(Parked::Exhausted));
        let asked = Failure { retry_after_ms: Some(60_000), random: 0, ..failure(1, Class::Transient) };
        assert_eq!(after_failure(&asked, &policy, now), Next::RetryAt(now.plus_ms(60_000)));
    }

    #[test]
    fn bounds_double_up_to_the_cap() {
        let bounds = [0, 1, 2, 3, 10, 11, 64, u32::MAX].map(|attempts| bound_ms(attempts, &Policy::default()));
        assert_eq!(bounds, [1_000, 1_000, 2_000, 4_000, 512_000, 900_000, 900_000, 900_000]);
    }

    /// Draws are even over the whole range: of sixteen equal parts none gets less than half of its share.
    #[test]
    fn jitter_is_full() {
        let mut parts = [0; 16];
        for draw in 0..16_384_u64 {
            // a Weyl sequence over the whole range
            let pause = backoff_ms(5, draw.wrapping_mul(0x9e37_79b9_7f4a_7c15), &Policy::default());
            parts[usize::try_from(pause * 16 / 16_001).unwrap()] += 1;
        }
        assert!(parts.iter().all(|count| (512..=1_536).contains(count)), "{parts:?}");
    }

    proptest! {
        #[test]
        fn a_pause_stays_within_its_bound(attempts in any::<u32>(), random in any::<u64>(), base_ms in any::<u64>(), cap_ms in any::<u64>(), max_attempts in any::<u32>()) {
            let policy = Policy { base_ms, cap_ms, max_attempts };
            let (pause, bound) = (backoff_ms(attempts, random, &policy), bound_ms(attempts, &policy));
            prop_assert!(pause <= bound && bound <= cap_ms);
            prop_assert!(bound <= bound_ms(attempts.saturating_add(1), &policy), "bounds never fall");
            prop_assert_eq!((backoff_ms(attempts, 0, &policy), backoff_ms(attempts, u64::MAX, &policy)), (0, bound));
        }

        /// Every item comes to an end: whatever fails how often, it is parked after a number of tries that is known.
        #[test]
        fn nothing_is_tried_for_ever(classes in proptest::collection::vec(0..3_usize, 1..200), random in any::<u64>(), retry_after_ms in any::<Option<u64>>()) {
            let (policy, now) = (Policy::default(), Timestamp::from_millis(5));
            let mut tries = 0;
            for class in classes.into_iter().map(|class| [Class::Transient, Class::Unknown, Class::Permanent][class]) {
                tries += 1;
                match after_failure(&Failure { attempts: tries, class, retry_after_ms, random }, &policy, now) {
                    Next::RetryAt(at) => prop_assert!(at.millis() >= now.plus_ms(i64::try_from(retry_after_ms.unwrap_or(0)).unwrap_or(i64::MAX)).millis()),
                    Next::Park(_) => break,
                }
                prop_assert!(tries < policy.max_attempts * PATIENCE);
            }
        }
    }
}
