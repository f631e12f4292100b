//! How much the server takes on at once. What is too much is refused before its body is read, while refusing costs next
//! to nothing, so that what was taken on goes on at full speed.
//!
//! The limit is on work in flight, and moves by how long writes wait: additive increase while it is used, multiplicative
//! decrease while they wait for longer than they should (Chiu and Jain, *Analysis of the increase and decrease
//! algorithms for congestion avoidance*, 1989). By Little's law the wait is in proportion to what is in flight.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sync_core::ports::{Store, StoreLoad};
use sync_core::{Code, Problem};

use crate::{Service, ServiceResult};

/// Writes are to wait for so long at most: several commits, so that each is shared by as many as there are.
const AIM: Duration = Duration::from_millis(100);
/// The limit never falls below this.
const LEAST: u32 = 16;
/// Nor below so many for each connection of the database: those that work, and some that are ready when one is done.
const EACH_CONNECTION: usize = 8;
/// The limit never rises above this.
const MOST: u32 = 2_048;
/// Where it begins.
const FIRST: u32 = 256;
/// The limit is looked at again when one part in so many of it was done.
const LOOKS: u32 = 8;
/// Bytes of bodies that may be held at once.
const MAX_BODIES_BYTES: u64 = 268_435_456;
/// What a body counts at least: the room that is made for it before it arrives.
const LEAST_BODY_BYTES: u64 = 65_536;

/// The next limit, by how long writes wait and by whether the present one is used.
fn next_limit(limit: u32, in_flight: u32, wait: Duration, least: u32) -> u32 {
    let next = if wait > AIM {
        // as much less as they wait too long; at most three tenths at once
        let (aim_ms, wait_ms) = (AIM.as_millis(), wait.as_millis().max(1));
        let share = (aim_ms * 1_000 / wait_ms).clamp(700, 950);
        u32::try_from(u128::from(limit) * share / 1_000).unwrap_or(limit)
    } else if in_flight.saturating_mul(2) >= limit {
        limit.saturating_add(1)
    } else {
        limit
    };
    next.clamp(least, MOST)
}

/// What the limit does not fall below, by the connections that there are.
fn least_of(load: &StoreLoad) -> u32 {
    let connections = load.busy_connections.saturating_add(load.idle_connections);
    u32::try_from(connections.saturating_mul(EACH_CONNECTION)).unwrap_or(MOST).clamp(LEAST, MOST)
}

/// How long writes wait, as long as some do.
fn wait_of(load: &StoreLoad) -> Duration {
    if load.waiting_writes > 0 { load.write_wait } else { Duration::ZERO }
}

#[derive(Debug)]
struct State {
    limit: u32,
    in_flight: u32,
    /// Done since the limit was looked at.
    done: u32,
    /// The longest wait since then.
    wait: Duration,
    bodies_bytes: u64,
}

impl Default for State {
    fn default() -> Self {
        Self { limit: FIRST, in_flight: 0, done: 0, wait: Duration::ZERO, bodies_bytes: 0 }
    }
}

impl State {
    fn has_room(&self, body_bytes: u64, load: &StoreLoad) -> bool {
        let full = load.most_waiting > 0 && load.waiting_writes.max(load.waiting_reads) >= load.most_waiting;
        !full && self.in_flight < self.limit && self.bodies_bytes.saturating_add(body_bytes) <= MAX_BODIES_BYTES
    }

    fn finish(&mut self, load: &StoreLoad) {
        let in_flight = self.in_flight;
        self.in_flight = in_flight.saturating_sub(1);
        self.done += 1;
        self.wait = self.wait.max(wait_of(load));
        if self.done >= (self.limit / LOOKS).max(1) {
            self.limit = next_limit(self.limit, in_flight, self.wait, least_of(load));
            (self.done, self.wait) = (0, Duration::ZERO);
        }
    }
}

/// What is in flight.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<State>);

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        // plain numbers: whole whenever nobody holds the lock
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests that are worked on, and how many may be at once.
    pub(crate) fn in_flight(&self) -> (u32, u32) {
        let state = self.lock();
        (state.in_flight, state.limit)
    }
}

/// Room for a request, until this is dropped.
pub struct Admitted {
    gate: Arc<Gate>,
    store: Arc<dyn Store>,
    body_bytes: u64,
    working: bool,
}

