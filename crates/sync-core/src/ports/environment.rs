//! Time and randomness, so that a simulation can drive the code that production runs.

use crate::Timestamp;

/// The wall clock. It may jump, backwards too: nothing that orders a log reads it.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// A source of unpredictable bytes.
pub trait Entropy: Send + Sync {
    /// Fills the buffer with bytes that nobody can predict.
    fn fill(&self, buffer: &mut [u8]);
}

impl dyn Entropy {
    /// A version 7 UUID (RFC 9562) of this instant.
    #[must_use]
    pub fn uuid_v7(&self, now: Timestamp) -> uuid::Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        crate::ids::uuid_v7(now, random)
    }
}
