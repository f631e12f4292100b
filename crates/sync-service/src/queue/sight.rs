//! Who sees what of the queue: people their own items, leads those of their spaces, admins all of the organisation's.

use std::collections::BTreeMap;
use std::sync::Arc;

use sync_core::json::RawJson;
use sync_core::ports::{ItemState, QueueFilter, QueueItem, SpaceAccess, StoreError, StoreResult, Tx, Visible};
use sync_core::protocol::v1::queue::BulkFilter;
use sync_core::{Code, OpId, Problem, Schema, SpaceId, UserId};

use super::retry::check_lane;
use crate::access::{self, require_session};
use crate::view::View;
use crate::{Caller, ServiceResult};

/// Spaces over which one list runs.
const MAX_SPACES: i64 = 1_000;

/// What a caller is to the spaces whose items they may see.
pub(super) struct Sight {
    caller: Caller,
    spaces: BTreeMap<SpaceId, SpaceAccess>,
    schemas: BTreeMap<SpaceId, Arc<Schema>>,
}

impl Sight {
    /// With all of the caller's spaces.
    pub(super) fn load(tx: &mut dyn Tx, caller: &Caller) -> ServiceResult<Self> {
        require_login(tx, caller)?;
        let own = access::list_own(tx, caller, None, MAX_SPACES)?;
        let spaces = own.into_iter().map(|access| (access.space.space_id, access)).collect();
        Ok(Self { caller: *caller, spaces, schemas: BTreeMap::new() })
    }

    /// With one space.
    pub(super) fn of_space(tx: &mut dyn Tx, caller: &Caller, space_id: SpaceId) -> ServiceResult<Self> {
        require_login(tx, caller)?;
        let standing = access::load(tx, caller, &[space_id])?.remove(&space_id);
        let member = standing.and_then(|standing| standing.member().ok());
        let spaces = member.into_iter().map(|access| (space_id, access)).collect();
        Ok(Self { caller: *caller, spaces, schemas: BTreeMap::new() })
    }

    pub(super) fn leads(&self, space_id: SpaceId) -> bool {
        self.spaces.get(&space_id).is_some_and(|access| access.member.role.may_manage())
    }

    pub(super) fn leads_any(&self) -> bool {
        self.spaces.values().any(|access| access.member.role.may_manage())
    }

    /// Whether the caller may see an item of somebody's in a space.
    pub(super) fn sees(&self, user_id: UserId, space_id: SpaceId) -> bool {
        self.caller.admin || user_id == self.caller.user_id || self.leads(space_id)
    }

    /// Whose items the caller may see, as a store is asked.
    pub(super) fn visible(&self) -> Option<Visible> {
        let led = self.spaces.keys().copied().filter(|space_id| self.leads(*space_id));
        (!self.caller.admin).then(|| Visible { user_id: self.caller.user_id, space_ids: led.collect() })
    }

    /// An item's payload, where the caller is its sender or leads its space: without what their role does not read, of
    /// which the names are told. What somebody sent themselves, they know.
    pub(super) fn payload(&mut self, item: &QueueItem) -> StoreResult<Option<(RawJson, Vec<String>)>> {
        let is_sender = item.user_id == self.caller.user_id;
        if !(is_sender || self.leads(item.space_id)) {
            return Ok(None);
        }
        if is_sender && item.original.is_none() {
            return Ok(Some((item.payload.clone(), Vec::new())));
        }
        let schema = self.schema(item.space_id)?;
        // who is no member any more sees nothing of what others wrote into it
        let (Some(access), Some(schema)) = (self.spaces.get(&item.space_id), schema) else { return Ok(None) };
        let view = View::of(access, &schema, self.caller.user_id);
        let (mut payload, mut hidden) = (item.payload.object(), Vec::new());
        let collection = item.key.split('/').next().unwrap_or_default();
        for side in ["patch", "base"] {
            let Some(members) = payload.get_mut(side).and_then(serde_json::Value::as_object_mut) else { continue };
            hidden.extend(members.keys().filter(|name| !view.reads(collection, name, None)).cloned());
            members.retain(|name, _| view.reads(collection, name, None));
        }
        hidden.sort_unstable();
        hidden.dedup();
        Ok(Some((RawJson::from_object(&payload), hidden)))
    }

    /// The schema of one of the caller's spaces, parsed once.
    pub(super) fn schema(&mut self, space_id: SpaceId) -> StoreResult<Option<Arc<Schema>>> {
        let Some(access) = self.spaces.get(&space_id) else { return Ok(None) };
        if let Some(schema) = self.schemas.get(&space_id) {
            return Ok(Some(schema.clone()));
        }
        let schema = Schema::of_space(access.space.schema.as_deref());
        let schema = schema.ok_or_else(|| StoreError::Damaged(format!("the schema of space {space_id}")))?;
        self.schemas.insert(space_id, schema.clone());
        Ok(Some(schema))
    }

    /// A filter of the wire as a store is asked.
    pub(super) fn filter(&self, asked: &BulkFilter, states: &[ItemState]) -> ServiceResult<QueueFilter> {
        let states = match asked.state.as_deref() {
            None => states.to_vec(),
            Some(name) => {
                states_of(name).filter(|meant| meant.iter().all(|state| states.contains(state))).ok_or_else(|| wrong_state(states))?
            }
        };
        check_lane(asked.lane.map(|lane| u8::try_from(lane).unwrap_or(u8::MAX))).map_err(|problem| problem.at("/filter/lane"))?;
        Ok(QueueFilter {
            visible: self.visible(),
            space_id: asked.space_id,
            device_id: asked.device_id,
            user_id: asked.user_id,
            batch_id: asked.batch_id,
            lane: asked.lane,
            states,
            code: asked.reason.clone(),
            accepted_before: asked.accepted_before,
        })
    }
}

/// The states that a name of the wire means: `queued` stands for all but `parked`.
fn states_of(name: &str) -> Option<Vec<ItemState>> {
    match name {
        "queued" => Some(ItemState::ALL.into_iter().filter(|state| *state != ItemState::Parked).collect()),
        _ => ItemState::parse(name).map(|state| vec![state]),
    }
}

fn wrong_state(states: &[ItemState]) -> Problem {
    let mut names: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    if states.len() == ItemState::ALL.len() {
        names.push("queued");
    }
    Problem::new(Code::Malformed, format!("state is to be one of {}", names.join(", "))).at("/filter/state")
}

/// Checks the login of who calls over HTTP; the command line has none.
fn require_login(tx: &mut dyn Tx, caller: &Caller) -> ServiceResult<()> {
    if caller.session_id.0.is_nil() { Ok(()) } else { require_session(tx, caller) }
}

/// The problem of an operation that is not there for the caller.
pub(super) fn unknown_operation(op_id: OpId) -> Problem {
    Problem::new(Code::UnknownOperation, format!("there is no operation {op_id} that you sent, or of a space that you lead"))
}
