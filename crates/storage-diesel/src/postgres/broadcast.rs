//! Signals between the nodes of one PostgreSQL database, as notifications.
//!
//! A thread of its own has two connections: one listens, one notifies. Neither is one of the store's, and nothing is
//! notified within a transaction that writes: notifying takes a lock of the whole database at the commit.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use sync_core::ports::{Broadcaster, Listener, Signal};
use tokio::runtime::Builder;
use tokio::sync::{Notify, mpsc};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_postgres::{AsyncMessage, Client, NoTls};
use uuid::Uuid;

use super::connection::unreachable;
use super::signals::{Told, decode, encode};
use crate::OpenError;
use crate::threads::Threads;

/// The channel of a database.
const CHANNEL: &str = "rejoin_signals";

/// How long signals are gathered, so that many become one notification.
const GATHER: Duration = Duration::from_millis(3);

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often the connection that listens is asked whether it stands.
const PROBE: Duration = Duration::from_secs(10);

/// The first wait after a connection broke; it doubles with each further failure.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Signals that may wait for a connection. With more, the other nodes are told to look everywhere.
const MOST_WAITING: usize = 20_000;

/// Tells signals to the nodes of a database. Dropping it tells what still waits, and ends its thread.
pub(crate) struct PostgresBroadcaster {
    shared: Arc<Shared>,
    // after the drop: the thread is told to end, then it is waited for
    _threads: Threads,
}

struct Shared {
    url: String,
    node_id: Uuid,
    listeners: Mutex<Vec<Weak<dyn Listener>>>,
    outbox: Mutex<Outbox>,
    changed: Notify,
    closing: Notify,
}

#[derive(Default)]
struct Outbox {
    signals: BTreeSet<Signal>,
    everything: bool,
    closed: bool,
}

impl PostgresBroadcaster {
    /// Begins to listen: from now on nothing is missed without [`Listener::lost`] being called.
    pub(crate) fn open(url: &str, node_id: Uuid) -> Result<Self, OpenError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(unreachable)?;
        let shared = Arc::new(Shared {
            url: url.to_owned(),
            node_id,
            listeners: Mutex::default(),
            outbox: Mutex::default(),
            changed: Notify::new(),
            closing: Notify::new(),
        });
        let (ready, begun) = std::sync::mpsc::channel();
        let mut threads = Threads::default();
        let own = Arc::clone(&shared);
        threads.spawn("postgres-signals", move || {
            runtime.block_on(async {
                match Ear::open(&own.url).await {
                    Err(error) => drop(ready.send(Err(error))),
                    Ok(ear) => {
                        drop(ready.send(Ok(())));
                        tokio::select! {
                            () = hear(&own, ear) => {}
                            () = tell(&own) => {}
                        }
                    }
                }
            });
        })?;
        begun.recv().map_err(unreachable)??;
        Ok(Self { shared, _threads: threads })
    }
}

impl Drop for PostgresBroadcaster {
    fn drop(&mut self) {
        self.shared.outbox().closed = true;
        self.shared.closing.notify_one();
    }
}

impl Broadcaster for PostgresBroadcaster {
    fn publish(&self, signals: &[Signal]) {
        if signals.is_empty() {
            return;
        }
        self.shared.tell_here(signals);
        let told = Told { signals: signals.to_vec(), everything: false };
        self.shared.put(told);
    }

    fn listen(&self, listener: &Arc<dyn Listener>) {
        let mut listeners = self.shared.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|other| other.strong_count() > 0);
        listeners.push(Arc::downgrade(listener));
    }
}

impl Shared {
    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something into the outbox, or back there.
    fn put(&self, told: Told) {
        let mut outbox = self.outbox();
        outbox.everything |= told.everything;
        outbox.signals.extend(told.signals);
        if outbox.signals.len() > MOST_WAITING {
            outbox.signals.clear();
            outbox.everything = true;
        }
        drop(outbox);
        self.changed.notify_one();
    }

    /// Empties the outbox; the flag says that nothing more will come.
    fn take(&self) -> (Told, bool) {
        let mut outbox = self.outbox();
        let signals = std::mem::take(&mut outbox.signals).into_iter().collect();
        (Told { signals, everything: std::mem::take(&mut outbox.everything) }, outbox.closed)
    }

