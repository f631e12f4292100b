//! The service as the work of a runner (`queue::runner`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use queue::runner::{Claimed, Event, Ran, Wake, Work};
use sync_core::Timestamp;
use sync_core::ports::{Listener, Signal};

use super::Claim;
use crate::{Service, ServiceResult};

/// What the workers of a process do: they decide what is in the queue.
pub struct Workers {
    service: Service,
    bell: Arc<Bell>,
    /// How much else could be claimed when something was claimed last.
    others: AtomicUsize,
    /// Kept, so that the broadcaster goes on telling it.
    _listener: Arc<dyn Listener>,
}

/// Wakes workers when something was queued, here or on another node.
#[derive(Default)]
struct Bell(Wake);

impl Listener for Bell {
    fn hear(&self, signals: &[Signal]) {
        if signals.contains(&Signal::Queue) {
            self.0.ring();
        }
    }

    fn lost(&self) {
        self.0.ring();
    }
}

impl Workers {
    /// Workers over a service.
    #[must_use]
    pub fn new(service: Service) -> Self {
        let bell = Arc::new(Bell::default());
        let listener: Arc<dyn Listener> = bell.clone();
        service.broadcaster().listen(&listener);
        Self { service, bell, others: AtomicUsize::new(0), _listener: listener }
    }
}

impl Workers {
    /// What a worker does that finds nothing to decide: a step of each task that people began, and then looks again.
    async fn at_leisure(&self, due: Option<Timestamp>) -> Claimed<Claim> {
        self.others.store(0, Ordering::Relaxed);
        match self.service.run_queue_tasks().await {
            Ok(0) => Claimed::Idle(due.map(|at| {
                let wait_ms = at.millis().saturating_sub(self.service.now().millis());
                Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0))
            })),
            Ok(_) => Claimed::Idle(Some(Duration::ZERO)),
            Err(error) => Claimed::Failed(error.to_string()),
        }
    }
}

impl Work for Workers {
    type Claim = Claim;

    async fn claim(&self) -> Claimed<Claim> {
        match self.service.claim_work().await {
            Ok(Ok(claim)) => {
                self.others.store(claim.others(), Ordering::Relaxed);
                Claimed::Work { others: claim.others(), claim }
            }
            Ok(Err(due)) => self.at_leisure(due).await,
            Err(error) => Claimed::Failed(error.to_string()),
        }
    }

    async fn run(&self, claim: &Claim) -> Ran {
        match self.service.run_step(claim).await {
            Ok(ran) => ran,
            Err(error) => {
                tracing::warn!(space.id = %claim.space_id(), %error, "the database could not do a step of the queue; it is tried again");
                self.release(claim).await;
                Ran::Done
            }
        }
    }

    async fn heartbeat(&self, claim: &Claim) -> bool {
        // what can't be told stands until the fence says otherwise
        self.service.keep_lease(claim).await.unwrap_or(true)
    }

    async fn release(&self, claim: &Claim) {
        if let Err(error) = self.service.hand_back(claim).await {
            tracing::warn!(space.id = %claim.space_id(), %error, "a lease of the queue could not be handed back; it ends by itself");
        }
    }

    async fn panicked(&self, claim: &Claim, message: &str) {
        tracing::error!(space.id = %claim.space_id(), panic.message = message, "a worker of the queue broke");
        self.release(claim).await;
    }

    async fn woken(&self) {
        self.bell.0.rung().await;
    }

    fn observe(&self, event: &Event) {
        if let Event::Workers(workers, busy) = event {
            let saturated = workers == busy && self.others.load(Ordering::Relaxed) > 0;
            self.service.recorder.workers(*workers, saturated, self.service.now());
        }
        tracing::debug!(?event, "workers of the queue");
    }
}

impl Service {
    /// Decides everything in the queue that can be decided now, one lease after the other, as one worker would. How many
    /// leases there were.
    ///
    /// # Errors
    /// The store's.
    pub async fn work_off(&self) -> ServiceResult<usize> {
        let mut leases = 0;
        while let Ok(claim) = self.claim_work().await? {
            leases += 1;
            while self.run_step(&claim).await? == Ran::More {}
        }
        Ok(leases)
    }
}
