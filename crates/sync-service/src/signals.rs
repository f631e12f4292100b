//! Signals within one process: what a node that shares its database with no other needs.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use sync_core::ports::{Broadcaster, Listener, Signal};

/// Tells the listeners of this process, on the thread that publishes.
#[derive(Default)]
pub(crate) struct InProcess(Mutex<Vec<Weak<dyn Listener>>>);

impl Broadcaster for InProcess {
    fn publish(&self, signals: &[Signal]) {
        if signals.is_empty() {
            return;
        }
        let listeners: Vec<_> = self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect();
        for listener in listeners {
            listener.hear(signals);
        }
    }

    fn listen(&self, listener: &Arc<dyn Listener>) {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|other| other.strong_count() > 0);
        listeners.push(Arc::downgrade(listener));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_contract() {
        testkit::conformance::broadcaster_suite(&|| {
            let one: Arc<dyn Broadcaster> = Arc::new(InProcess::default());
            [Arc::clone(&one), one]
        });
    }
}
