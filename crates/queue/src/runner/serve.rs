//! Serving one claim: steps with heartbeats until nothing is left, the turn is over, or the worker is told to end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::pool::{Pool, message_of};
use super::{Event, Ran, Work};

/// Handing a claim back takes no longer than this, from the worker's point of view.
pub(super) const HAND_BACK: Duration = Duration::from_millis(300);

/// What came of a step, from the worker's point of view.
enum Stepped {
    More,
    Over,
    Abandoned,
    Panicked(String),
}

pub(super) async fn serve<W: Work>(pool: &Pool<W>, claim: Arc<W::Claim>) {
    let began = Instant::now();
    loop {
        match step(pool, &claim).await {
            Stepped::More if !pool.stopping() && began.elapsed() < pool.config.turn => {}
            Stepped::More => return hand_back(pool, pool.work.release(&claim)).await,
            Stepped::Over => return,
            Stepped::Abandoned => {
                pool.work.observe(&Event::Abandoned);
                return hand_back(pool, pool.work.release(&claim)).await;
            }
            Stepped::Panicked(message) => {
                pool.work.observe(&Event::Panicked(message.clone()));
                return hand_back(pool, pool.work.panicked(&claim, &message)).await;
            }
        }
    }
}

/// Waits for the claim to be handed back; while workers are ending, not for long.
async fn hand_back<W: Work>(pool: &Pool<W>, handing: impl Future<Output = ()>) {
    if pool.stopping() {
        // what is not handed back comes free when its lease ends
        let _ = timeout(HAND_BACK, handing).await;
    } else {
        handing.await;
    }
}

/// One step, in a task of its own so that its panic is its own.
async fn step<W: Work>(pool: &Pool<W>, claim: &Arc<W::Claim>) -> Stepped {
    let (work, own) = (pool.work.clone(), claim.clone());
    let mut running = tokio::spawn(async move { work.run(&own).await });
    tokio::select! {
        biased;
        ended = &mut running => match ended {
            Ok(Ran::More) => Stepped::More,
            Ok(Ran::Done) => Stepped::Over,
            Ok(Ran::Lost) => lost(pool),
            Err(error) => Stepped::Panicked(message_of(error)),
        },
        () = beat(pool, claim) => {
            running.abort();
            lost(pool)
        }
        () = out_of_time(pool) => {
            running.abort();
            Stepped::Abandoned
        }
    }
}

fn lost<W: Work>(pool: &Pool<W>) -> Stepped {
    pool.work.observe(&Event::LeaseLost);
    Stepped::Over
}

/// Heartbeats; resolves when the lease is lost.
async fn beat<W: Work>(pool: &Pool<W>, claim: &W::Claim) {
    loop {
        sleep(pool.config.heartbeat).await;
        if !pool.work.heartbeat(claim).await {
            return;
        }
    }
}

/// Resolves when workers were told to end, and the time for that is over.
async fn out_of_time<W: Work>(pool: &Pool<W>) {
    pool.stopped().await;
    sleep(pool.config.grace).await;
}
