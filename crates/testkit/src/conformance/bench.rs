//! A store with two organisations in it, and rows to put there.

use std::sync::Arc;

use serde_json::json;
use sync_core::json::RawJson;
use sync_core::ports::{
    Access, ChangeRow, Device, DocumentRow, Member, Organisation, Presence, Session, Space, SpaceStatus, Store, StoreResult,
    StoredOperation, Tx, User,
};
use sync_core::{Audience, Author, DeviceId, DocumentKey, OpId, OrganisationId, Role, SessionId, SpaceId, Status, Timestamp, UserId};
use uuid::Uuid;

pub(super) const ORGANISATION: OrganisationId = OrganisationId(id(1));
pub(super) const OTHER_ORGANISATION: OrganisationId = OrganisationId(id(2));
pub(super) const ANA: UserId = UserId(id(11));
pub(super) const BO: UserId = UserId(id(12));
/// Of the other organisation.
pub(super) const STRANGER: UserId = UserId(id(13));
pub(super) const TABLET: DeviceId = DeviceId(id(21));
pub(super) const PHONE: DeviceId = DeviceId(id(22));
pub(super) const STRANGERS_DEVICE: DeviceId = DeviceId(id(23));
pub(super) const SPACE: SpaceId = SpaceId(id(31));
pub(super) const SECOND_SPACE: SpaceId = SpaceId(id(32));
/// Of the other organisation.
pub(super) const FOREIGN_SPACE: SpaceId = SpaceId(id(33));
pub(super) const EPOCH: Uuid = id(41);
pub(super) const NOW: Timestamp = crate::fake::START;

/// An id; ids order as their numbers do.
pub(super) const fn id(number: u128) -> Uuid {
    Uuid::from_u128((number << 64) | 0x7000_8000_0000_0000_0000)
}

pub(super) struct Bench {
    pub(super) store: Arc<dyn Store>,
}

impl Bench {
    /// A store with two organisations, three users, three devices and three spaces without members.
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        let bench = Self { store };
        bench.write(|tx| {
            for (organisation_id, name) in [(ORGANISATION, "Alder & Rye"), (OTHER_ORGANISATION, "Quinta Velha")] {
                tx.ensure_organisation(&Organisation { organisation_id, name: name.into(), created_at: NOW })?;
            }
            for user in [user(ANA, "ana@example.org"), user(BO, "bo@example.org"), user(STRANGER, "cy@example.org")] {
                assert!(tx.insert_user(&user)?, "a fresh store has no users");
            }
            for device in [device(TABLET, ANA), device(PHONE, BO), device(STRANGERS_DEVICE, STRANGER)] {
                tx.put_device(&device)?;
            }
            for space_id in [SPACE, SECOND_SPACE, FOREIGN_SPACE] {
                tx.insert_space(&space(space_id), EPOCH)?;
            }
            Ok(())
        });
        bench
    }

    /// Runs a write job that is expected to succeed.
    pub(super) fn write<T, F>(&self, work: F) -> T
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Tx) -> StoreResult<T> + Send + 'static,
    {
        self.try_write(work).expect("the write job succeeds")
    }

    /// Runs a write job.
    pub(super) fn try_write<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Tx) -> StoreResult<T> + Send + 'static,
    {
        pollster::block_on(self.store.transact(Access::Write, work))
    }

    /// Runs a read job that is expected to succeed.
    pub(super) fn read<T, F>(&self, work: F) -> T
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Tx) -> StoreResult<T> + Send + 'static,
    {
        pollster::block_on(self.store.transact(Access::Read, work)).expect("the read job succeeds")
    }
}

fn organisation_of(stranger: bool) -> OrganisationId {
    if stranger { OTHER_ORGANISATION } else { ORGANISATION }
}

pub(super) fn user(user_id: UserId, email: &str) -> User {
    User {
        user_id,
        organisation_id: organisation_of(user_id == STRANGER),
        email: email.into(),
        name: "Zoë “Zo” O'Brien 💍".into(),
        password_hash: "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA".into(),
        admin: user_id == ANA,
        created_at: NOW,
    }
}

pub(super) fn device(device_id: DeviceId, user_id: UserId) -> Device {
    Device {
        device_id,
        organisation_id: organisation_of(user_id == STRANGER),
        user_id,
        name: "Rui's iPad".into(),
        platform: "ipados".into(),
        created_at: NOW,
        seen_at: NOW,
        revoked_at: None,
        suspended: None,
        wipe: None,
    }
}

pub(super) fn space(space_id: SpaceId) -> Space {
    Space {
        space_id,
        organisation_id: organisation_of(space_id == FOREIGN_SPACE),
        name: "Amara & Joel".into(),
        event_date: Some("2026-06-20".into()),
        time_zone: Some("Europe/Lisbon".into()),
        status: SpaceStatus::Active,
        schema: Some(r#""wedding""#.into()),
        settings: Some(RawJson::of(&json!({"merge_mode": "careful", "note": "Ñ 💍 \u{0}"}))),
        created_at: NOW,
    }
}

pub(super) fn member(space_id: SpaceId, user_id: UserId, role: Role) -> Member {
    Member { space_id, user_id, role, removed_at: None, purge_id: None }
}

pub(super) fn session(session_id: SessionId, device_id: DeviceId, user_id: UserId) -> Session {
    Session {
        session_id,
        organisation_id: organisation_of(user_id == STRANGER),
        user_id,
        device_id,
        refresh_hash: [0xff; 32],
        previous_hash: None,
        salt: [0; 32],
        rotated_at: NOW,
        expires_at: NOW.plus_ms(1_000),
        ended_at: None,
    }
}

pub(super) fn key(collection: &str, id: &str) -> DocumentKey {
    DocumentKey::new(collection, id).expect("a valid key")
}

pub(super) fn raw(text: &str) -> RawJson {
    RawJson::from_stored(text.to_owned()).expect("valid JSON")
}

pub(super) fn author(number: u128) -> Author {
    Author { user_id: ANA, device_id: TABLET, op_id: OpId(id(number)) }
}

pub(super) fn document(key: DocumentKey, version: i64) -> DocumentRow {
    DocumentRow {
        key,
        version,
        presence: Presence { created: 1, live_since: 1, deleted: false },
        body: raw(r#"{"n":1}"#),
        fields: "{}".into(),
        by: author(100),
        at: NOW,
        foreign_version: 0,
        audience: Audience::EVERYONE,
        audience_ever: Audience::EVERYONE,
        audience_version: 1,
        open_conflicts: 0,
    }
}

pub(super) fn change(key: DocumentKey, version: i64) -> ChangeRow {
    ChangeRow { version, previous: 0, key, was_live: true, before: raw(r#"{"n":null}"#), by: author(100), at: NOW }
}

pub(super) fn operation(number: u128) -> StoredOperation {
    StoredOperation {
        organisation_id: ORGANISATION,
        op_id: OpId(id(number)),
        identity: [0x80; 32],
        user_id: ANA,
        device_id: TABLET,
        space_id: SPACE,
        key: "guests/a".into(),
        status: Status::Applied,
        decided_version: None,
        head: 0,
        conflict_id: None,
        decided_at: NOW,
        group: None,
        problem: None,
        payload: raw("{}"),
        overlay: None,
        policy_version: None,
        corrected_at: None,
        received_at: None,
        attempts: None,
        decisions: None,
    }
}
