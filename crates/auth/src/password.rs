//! argon2id (RFC 9106) in a small pool of its own threads, so that a flood of logins takes neither the processor nor
//! the memory from those who sync, and nothing blocks an async worker.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use futures_channel::oneshot;

use crate::AuthError;

/// Cost and size of a [`PasswordHasher`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PasswordConfig {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
    /// Lanes of one hash.
    pub lanes: u32,
    /// How many are hashed at once; 0 is one for each two cores, and at least one.
    pub workers: usize,
    /// How many more may wait.
    pub queue: usize,
}

impl Default for PasswordConfig {
    /// 19 MiB, two passes, one lane (OWASP's figures for argon2id); 32 may wait.
    fn default() -> Self {
        Self { memory_kib: 19 * 1_024, passes: 2, lanes: 1, workers: 0, queue: 32 }
    }
}

type Task = Box<dyn FnOnce() + Send>;

/// A pool that hashes and checks passwords. It stops when it and its [`Slot`]s are dropped; what still waits answers
/// [`AuthError::Stopped`].
#[derive(Debug)]
pub struct PasswordHasher {
    shared: Arc<Shared>,
    /// How many may wait or be worked on.
    places: usize,
}

#[derive(Debug)]
struct Shared {
    params: Params,
    dummy: Box<str>,
    tasks: Sender<Task>,
    taken: AtomicUsize,
    hashed: AtomicU64,
}

impl PasswordHasher {
    /// Starts the pool.
    ///
    /// # Errors
    /// [`AuthError::Config`] when argon2 can't work with these figures or no thread can be started.
    pub fn new(config: &PasswordConfig) -> Result<Self, AuthError> {
        Self::with_threads(config, || {})
    }

    /// [`Self::new`], and each of its threads begins with `begin`: to take its place behind those who sync.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_threads(config: &PasswordConfig, begin: impl Fn() + Clone + Send + 'static) -> Result<Self, AuthError> {
        let params =
            Params::new(config.memory_kib, config.passes, config.lanes, None).map_err(|error| AuthError::Config(error.to_string()))?;
        // bounded by the slots
        let (tasks, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let workers = workers(config.workers);
        for number in 0..workers {
            let (waiting, begin) = (Arc::clone(&waiting), begin.clone());
            thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || {
                    begin();
                    work(&waiting);
                })
                .map_err(|error| AuthError::Config(error.to_string()))?;
        }
        let (taken, hashed) = Default::default();
        let shared = Shared { params, dummy: dummy(config).into(), tasks, taken, hashed };
        Ok(Self { shared: Arc::new(shared), places: workers.saturating_add(config.queue) })
    }

    /// Whether all places are taken: whoever comes now need not even be read.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.shared.taken.load(Ordering::Relaxed) >= self.places
    }

    /// A place in the queue, to be used or dropped: who has none needs not even look for the account.
    ///
    /// # Errors
    /// [`AuthError::Busy`] when all are taken.
    pub fn reserve(&self) -> Result<Slot, AuthError> {
        let take = |taken: usize| (taken < self.places).then(|| taken.saturating_add(1));
        match self.shared.taken.fetch_update(Ordering::AcqRel, Ordering::Relaxed, take) {
            Ok(_) => Ok(Slot(Arc::clone(&self.shared))),
            Err(_) => Err(AuthError::Busy),
        }
    }

    /// [`Slot::hash`] in a slot of its own.
    ///
    /// # Errors
    /// Those of [`Self::reserve`] and [`Slot::hash`].
    pub fn hash(&self, password: &str, salt: [u8; 16]) -> impl Future<Output = Result<String, AuthError>> + Send + use<> {
        let queued = self.reserve().map(|slot| slot.hash(password, salt));
        async move { queued?.await }
    }

    /// [`Slot::verify`] in a slot of its own.
    ///
    /// # Errors
    /// Those of [`Self::reserve`] and [`Slot::verify`].
    pub fn verify(&self, password: &str, phc: Option<&str>) -> impl Future<Output = Result<bool, AuthError>> + Send + use<> {
        let queued = self.reserve().map(|slot| slot.verify(password, phc));
        async move { queued?.await }
    }

    /// A PHC string of this pool's cost that no password is known to fit: for an account that nobody is to log in to by
    /// password.
    #[must_use]
    pub fn locked(&self) -> &str {
        &self.shared.dummy
    }

    /// How many passwords wait for their turn or have it now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.taken.load(Ordering::Relaxed)
    }

    /// How many were hashed or checked so far.
    #[must_use]
    pub fn hashed(&self) -> u64 {
        self.shared.hashed.load(Ordering::Relaxed)
    }
}

