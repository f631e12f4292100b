//! What connections are told beside documents: how far their batches are, what of theirs failed, and who of those they
//! share a space with came or went. It is looked up for all connections together, with one lookup under way at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sync_core::ports::{Access, Footing, ItemState, Job, QueueBatch, QueueFilter, StoreResult, Tx};
use sync_core::{BatchId, DeviceId, SessionId, SpaceId, UserId};

use super::connection::{About, Connection, Ending};
use super::frames::{Frame, Progress};
use super::hub::Shared;
use super::presence::{Presences, Told};
use crate::Caller;

/// Connections in one lookup.
const ASKING_AT_ONCE: usize = 256;
/// Presences that wait to be looked up; of more, nobody is told.
const MOST_PRESENCES: usize = 256;
/// Dead letters that one frame names.
const NAMED: i64 = 10;

/// What one of them is told.
type Answers = Vec<(About, Frame)>;

impl Shared {
    /// Looks up what these want to know, with all others that wait for such.
    pub(crate) fn ask_for(self: &Arc<Self>, connections: &[Arc<Connection>]) {
        if connections.is_empty() {
            return;
        }
        let mut registry = self.registry();
        registry.wanting.extend(connections.iter().map(|connection| (connection.number, Arc::clone(connection))));
        drop(registry);
        self.ask();
    }

    /// Looks up a device whose presence changed, for all who share a space with its owner.
    pub(crate) fn tell_presence(self: &Arc<Self>, user_id: UserId, device_id: DeviceId) {
        let mut registry = self.registry();
        if registry.spaces.is_empty() || registry.presences.len() >= MOST_PRESENCES {
            return;
        }
        registry.presences.insert((user_id, device_id));
        drop(registry);
        self.ask();
    }

    /// Looks up what connections wait for, unless that is being done.
    pub(crate) fn ask(self: &Arc<Self>) {
        let mut registry = self.registry();
        if registry.asking {
            return;
        }
        let presences = Presences::of(std::mem::take(&mut registry.presences), registry.spaces.keys());
        let mut asked = Vec::new();
        let all: Vec<Arc<Connection>> = registry.wanting.values().cloned().collect();
        for connection in all {
            if asked.len() >= ASKING_AT_ONCE {
                break;
            }
            let mut state = connection.lock();
            // who can't be sent anything comes back when it can
            if state.waiting && !state.wanted.is_empty() {
                asked.push((Arc::clone(&connection), std::mem::take(&mut state.wanted)));
            }
            drop(state);
            registry.wanting.remove(&connection.number);
        }
        let wanted = !asked.is_empty() || presences.is_some();
        registry.asking = wanted;
        drop(registry);
        if wanted {
            let ask = Ask { shared: Arc::clone(self), asked, answers: Vec::new(), presences };
            self.service.store.submit(Access::Read.into(), Box::new(ask));
        }
    }

    /// Puts back what could not be looked up, for the next tick.
    fn ask_later(&self, asked: Vec<(Arc<Connection>, BTreeSet<About>)>, presences: Option<Presences>) {
        let mut registry = self.registry();
        registry.asking = false;
        registry.presences.extend(presences.map(|presences| presences.changed).unwrap_or_default());
        for (connection, wanted) in asked {
            connection.lock().wanted.extend(wanted);
            if registry.connections.contains_key(&connection.number) {
                registry.wanting.insert(connection.number, connection);
            }
        }
    }

    /// Tells presences to those who follow a space and are members of it.
    fn tell_followers(&self, told: Vec<Told>) {
        for Told { space_id, presence, members } in told {
            let followers: Vec<Arc<Connection>> =
                self.registry().spaces.get(&space_id).map(|followed| followed.by.values().cloned().collect()).unwrap_or_default();
            let about = About::Presence(space_id, presence.device_id);
            let other = |connection: &&Arc<Connection>| {
                connection.caller.device_id != presence.device_id && members.contains(&connection.caller.user_id)
            };
            for connection in followers.iter().filter(other) {
                let frame = Frame::Presence { space_id, devices: vec![presence.clone()] };
                connection.change(|state| state.note(about, frame));
            }
        }
    }
}

