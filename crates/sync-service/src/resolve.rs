//! Answers to conflicts.

mod about;
pub(crate) mod choice;
mod desk;
mod fields;
mod groups;
mod right;
mod undo;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use desk::{Desk, reused};
use merge_engine::Actor;
use sync_core::ports::{Entropy, Scope, Signal, StoreError, StoreResult, StoredOperation, Tx};
use sync_core::protocol::v1::{OperationResult, Received, Resolution, ResolveResponse};
use sync_core::{ConflictId, OpId, Problem, Schema, SpaceId, Status, Timestamp};

use crate::access::{self, Standing};
use crate::audit;
use crate::conflicts::unknown_conflict;
use crate::devices::Contact;
use crate::epochs::Shared;
use crate::inbox::finish;
use crate::push::working::{Warnings, World, write};
use crate::push::{Gate, Settings};
use crate::view::View;
use crate::{Caller, Service, ServiceError, ServiceResult};

/// One space's resolutions; shared, because a job may run again.
pub(crate) struct Batch {
    pub(crate) caller: Caller,
    pub(crate) resolutions: Vec<Entry>,
    pub(crate) received_at: Timestamp,
    /// What is stored with them.
    pub(crate) beside: Option<StoredOperation>,
}

/// The spaces of conflicts, and those of them that somebody left.
type Found = (HashMap<ConflictId, SpaceId>, BTreeSet<SpaceId>);

/// What became of resolutions, by their places in the request.
type Answers = Vec<(usize, OperationResult)>;

/// A resolution with its place in the request, its id, and the limit that it breaks.
pub(crate) type Entry = (usize, OpId, Resolution, Option<Problem>);

