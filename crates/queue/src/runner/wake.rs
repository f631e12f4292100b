//! Waking workers from any thread.

use tokio::sync::Notify;

/// A bell: whoever waits is woken, and a ring while nobody waits is kept for the next.
#[derive(Debug, Default)]
pub struct Wake(Notify);

impl Wake {
    /// Wakes one who waits, or the next one.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Resolves at the next ring.
    pub async fn rung(&self) {
        self.0.notified().await;
    }
}