struct Ask {
    shared: Arc<Shared>,
    asked: Vec<(Arc<Connection>, BTreeSet<About>)>,
    /// For each of them, or why it is told nothing any more.
    answers: Vec<Result<Answers, Ending>>,
    presences: Option<Presences>,
}

impl Job for Ask {
    fn run(&mut self, tx: &mut dyn Tx) -> StoreResult<()> {
        let sessions: BTreeSet<SessionId> = self.asked.iter().map(|(connection, _)| connection.caller.session_id).collect();
        let footings: BTreeMap<SessionId, Footing> = tx.list_footings(&sessions.into_iter().collect::<Vec<_>>())?.into_iter().collect();
        let batches = load_batches(tx, self.asked.iter().flat_map(|(_, wanted)| wanted))?;
        self.answers.clear();
        for (connection, wanted) in &self.asked {
            let caller = &connection.caller;
            self.answers.push(match Ending::of(footings.get(&caller.session_id).copied()) {
                None => Ok(answer(tx, caller, wanted, &batches)?),
                Some(ending) => Err(ending),
            });
        }
        match &mut self.presences {
            Some(presences) => presences.look(tx, &self.shared),
            None => Ok(()),
        }
    }

    fn finish(self: Box<Self>, outcome: StoreResult<()>) {
        let Self { shared, asked, answers, presences } = *self;
        if let Err(error) = &outcome {
            tracing::warn!(%error, "what connections are told beside documents could not be looked up; the next tick asks again");
            return shared.ask_later(asked, presences);
        }
        shared.registry().asking = false;
        for ((connection, _), answers) in asked.iter().zip(answers) {
            connection.change(|state| match answers {
                Ok(answers) => answers.into_iter().fold(false, |_, (about, frame)| state.note(about, frame)),
                Err(ending) => state.end(ending),
            });
        }
        shared.tell_followers(presences.map(|presences| presences.told).unwrap_or_default());
        shared.ask();
    }
}

fn load_batches<'a>(tx: &mut dyn Tx, wanted: impl Iterator<Item = &'a About>) -> StoreResult<BTreeMap<BatchId, QueueBatch>> {
    let ids: BTreeSet<BatchId> = wanted
        .filter_map(|about| match about {
            About::Batch(batch_id) => Some(*batch_id),
            _ => None,
        })
        .collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    Ok(tx.load_batches(&ids.into_iter().collect::<Vec<_>>())?.into_iter().map(|batch| (batch.batch_id, batch)).collect())
}

fn answer(tx: &mut dyn Tx, caller: &Caller, wanted: &BTreeSet<About>, batches: &BTreeMap<BatchId, QueueBatch>) -> StoreResult<Answers> {
    let mut answers = Answers::new();
    for about in wanted {
        let frame = match about {
            About::Batch(batch_id) => batches.get(batch_id).filter(|batch| batch.device_id == caller.device_id).map(progress),
            About::DeadLetters(space_id) => Some(dead_letters(tx, caller, *space_id)?),
            _ => None,
        };
        answers.extend(frame.map(|frame| (*about, frame)));
    }
    Ok(answers)
}

fn progress(batch: &QueueBatch) -> Frame {
    let QueueBatch { batch_id, operations, decided, bytes, decided_bytes, .. } = *batch;
    let progress = Progress { batch_id, operations, decided, bytes, decided_bytes };
    if batch.finished_at.is_some() { Frame::Completed(progress) } else { Frame::Progress(progress) }
}

/// The dead letters of a device in a space.
fn dead_letters(tx: &mut dyn Tx, caller: &Caller, space_id: SpaceId) -> StoreResult<Frame> {
    let filter = QueueFilter {
        space_id: Some(space_id),
        device_id: Some(caller.device_id),
        user_id: Some(caller.user_id),
        states: vec![ItemState::Parked],
        ..QueueFilter::default()
    };
    let parked = tx.count_queue(caller.organisation_id, &filter)?.iter().map(|count| count.items).sum();
    let op_ids = tx.list_queue(caller.organisation_id, &filter, None, NAMED)?.into_iter().map(|item| item.op_id).collect();
    Ok(Frame::Failed { space_id: Some(space_id), parked: Some(parked), op_ids, problem: None })
}