impl Service {
    /// Decides conflicts, each in the order sent.
    ///
    /// # Errors
    /// The store's, when nothing was decided.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn resolve(&self, caller: &Caller, resolutions: Vec<Received<Resolution>>) -> ServiceResult<ResolveResponse> {
        let (results, failure) = self.answer(caller, resolutions).await;
        match failure {
            Some(error) if results.iter().all(|result| result.status == Status::Waiting) => Err(error),
            _ => {
                self.counters.answered(&results);
                self.note_contact(caller, Contact::Sent);
                Ok(ResolveResponse { results })
            }
        }
    }

    /// Decides conflicts, and tells why some could not be decided now: those wait.
    pub(crate) async fn answer(
        &self,
        caller: &Caller,
        resolutions: Vec<Received<Resolution>>,
    ) -> (Vec<OperationResult>, Option<ServiceError>) {
        let (well_formed, mut refused) = sifted(resolutions);
        let (mut results, mut failure): (BTreeMap<usize, OperationResult>, _) = Default::default();
        let (links, left) = match self.find_spaces(caller, &well_formed).await {
            Ok(found) => found,
            Err(error) => {
                let ids = well_formed.iter().map(|(index, op_id, _, _)| (*index, *op_id));
                results.extend(undecided(ids.chain(ids_of(&refused)), &error));
                return (results.into_values().collect(), Some(error));
            }
        };
        for (space_id, resolutions) in by_space(well_formed, &links) {
            let ids: Vec<(usize, OpId)> = resolutions.iter().map(|(index, op_id, _, _)| (*index, *op_id)).collect();
            let Some(space_id) = space_id else {
                refused.extend(ids.into_iter().map(|(index, op_id)| (index, OperationResult::refused(op_id, unknown_conflict()))));
                continue;
            };
            let scope = if left.contains(&space_id) { Scope::Organisation(caller.organisation_id) } else { caller.scope() };
            match self.resolve_in(caller, (space_id, scope), resolutions).await {
                Ok(decided) => {
                    self.publish(&[Signal::Space(space_id)]);
                    results.extend(decided);
                }
                Err(error) => {
                    results.extend(undecided(ids.into_iter(), &error));
                    failure = Some(error);
                }
            }
        }
        match self.record_refused(caller, &refused).await {
            Ok(()) => results.extend(refused),
            Err(error) => {
                results.extend(undecided(ids_of(&refused), &error));
                failure = Some(error);
            }
        }
        (results.into_values().collect(), failure)
    }

    /// Records answers that are refused before anything of their question is read.
    async fn record_refused(&self, caller: &Caller, refused: &[(usize, OperationResult)]) -> ServiceResult<()> {
        let Some(act) = audit::of_refused_answers(caller, None, refused) else { return Ok(()) };
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        let work = move |tx: &mut dyn Tx| {
            access::require_session(tx, &caller)?;
            Ok(audit::write(tx, &*entropy, now, [act.clone()])?)
        };
        self.decide(caller.write(), work).await
    }

    /// Decides the answers of one space. Where they can't be written, it may be for an id that was used where the caller sees
    /// nothing.
    async fn resolve_in(&self, caller: &Caller, place: (SpaceId, Scope), resolutions: Vec<Entry>) -> ServiceResult<Answers> {
        match self.resolve_once(caller, place, resolutions.clone()).await {
            Err(ServiceError::Store(error @ StoreError::Busy(_))) => {
                let hidden = self.find_hidden(caller, resolutions.iter().map(|(_, op_id, ..)| *op_id).collect()).await?;
                if hidden.is_empty() {
                    return Err(error.into());
                }
                let (used, others): (Vec<_>, Vec<_>) = resolutions.into_iter().partition(|(_, op_id, ..)| hidden.contains(op_id));
                let mut results = self.resolve_once(caller, place, others).await?;
                let used: Answers = used.into_iter().map(|(index, op_id, ..)| (index, reused(op_id))).collect();
                // what was decided stays so; a refusal that can't be recorded is not told
                match self.record_refused(caller, &used).await {
                    Ok(()) => results.extend(used),
                    Err(error) => results.extend(undecided(ids_of(&used), &error)),
                }
                Ok(results)
            }
            outcome => outcome,
        }
    }

    async fn resolve_once(&self, caller: &Caller, (space_id, scope): (SpaceId, Scope), resolutions: Vec<Entry>) -> ServiceResult<Answers> {
        let batch = Arc::new(Batch { caller: *caller, resolutions, received_at: self.now(), beside: None });
        let entropy = Arc::clone(&self.entropy);
        let work = move |tx: &mut dyn Tx| {
            access::require_writable(tx, &batch.caller)?;
            Ok(resolve_space(tx, &*entropy, &batch, space_id)?)
        };
        self.decide(scope.write(), work).await
    }

    /// In which spaces the conflicts are, and which of those the caller left: what they answer there is kept for a lead.
    async fn find_spaces(&self, caller: &Caller, resolutions: &[Entry]) -> ServiceResult<Found> {
        let ids: BTreeSet<ConflictId> = resolutions.iter().map(|(_, _, resolution, _)| resolution.conflict_id).collect();
        if ids.is_empty() {
            return Ok(Found::default());
        }
        let (caller, ids) = (*caller, ids.into_iter().collect::<Vec<_>>());
        let work = move |tx: &mut dyn Tx| {
            access::look_writable(tx, &caller)?;
            let links = tx.load_conflicts(caller.organisation_id, &ids)?;
            let spaces: BTreeSet<SpaceId> = links.iter().map(|link| link.space_id).collect();
            let standings = access::load(tx, &caller, &spaces.into_iter().collect::<Vec<_>>())?;
            let left = standings.into_iter().filter(|(_, standing)| matches!(standing, Standing::Former(_))).map(|(space_id, _)| space_id);
            Ok((links.into_iter().map(|link| (link.conflict_id, link.space_id)).collect(), left.collect()))
        };
        // their own scope shows nothing of a space that they left
        self.decide(Scope::Organisation(caller.organisation_id).read(), work).await
    }
}

/// The answers whose form is good, and the refusals of the others.
fn sifted(resolutions: Vec<Received<Resolution>>) -> (Vec<Entry>, Answers) {
    let (mut well_formed, mut refused) = (Vec::new(), Answers::new());
    for (index, received) in resolutions.into_iter().enumerate() {
        match received.content {
            Ok(resolution) => well_formed.push((index, received.op_id, resolution, received.over_limit)),
            Err(problem) => refused.push((index, OperationResult::refused(received.op_id, problem))),
        }
    }
    (well_formed, refused)
}

