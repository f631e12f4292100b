//! The first look at spaces that somebody begins to follow: whether they may, and where they stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use sync_core::cursor::Cursor;
use sync_core::ports::{Presented, SpaceAccess, StoreError, StoreResult, Tx};
use sync_core::{Code, Problem, Role, Schema, SpaceId};

use super::connection::{Connection, Delivery, Ending, State};
use super::feed::Wanted;
use super::frames::{Frame, Poke, Revoked};
use super::hub::Shared;
use crate::access::{self, Standing};
use crate::cursors::CursorKeys;
use crate::pull::stand;
use crate::purged::{confirmed, purge_of};
use crate::view::View;
use crate::{Caller, ServiceError, ServiceResult};

/// What somebody is to a space that they want to follow.
enum Joined {
    /// A member, who stands here or is to pull first.
    Member { stands: Result<Cursor, Poke>, head: i64, schema: u32, role: Role },
    /// A member no more.
    Former,
    /// Nobody.
    Unknown,
}

/// Follows spaces. They are followed before they are looked at, so that nothing is missed in between.
pub(crate) async fn join(shared: Arc<Shared>, connection: Arc<Connection>, wanted: Vec<Wanted>) -> ServiceResult<()> {
    let caller = connection.caller;
    let keys = shared.service.cursor_keys(wanted.iter().filter_map(|wanted| wanted.cursor.as_deref())).await?;
    shared.take_keys(&keys);
    let mut generations = BTreeMap::new();
    for Wanted { space_id, cursor, schema } in &wanted {
        let held = cursor.as_deref().map(Into::into);
        generations.insert(*space_id, connection.lock().follow(*space_id, held, *schema));
        shared.follow(*space_id, &connection);
    }
    let look = move |tx: &mut dyn Tx| {
        access::require_session(tx, &caller)?;
        Ok(look(tx, &caller, &keys, &wanted)?)
    };
    let outcome = shared.service.decide(caller.read(), look).await;
    match outcome {
        Ok(joined) => {
            shared.service.presented.add(&presented(&shared, &caller, &joined));
            for (space_id, joined) in joined {
                let generation = generations.get(&space_id).copied().unwrap_or_default();
                settle(&shared, &connection, (space_id, generation), &joined);
            }
            Ok(())
        }
        Err(error) => {
            for space_id in generations.keys() {
                connection.lock().unfollow(*space_id);
                shared.unfollow(*space_id, &connection);
            }
            let ending = match &error {
                ServiceError::Problem(problem) => match problem.code {
                    Code::Unauthenticated => Some(Ending::Revoked),
                    Code::DeviceSuspended => Some(Ending::Suspended),
                    Code::OrganisationLocked => Some(Ending::Locked),
                    _ => None,
                },
                ServiceError::Store(_) => None,
            };
            if let Some(ending) = ending {
                connection.change(|state| state.end(ending));
                return Ok(());
            }
            Err(error)
        }
    }
}

fn look(tx: &mut dyn Tx, caller: &Caller, keys: &CursorKeys, wanted: &[Wanted]) -> StoreResult<Vec<(SpaceId, Joined)>> {
    let ids: Vec<SpaceId> = wanted.iter().map(|wanted| wanted.space_id).collect();
    let standings = access::load(tx, caller, &ids)?;
    let former = standings.values().filter_map(|standing| match standing {
        Standing::Former(access) => Some(access),
        _ => None,
    });
    let confirmed = confirmed(tx, caller, &former.collect::<Vec<_>>())?;
    let mut joined = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        let found = match standings.get(&wanted.space_id) {
            Some(Standing::Member(access)) => member(access, caller, keys, wanted)?,
            Some(Standing::Former(access)) if !confirmed.contains(&purge_of(access)) => Joined::Former,
            _ => Joined::Unknown,
        };
        joined.push((wanted.space_id, found));
    }
    Ok(joined)
}

fn member(access: &SpaceAccess, caller: &Caller, keys: &CursorKeys, wanted: &Wanted) -> StoreResult<Joined> {
    let schema = Schema::of_space(access.space.schema.as_deref());
    let schema = schema.ok_or_else(|| StoreError::Damaged(format!("the schema of space {}", access.space.space_id)))?;
    let role = access.member.role;
    let view = View::of(access, &schema, caller.user_id);
    let stands = match &wanted.cursor {
        _ if wanted.schema.is_some_and(|spoken| spoken < schema.oldest_readable) => Err(Poke::Upgrade),
        None => Err(Poke::Behind),
        Some(text) => stand(keys, access, &view, caller, text),
    };
    Ok(Joined::Member { stands, head: access.head.version, schema: schema.version, role })
}

/// What the cursors show of how far the device has read.
fn presented(shared: &Shared, caller: &Caller, joined: &[(SpaceId, Joined)]) -> Vec<Presented> {
    let at = shared.service.now();
    let show = |(space_id, joined): &(SpaceId, Joined)| {
        let Joined::Member { stands: Ok(cursor), .. } = joined else { return None };
        Some(Presented { space_id: *space_id, device_id: caller.device_id, user_id: caller.user_id, floor: cursor.floor?, at })
    };
    joined.iter().filter_map(show).collect()
}

fn settle(shared: &Shared, connection: &Connection, (space_id, generation): (SpaceId, u64), joined: &Joined) {
    let follows = matches!(joined, Joined::Member { .. });
    let mut current = false;
    connection.change(|state| {
        current = state.same(space_id, generation).is_some();
        current && take(state, (space_id, generation), joined)
    });
    if current && !follows {
        shared.unfollow(space_id, connection);
    }
}

fn take(state: &mut State, (space_id, generation): (SpaceId, u64), joined: &Joined) -> bool {
    let frame = match *joined {
        Joined::Member { stands, head, schema, role } => {
            let Some(followed) = state.same(space_id, generation) else { return false };
            (followed.joining, followed.schema, followed.role) = (false, Some(schema), Some(role));
            (followed.place, followed.cursor) = (stands.map_or(head, |cursor| cursor.place), stands.ok());
            if let Err(reason) = stands {
                state.deliveries.push_back(Delivery::Poke { space_id, generation, reason });
            } else if followed.place < head {
                state.dirty.insert(space_id);
            }
            return true;
        }
        Joined::Former => Frame::Revoked { space_id: Some(space_id), what: Revoked::Membership },
        Joined::Unknown => {
            let detail = "there is no such space, or you are not a member of it; ask its lead to add you";
            let problem = Some(Problem::new(Code::UnknownSpace, detail));
            Frame::Failed { space_id: Some(space_id), parked: None, op_ids: Vec::new(), problem }
        }
    };
    state.unfollow(space_id);
    state.deliveries.push_back(Delivery::Frame(frame));
    true
}