/// A place in the queue of a [`PasswordHasher`].
#[derive(Debug)]
pub struct Slot(Arc<Shared>);

impl Slot {
    /// Hashes a password to a PHC string. The work is queued at once, and skipped if the answer is dropped before its
    /// turn.
    ///
    /// # Errors
    /// [`AuthError::Stopped`] when the pool stops first.
    pub fn hash(self, password: &str, salt: [u8; 16]) -> impl Future<Output = Result<String, AuthError>> + Send + use<> {
        let password = password.to_owned();
        self.queue(move |shared| {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, shared.params.clone());
            shared.hashed.fetch_add(1, Ordering::Relaxed);
            let hash = argon2.hash_password_with_salt(password.as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).map_err(|error| AuthError::Config(error.to_string()))
        })
    }

    /// Whether a password belongs to a PHC string, by the string's own cost. `None` (there is no such user) is `false`
    /// after the work that a present hash of this pool's cost would have taken.
    ///
    /// # Errors
    /// [`AuthError::Stopped`] when the pool stops first, [`AuthError::Damaged`] when the string is none.
    pub fn verify(self, password: &str, phc: Option<&str>) -> impl Future<Output = Result<bool, AuthError>> + Send + use<> {
        let password = password.to_owned();
        let known = phc.is_some();
        let phc: Box<str> = phc.unwrap_or(&self.0.dummy).into();
        self.queue(move |shared| {
            let hash = PasswordHash::new(&phc).map_err(|_| AuthError::Damaged)?;
            shared.hashed.fetch_add(1, Ordering::Relaxed);
            let fits = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
            Ok(fits && known)
        })
    }

    fn queue<T, F>(self, work: F) -> impl Future<Output = Result<T, AuthError>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&Shared) -> Result<T, AuthError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let tasks = self.0.tasks.clone();
        let task: Task = Box::new(move || {
            if reply.is_canceled() {
                return;
            }
            let outcome = work(&self.0);
            // whoever has the answer finds the place free
            drop(self);
            // whoever asked may have gone meanwhile
            let _ = reply.send(outcome);
        });
        let queued = tasks.send(task).map_err(|_| AuthError::Stopped);
        async move {
            queued?;
            answer.await.unwrap_or(Err(AuthError::Stopped))
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

fn workers(configured: usize) -> usize {
    let half_the_cores = || thread::available_parallelism().map_or(1, |cores| cores.get() / 2);
    if configured == 0 { half_the_cores().max(1) } else { configured }
}

/// Takes one task after another until the pool is dropped.
fn work(waiting: &Mutex<Receiver<Task>>) {
    loop {
        // a statement of its own, so that the lock is released before the work
        let task = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(task) = task else { return };
        // a panic is told by the dropped answer; the thread goes on
        let _ = catch_unwind(AssertUnwindSafe(task));
    }
}

/// A well-formed hash of this cost that no password is known to have.
fn dummy(config: &PasswordConfig) -> String {
    let PasswordConfig { memory_kib, passes, lanes, .. } = config;
    let (salt, hash) = (STANDARD_NO_PAD.encode([0x5a; 16]), STANDARD_NO_PAD.encode([0xa5; 32]));
    format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: [u8; 16] = [7; 16];

    fn hasher(workers: usize, queue: usize) -> PasswordHasher {
        PasswordHasher::new(&PasswordConfig { memory_kib: 8, passes: 1, lanes: 1, workers, queue }).unwrap()
    }

    fn now<T>(future: impl Future<Output = T>) -> T {
        pollster::block_on(future)
    }

    #[test]
    fn only_the_password_fits() {
        let hasher = hasher(1, 4);
        let stored = now(hasher.hash("pa55 wörd", SALT)).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{stored}");
        assert_eq!(now(hasher.verify("pa55 wörd", Some(&stored))), Ok(true));
        assert_eq!(now(hasher.verify("pa55 word", Some(&stored))), Ok(false));
        assert_eq!(now(hasher.verify("pa55 wörd", None)), Ok(false));
        assert_eq!(now(hasher.verify("pa55 wörd", Some("plain text"))), Err(AuthError::Damaged));
        assert_ne!(now(hasher.hash("pa55 wörd", [8; 16])).unwrap(), stored, "the salt counts");
    }

    #[test]
    fn the_cost_is_the_documented_one() {
        let hasher = PasswordHasher::new(&PasswordConfig::default()).unwrap();
        assert!(now(hasher.hash("password", SALT)).unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }

    /// What argon2 is told to do by a PHC string: its cost, and the bytes that go in and come out.
    fn work_of(phc: &str) -> (String, Option<u32>, Params, usize, Option<usize>) {
        let hash = PasswordHash::new(phc).unwrap();
        let params = Params::try_from(&hash).unwrap();
        (hash.algorithm.to_string(), hash.version, params, hash.salt.unwrap().len(), hash.hash.map(|hash| hash.len()))
    }

    #[test]
    fn nobody_costs_as_much_as_somebody() {
        for (memory_kib, passes, lanes) in [(8, 1, 1), (64, 3, 2), (19 * 1_024, 2, 1)] {
            let hasher = PasswordHasher::new(&PasswordConfig { memory_kib, passes, lanes, workers: 1, queue: 1 }).unwrap();
            let stored = now(hasher.hash("password", SALT)).unwrap();
            assert_eq!(work_of(hasher.locked()), work_of(&stored));
            let hashed = |phc| {
                let before = hasher.hashed();
                assert_eq!(now(hasher.verify("wrong password", phc)), Ok(false));
                hasher.hashed() - before
            };
            assert_eq!((hashed(None), hashed(Some(&stored)), hashed(Some(hasher.locked()))), (1, 1, 1));
        }
    }

    #[test]
    fn a_flood_has_as_many_places_as_is_documented() {
        let hasher = PasswordHasher::new(&PasswordConfig::default()).unwrap();
        let slots: Vec<_> = std::iter::from_fn(|| hasher.reserve().ok()).take(500).collect();
        let at_work = thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1));
        assert_eq!(slots.len(), at_work + 32, "one for two cores at work, 32 that wait, and the rest come later");
        assert!(hasher.is_full());
        drop(slots);
        assert!(!hasher.is_full());
    }

    #[test]
    fn a_slot_that_is_not_used_is_free_again() {
        let hasher = hasher(1, 1);
        let (first, second) = (hasher.reserve().unwrap(), hasher.reserve().unwrap());
        assert_eq!((hasher.reserve().unwrap_err(), hasher.waiting()), (AuthError::Busy, 2));
        drop(first);
        assert_eq!(now(second.verify("password", None)), Ok(false));
        assert!(now(hasher.hash("password", SALT)).is_ok());
    }

    #[test]
    fn each_thread_begins_as_it_is_told() {
        let (began, begins) = channel();
        let config = PasswordConfig { memory_kib: 8, passes: 1, lanes: 1, workers: 3, queue: 1 };
        let hasher = PasswordHasher::with_threads(&config, move || began.send(thread::current().name().map(str::to_owned)).unwrap());
        let hasher = hasher.unwrap();
        let mut names: Vec<_> = begins.iter().take(3).flatten().collect();
        names.sort_unstable();
        assert_eq!(names, ["password-0", "password-1", "password-2"]);
        assert_eq!(now(hasher.verify("password", None)), Ok(false));
    }

    #[test]
    fn the_queue_is_bounded_and_recovers() {
        let hasher = hasher(1, 2);
        let (release, gate) = channel::<()>();
        let (started, running) = channel::<()>();
        let blocked = hasher.reserve().unwrap().queue(move |_| {
            started.send(()).unwrap();
            gate.recv().unwrap();
            Ok(())
        });
        running.recv().unwrap();
        let waiting: Vec<_> = (0..2).map(|_| hasher.verify("password", None)).collect();
        assert_eq!(now(hasher.verify("password", None)), Err(AuthError::Busy), "one works, two wait");
        release.send(()).unwrap();
        assert_eq!(now(blocked), Ok(()));
        for answer in waiting {
            assert_eq!(now(answer), Ok(false));
        }
        assert_eq!(now(hasher.verify("password", None)), Ok(false));
    }

    #[test]
    fn what_nobody_waits_for_is_skipped_and_a_panic_is_survived() {
        let hasher = hasher(1, 8);
        let (release, gate) = channel::<()>();
        let blocked = hasher.reserve().unwrap().queue(move |_| {
            gate.recv().unwrap();
            Ok(())
        });
        let (ran, runs) = channel::<()>();
        drop(hasher.reserve().unwrap().queue(move |_| {
            ran.send(()).unwrap();
            Ok(())
        }));
        let panicked = hasher.reserve().unwrap().queue(|_| -> Result<(), AuthError> { panic!("part of the test") });
        release.send(()).unwrap();
        assert_eq!(now(blocked), Ok(()));
        assert_eq!(now(panicked), Err(AuthError::Stopped));
        assert_eq!(now(hasher.verify("password", None)), Ok(false), "the thread goes on");
        assert!(runs.recv().is_err(), "it was dropped without being run");
    }

    #[test]
    fn impossible_figures_are_refused() {
        let config = PasswordConfig { memory_kib: 1, ..PasswordConfig::default() };
        assert!(matches!(PasswordHasher::new(&config), Err(AuthError::Config(_))));
    }
}