impl Admitted {
    /// The body is there and the work begins. Until then a request takes none of the room for work: whoever sends slowly
    /// keeps nobody out.
    pub fn begin(&mut self) {
        if !self.working {
            self.working = true;
            let mut state = self.gate.lock();
            state.in_flight = state.in_flight.saturating_add(1);
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let load = self.working.then(|| self.store.load());
        let mut state = self.gate.lock();
        state.bodies_bytes = state.bodies_bytes.saturating_sub(self.body_bytes);
        if let Some(load) = load {
            state.finish(&load);
        }
    }
}

impl Service {
    /// Makes room for a request whose body was announced with so many bytes, before anything of it is read.
    ///
    /// # Errors
    /// `overloaded`: there is none.
    pub fn admit(&self, body_bytes: u64) -> ServiceResult<Admitted> {
        let body_bytes = body_bytes.max(LEAST_BODY_BYTES);
        let load = self.store.load();
        let mut state = self.gate.lock();
        if !state.has_room(body_bytes, &load) {
            let detail = "The server has as much to do as it can; nothing of this was read. Keep it, and send it again after Retry-After.";
            return Err(Problem::new(Code::Overloaded, detail).into());
        }
        state.bodies_bytes += body_bytes;
        drop(state);
        Ok(Admitted { gate: Arc::clone(&self.gate), store: Arc::clone(&self.store), body_bytes, working: false })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_limit_follows_the_wait() {
        for (limit, in_flight, wait_ms, next) in [
            (256, 256, 0, 257),
            (256, 128, 100, 257),
            // it is not used
            (256, 127, 0, 256),
            (256, 0, 0, 256),
            (256, 256, 101, 243),
            (256, 256, 125, 204),
            (256, 1, 10_000, 179),
            (LEAST, LEAST, 10_000, LEAST),
            (MOST, MOST, 0, MOST),
        ] {
            assert_eq!(next_limit(limit, in_flight, Duration::from_millis(wait_ms), LEAST), next, "{limit} {in_flight} {wait_ms}");
        }
    }

    #[test]
    fn every_connection_has_some_to_do() {
        for (busy, idle, least) in [(0, 0, 16), (1, 4, 40), (8, 0, 64), (3, 13, 128), (10_000, 0, MOST)] {
            let load = StoreLoad { busy_connections: busy, idle_connections: idle, ..StoreLoad::default() };
            assert_eq!(least_of(&load), least, "{busy} {idle}");
        }
        assert_eq!(next_limit(64, 64, Duration::from_secs(9), 64), 64);
    }

    proptest! {
        #[test]
        fn a_longer_wait_never_lets_more_in(limit in LEAST..=MOST, in_flight in 0..=MOST, wait in 0..60_000_u64, more in 0..60_000_u64) {
            let at = |ms| next_limit(limit, in_flight, Duration::from_millis(ms), LEAST);
            prop_assert!(at(wait + more) <= at(wait));
            prop_assert!((LEAST..=MOST).contains(&at(wait)));
        }
    }

    /// A server that does so many requests in each 10 ms, in the order of their arrival. What it did, what it refused, and
    /// the longest that an accepted one waited, in the last `judged` ticks.
    fn run(state: &mut State, arrivals: u32, capacity: u32, (ticks, judged): (u32, u32)) -> (u32, u32, Duration) {
        let (mut done, mut refused, mut longest) = (0, 0, Duration::ZERO);
        for tick in 0..ticks {
            let wait = Duration::from_millis(u64::from(state.in_flight) * 10 / u64::from(capacity));
            let load = StoreLoad { waiting_writes: 1, most_waiting: 4_096, write_wait: wait, ..StoreLoad::default() };
            let counts = tick >= ticks - judged;
            for _ in 0..arrivals {
                if state.has_room(LEAST_BODY_BYTES, &load) {
                    state.in_flight += 1;
                } else if counts {
                    refused += 1;
                }
            }
            for _ in 0..capacity.min(state.in_flight) {
                state.finish(&load);
                done += u32::from(counts);
            }
            if counts {
                longest = longest.max(wait);
            }
        }
        (done, refused, longest)
    }

    #[test]
    fn five_times_too_much_costs_nothing_of_what_is_done() {
        for capacity in [2, 6, 40] {
            let mut state = State::default();
            let (done, refused, longest) = run(&mut state, capacity * 5, capacity, (6_000, 3_000));
            assert!(done >= capacity * 3_000 * 95 / 100, "capacity {capacity}: {done} done");
            assert!(refused >= capacity * 4 * 3_000 * 95 / 100, "capacity {capacity}: {refused} refused");
            assert!(longest <= AIM * 2, "capacity {capacity}: {longest:?}");
            // what was let in is done, and ten seconds later nobody is refused
            run(&mut state, capacity / 2, capacity, (1_000, 1));
            let (_, refused, longest) = run(&mut state, capacity / 2, capacity, (1_000, 1_000));
            assert_eq!((refused, longest <= Duration::from_millis(20)), (0, true), "capacity {capacity}: {longest:?}");
        }
    }

    #[test]
    fn bodies_are_bounded_together() {
        let mut state = State { bodies_bytes: MAX_BODIES_BYTES - LEAST_BODY_BYTES, ..State::default() };
        assert!(state.has_room(LEAST_BODY_BYTES, &StoreLoad::default()));
        assert!(!state.has_room(LEAST_BODY_BYTES + 1, &StoreLoad::default()));
        state.in_flight = state.limit;
        assert!(!state.has_room(0, &StoreLoad::default()));
        let full = StoreLoad { waiting_reads: 4_096, most_waiting: 4_096, ..StoreLoad::default() };
        assert!(!State::default().has_room(0, &full));
    }
}