    fn here(&self) -> Vec<Arc<dyn Listener>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect()
    }

    fn tell_here(&self, signals: &[Signal]) {
        for listener in self.here() {
            listener.hear(signals);
        }
    }

    fn look_everywhere(&self) {
        for listener in self.here() {
            listener.lost();
        }
    }

    /// Tells the listeners of this node what another node said.
    fn heard(&self, payload: &str) {
        match decode(payload) {
            Some((node_id, _)) if node_id == self.node_id => {}
            Some((_, told)) => {
                if !told.signals.is_empty() {
                    self.tell_here(&told.signals);
                }
                if told.everything {
                    self.look_everywhere();
                }
            }
            None => tracing::warn!(channel = CHANNEL, "a notification that no node of Rejoin wrote; it is ignored"),
        }
    }
}

/// The connection that listens.
struct Ear {
    client: Client,
    notes: mpsc::UnboundedReceiver<String>,
}

impl Ear {
    async fn open(url: &str) -> Result<Self, OpenError> {
        let (say, notes) = mpsc::unbounded_channel();
        let client = connect(url, say).await?;
        answered(client.batch_execute(&format!("LISTEN {CHANNEL}"))).await?;
        Ok(Self { client, notes })
    }

    /// Passes on what it hears until the connection breaks.
    async fn pass_on(&mut self, shared: &Shared) {
        let mut probes = interval(PROBE);
        probes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                note = self.notes.recv() => match note {
                    Some(payload) => shared.heard(&payload),
                    None => return,
                },
                _ = probes.tick() => if let Err(error) = answered(self.client.batch_execute("")).await {
                    tracing::warn!(%error, "the connection that listens does not answer");
                    return;
                },
            }
        }
    }
}

/// Connects; a task of its own passes the notifications on, and lets go of `say` when the connection is lost.
async fn connect(url: &str, say: mpsc::UnboundedSender<String>) -> Result<Client, OpenError> {
    let mut config: tokio_postgres::Config = url.parse().map_err(unreachable)?;
    config.application_name("rejoin signals").connect_timeout(PATIENCE);
    let (client, mut connection) = answered(config.connect(NoTls)).await?;
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(note) = message {
                // nobody listens on a connection that only notifies
                let _ = say.send(note.payload().to_owned());
            }
        }
    });
    Ok(client)
}

async fn answered<T>(answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, OpenError> {
    timeout(PATIENCE, answer).await.map_err(|_| unreachable("no answer within 5 s"))?.map_err(unreachable)
}

/// The wait after so many failures in a row.
fn wait(failures: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << failures.min(16)).min(LONGEST_WAIT)
}

/// Passes on what other nodes say, for ever: a connection that broke is made anew, and since something may have been said
/// meanwhile, the listeners look everywhere.
async fn hear(shared: &Shared, mut ear: Ear) {
    loop {
        ear.pass_on(shared).await;
        let mut failures = 0;
        ear = loop {
            match Ear::open(&shared.url).await {
                Ok(ear) => break ear,
                Err(error) => {
                    tracing::warn!(%error, "no connection that listens for signals");
                    sleep(wait(failures)).await;
                    failures += 1;
                }
            }
        };
        shared.look_everywhere();
    }
}

/// Tells the other nodes what is put into the outbox, until it is closed.
async fn tell(shared: &Shared) {
    let mut client = None;
    let mut failures = 0;
    loop {
        tokio::select! {
            () = shared.changed.notified() => sleep(GATHER).await,
            () = shared.closing.notified() => {}
        }
        let (told, closed) = shared.take();
        if let Err(error) = notify(shared, &mut client, &told).await {
            tracing::warn!(%error, "signals could not be told to other nodes");
            client = None;
            if closed {
                return;
            }
            tokio::select! {
                () = sleep(wait(failures)) => {}
                () = shared.closing.notified() => shared.closing.notify_one(),
            }
            failures += 1;
            shared.put(told);
        } else if closed {
            return;
        } else {
            failures = 0;
        }
    }
}

async fn notify(shared: &Shared, client: &mut Option<Client>, told: &Told) -> Result<(), OpenError> {
    let payloads = encode(shared.node_id, told);
    if payloads.is_empty() {
        return Ok(());
    }
    if client.as_ref().is_none_or(Client::is_closed) {
        *client = Some(connect(&shared.url, mpsc::unbounded_channel().0).await?);
    }
    let Some(client) = client else { return Ok(()) };
    // every payload is made of digits and letters
    let calls: Vec<_> = payloads.iter().map(|payload| format!("SELECT pg_notify('{CHANNEL}', '{payload}')")).collect();
    answered(client.batch_execute(&calls.join("; "))).await
}
