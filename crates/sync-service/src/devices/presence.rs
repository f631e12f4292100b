//! Who is here, who is away, and whom nobody has heard of for too long.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::Serialize;
use sync_core::ports::{Device, DeviceState, Space, StoreResult, Tx};
use sync_core::protocol::v1::status::PresenceState;
use sync_core::{DeviceId, SpaceId, Timestamp, UserId};

use super::day::Day;
use super::notes::Devices;
use super::words::said_of;
use crate::access::require_member;
use crate::inbox::calendar::Calendar;
use crate::{Caller, Service, ServiceResult};

/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// A device that was seen longer ago is left out where its owner has synced from another one since.
const FORGOTTEN_MS: i64 = 30 * DAY_MS;

/// Until when a device that synced counts as here, and from when on it is silent, in milliseconds since then: the nearer
/// the event, the sooner.
pub(super) fn limits_ms(event_hours: Option<i64>) -> (i64, i64) {
    match event_hours {
        Some(-12..=12) => (2 * MINUTE_MS, 15 * MINUTE_MS),
        Some(-48..=168) => (5 * MINUTE_MS, 4 * 60 * MINUTE_MS),
        _ => (5 * MINUTE_MS, 7 * DAY_MS),
    }
}

/// Whether a device is here, by when it synced last and the hours until the event. One that never synced is away.
pub(super) fn state_of(seen_at: Option<Timestamp>, now: Timestamp, event_hours: Option<i64>) -> PresenceState {
    let Some(seen_at) = seen_at else { return PresenceState::Away };
    let ago_ms = now.millis().saturating_sub(seen_at.millis());
    match limits_ms(event_hours) {
        (here, _) if ago_ms <= here => PresenceState::Here,
        (_, silent) if ago_ms <= silent => PresenceState::Away,
        _ => PresenceState::Silent,
    }
}

/// A person's device in a space, and when it synced last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Presence {
    /// The person.
    pub user_id: UserId,
    /// Their device.
    pub device_id: DeviceId,
    /// What people call them.
    pub name: String,
    /// Whether it is here.
    pub state: PresenceState,
    /// When it synced last.
    pub since: Timestamp,
    /// In words, in the space's local time.
    pub text: String,
}

/// `GET /api/spaces/{space_id}/presence`: who is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PresenceList {
    /// The devices of the space's members that have synced, by their owners' names.
    pub items: Vec<Presence>,
}

impl Service {
    /// Who is here in a space of which the caller is a member.
    ///
    /// # Errors
    /// `unknown_space`; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn list_presence(&self, caller: &Caller, space_id: SpaceId) -> ServiceResult<PresenceList> {
        let (caller, now, devices) = (*caller, self.now(), Arc::clone(&self.devices));
        self.decide(caller.read(), move |tx| {
            let access = require_member(tx, &caller, space_id)?;
            Ok(PresenceList { items: presence_of(tx, &devices, &access.space, now)? })
        })
        .await
    }
}

/// The devices of a space's members that have synced, by their owners' names. From now on it is noticed when one of them
/// goes or comes back.
///
/// # Errors
/// The store's.
pub(crate) fn presence_of(tx: &mut dyn Tx, noted: &Devices, space: &Space, now: Timestamp) -> StoreResult<Vec<Presence>> {
    let members = tx.list_members(space.space_id)?.into_iter().filter(|member| member.removed_at.is_none());
    let users: Vec<UserId> = members.map(|member| member.user_id).collect();
    let mut states = tx.list_device_states(space.organisation_id, &users)?;
    for state in &mut states {
        state.seen_at = state.seen_at.max(noted.seen_at(state.device_id).unwrap_or(state.seen_at));
    }
    let ids: Vec<DeviceId> = states.iter().map(|state| state.device_id).collect();
    let devices = tx.load_devices(space.organisation_id, &ids)?;
    let devices: BTreeMap<DeviceId, Device> = devices.into_iter().map(|device| (device.device_id, device)).collect();
    let names: BTreeMap<UserId, String> =
        tx.load_users(space.organisation_id, &users)?.into_iter().map(|user| (user.user_id, user.name)).collect();
    states.retain(|state| devices.get(&state.device_id).is_some_and(|device| device.revoked_at.is_none()));
    let states = without_forgotten(states, now);
    noted.watch(&states, Day::of(space, now), now);
    Ok(told(&states, &devices, &names, (space, now)))
}

/// Leaves out the devices that their owners have put away.
fn without_forgotten(mut states: Vec<DeviceState>, now: Timestamp) -> Vec<DeviceState> {
    states.sort_by_key(|state| std::cmp::Reverse(state.seen_at));
    let mut met = HashSet::new();
    states.retain(|state| met.insert(state.user_id) || now.millis().saturating_sub(state.seen_at.millis()) <= FORGOTTEN_MS);
    states
}

fn told(
    states: &[DeviceState],
    devices: &BTreeMap<DeviceId, Device>,
    names: &BTreeMap<UserId, String>,
    (space, now): (&Space, Timestamp),
) -> Vec<Presence> {
    let calendar = Calendar::of(space);
    let hours = Day::of(space, now).hours(now);
    let one = |state: &DeviceState| {
        let name = names.get(&state.user_id)?;
        let alone = states.iter().filter(|other| other.user_id == state.user_id).count() == 1;
        let device = devices.get(&state.device_id).filter(|_| !alone).map(|device| device.name.as_str());
        let presence = state_of(Some(state.seen_at), now, hours);
        Some(Presence {
            user_id: state.user_id,
            device_id: state.device_id,
            name: name.clone(),
            state: presence,
            since: state.seen_at,
            text: said_of((name, device), presence, Some(state.seen_at), (&calendar, now)),
        })
    };
    let mut told: Vec<Presence> = states.iter().filter_map(one).collect();
    told.sort_by(|one, other| (&one.name, one.device_id).cmp(&(&other.name, other.device_id)));
    told
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_nearer_the_event_the_sooner_somebody_is_missed() {
        use PresenceState::{Away, Here, Silent};
        for (event_hours, minutes, expected) in [
            (Some(0), 2, Here),
            (Some(0), 3, Away),
            (Some(0), 15, Away),
            (Some(0), 16, Silent),
            (Some(12), 16, Silent),
            (Some(13), 16, Away),
            (Some(168), 5, Here),
            (Some(168), 240, Away),
            (Some(168), 241, Silent),
            (Some(-49), 241, Away),
            (None, 7 * 24 * 60, Away),
            (None, 7 * 24 * 60 + 1, Silent),
        ] {
            let now = Timestamp::from_millis(100 * DAY_MS);
            let seen_at = now.plus_ms(-minutes * MINUTE_MS);
            assert_eq!(state_of(Some(seen_at), now, event_hours), expected, "{event_hours:?} {minutes} min");
        }
        let now = Timestamp::default();
        assert_eq!(state_of(None, now, Some(0)), Away, "who never came is not missed");
        assert_eq!(state_of(Some(now.plus_ms(5)), now, Some(0)), Here, "the clock went back");
    }

    proptest! {
        #[test]
        fn time_only_takes_away(ago in 0..10_000_000_000_i64, more in 0..10_000_000_000_i64, hours in prop::option::of(-500..500_i64)) {
            let seen = Some(Timestamp::default());
            let at = |ms| state_of(seen, Timestamp::from_millis(ms), hours);
            prop_assert!(at(ago) <= at(ago.saturating_add(more)));
            prop_assert!(at(ago) <= state_of(seen, Timestamp::from_millis(ago), Some(0)), "nearer is never later");
        }
    }
}
