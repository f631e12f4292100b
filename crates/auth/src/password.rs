//! argon2id (RFC 9106) in a small pool of its own threads, so that a flood of logins takes neither the processor nor
//! the memory from those who sync, and nothing blocks an async worker.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
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

/// A pool that hashes and checks passwords. It stops when it is dropped; what still waits answers
/// [`AuthError::Stopped`].
#[derive(Debug)]
pub struct PasswordHasher {
    params: Params,
    dummy: Arc<str>,
    tasks: SyncSender<Task>,
    waiting: Arc<AtomicUsize>,
}

impl PasswordHasher {
    /// Starts the pool.
    ///
    /// # Errors
    /// [`AuthError::Config`] when argon2 can't work with these figures or no thread can be started.
    pub fn new(config: &PasswordConfig) -> Result<Self, AuthError> {
        let params =
            Params::new(config.memory_kib, config.passes, config.lanes, None).map_err(|error| AuthError::Config(error.to_string()))?;
        let (tasks, waiting) = sync_channel(config.queue);
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..workers(config.workers) {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || work(&waiting))
                .map_err(|error| AuthError::Config(error.to_string()))?;
        }
        Ok(Self { params, dummy: dummy(config).into(), tasks, waiting: Arc::default() })
    }

    /// Hashes a password to a PHC string. The work is queued at once, and skipped if the answer is dropped before its
    /// turn.
    ///
    /// # Errors
    /// [`AuthError::Busy`] when the queue is full, [`AuthError::Stopped`] when the pool stops first.
    pub fn hash(&self, password: &str, salt: [u8; 16]) -> impl Future<Output = Result<String, AuthError>> + Send + use<> {
        let password = password.to_owned();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        self.queue(move || {
            let hash = argon2.hash_password_with_salt(password.as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).map_err(|error| AuthError::Config(error.to_string()))
        })
    }

    /// Whether a password belongs to a PHC string, by the string's own cost. `None` (there is no such user) is `false`
    /// after the work that a present hash of this pool's cost would have taken.
    ///
    /// # Errors
    /// [`AuthError::Busy`] when the queue is full, [`AuthError::Stopped`] when the pool stops first,
    /// [`AuthError::Damaged`] when the string is none.
    pub fn verify(&self, password: &str, phc: Option<&str>) -> impl Future<Output = Result<bool, AuthError>> + Send + use<> {
        let password = password.to_owned();
        let known = phc.is_some();
        let phc: Arc<str> = phc.map_or_else(|| Arc::clone(&self.dummy), Arc::from);
        self.queue(move || {
            let hash = PasswordHash::new(&phc).map_err(|_| AuthError::Damaged)?;
            let fits = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
            Ok(fits && known)
        })
    }

    /// How many passwords wait for their turn or have it now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn queue<T, F>(&self, work: F) -> impl Future<Output = Result<T, AuthError>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, AuthError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let counted = Counted::new(&self.waiting);
        let task: Task = Box::new(move || {
            let _counted = counted;
            if !reply.is_canceled() {
                // whoever asked may have gone meanwhile
                let _ = reply.send(work());
            }
        });
        let queued = self.tasks.try_send(task).map_err(|error| match error {
            TrySendError::Full(_) => AuthError::Busy,
            TrySendError::Disconnected(_) => AuthError::Stopped,
        });
        async move {
            queued?;
            answer.await.unwrap_or(Err(AuthError::Stopped))
        }
    }
}

/// One that waits or is worked on, until this is dropped.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(waiting))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
    use std::sync::mpsc::channel;
    use std::time::Instant;

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

    #[test]
    fn nobody_costs_as_much_as_somebody() {
        let config = PasswordConfig { memory_kib: 4_096, passes: 2, lanes: 1, workers: 1, queue: 1 };
        let hasher = PasswordHasher::new(&config).unwrap();
        let stored = now(hasher.hash("password", SALT)).unwrap();
        // the least of several runs, so that another process's work does not count
        let least = |phc: Option<&str>| {
            let run = || {
                let began = Instant::now();
                assert_eq!(now(hasher.verify("wrong password", phc)), Ok(false));
                began.elapsed()
            };
            (0..7).map(|_| run()).min().unwrap().as_secs_f64()
        };
        let ratio = least(None) / least(Some(&stored));
        assert!((0.4..2.5).contains(&ratio), "{ratio}");
    }

    #[test]
    fn the_queue_is_bounded_and_recovers() {
        let hasher = hasher(1, 2);
        let (release, gate) = channel::<()>();
        let (started, running) = channel::<()>();
        let blocked = hasher.queue(move || {
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
        let blocked = hasher.queue(move || {
            gate.recv().unwrap();
            Ok(())
        });
        let (ran, runs) = channel::<()>();
        drop(hasher.queue(move || {
            ran.send(()).unwrap();
            Ok(())
        }));
        let panicked = hasher.queue(|| -> Result<(), AuthError> { panic!("part of the test") });
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