fn ids_of(results: &[(usize, OperationResult)]) -> impl Iterator<Item = (usize, OpId)> {
    results.iter().map(|(index, result)| (*index, result.op_id))
}

fn by_space(resolutions: Vec<Entry>, spaces: &HashMap<ConflictId, SpaceId>) -> BTreeMap<Option<SpaceId>, Vec<Entry>> {
    let mut by_space: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in resolutions {
        by_space.entry(spaces.get(&entry.2.conflict_id).copied()).or_default().push(entry);
    }
    by_space
}

fn undecided(ids: impl Iterator<Item = (usize, OpId)>, error: &ServiceError) -> Vec<(usize, OperationResult)> {
    let problem = error.problem();
    let waiting = |op_id| OperationResult { problem: Some(problem.clone()), ..OperationResult::new(op_id, Status::Waiting, false) };
    ids.map(|(index, op_id)| (index, waiting(op_id))).collect()
}

/// Decides a space's resolutions in one transaction.
pub(crate) fn resolve_space(tx: &mut dyn Tx, entropy: &(dyn Entropy + 'static), batch: &Batch, space_id: SpaceId) -> StoreResult<Answers> {
    let strangers = |tx: &mut dyn Tx| {
        let refused = batch.resolutions.iter().map(|(index, op_id, _, _)| (*index, OperationResult::refused(*op_id, unknown_conflict())));
        let refused: Answers = refused.collect();
        audit::write(tx, entropy, batch.received_at, audit::of_refused_answers(&batch.caller, Some(space_id), &refused))?;
        Ok(refused)
    };
    let standing =
        |tx: &mut dyn Tx| access::load(tx, &batch.caller, &[space_id]).map(|mut all| all.remove(&space_id).unwrap_or(Standing::Unknown));
    if matches!(standing(tx)?, Standing::Unknown) {
        return strangers(tx);
    }
    let head = tx.lock_head(space_id)?;
    let (gate, access) = match standing(tx)? {
        Standing::Unknown => return strangers(tx),
        Standing::Former(access) => (Gate::of_former_member(), access),
        Standing::Member(access) => (Gate::of_member(&access), access),
    };
    let schema =
        Schema::of_space(access.space.schema.as_deref()).ok_or_else(|| StoreError::Damaged(format!("the schema of space {space_id}")))?;
    let head = head.unwrap_or(access.head);
    let view = View::of(&access, &schema, batch.caller.user_id);
    let mut world = World::new(space_id, view, head, Shared::all(head));
    world.settings = Settings { values: access.space.settings() };
    world.people.sender = Some(Actor { user_id: batch.caller.user_id, role: access.member.role });
    let mut desk = Desk::new(batch, world, gate, access.space.settings());
    desk.load(tx)?;
    let (mut results, mut about): (Vec<_>, Vec<_>) = Default::default();
    for (index, op_id, resolution, over) in &batch.resolutions {
        let before = desk.stands(resolution.conflict_id);
        results.push((*index, desk.answer(*op_id, resolution, over.as_ref())));
        about.push(desk.answered_since(resolution.conflict_id, &before));
    }
    let people = std::mem::take(&mut desk.people);
    finish(tx, &mut desk.world, &access.space, Some(people), batch.received_at)?;
    Warnings::check(tx, &desk.world, batch.caller.organisation_id)?.tell(results.iter_mut().map(|(_, result)| result));
    desk.stored.extend(batch.beside.clone());
    write(tx, &mut desk.world, batch.caller.organisation_id, &mut desk.stored)?;
    for (_, result) in &mut results {
        result.decided_version = result.decided_version.map(|version| desk.world.version_now(version));
    }
    desk.learn(tx)?;
    let answers = batch.resolutions.iter().zip(&results).zip(about);
    let answers = answers.map(|(((_, _, resolution, _), (_, result)), about)| (resolution, result, about));
    audit::write(tx, entropy, batch.received_at, audit::of_answers(&batch.caller, space_id, answers))?;
    Ok(results)
}
