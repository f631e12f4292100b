//! What is known of devices, and tickets for sockets.

use std::slice::from_ref;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use sync_core::ports::{AccessGrant, DeviceState, DeviceStateRows, Member, SocketRows, SpaceStatus, StoreResult};
use sync_core::{DeviceId, OrganisationId, SessionId, SpaceId, Timestamp, UserId};

use super::containment::footing;
use super::dialect;
use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::{DeviceStateRecord, GrantRecord, MemberRecord};
use crate::schema::{device_states as states, devices, members, operations, organisations, sessions, space_heads, spaces, tickets, users};
use crate::values::{Id, Instant};

impl DeviceStateRows for Rows<'_> {
    fn put_device_states(&mut self, rows: &[DeviceState]) -> StoreResult<()> {
        // always in the same order, so that two nodes that do so at once wait for each other and never deadlock
        let mut rows: Vec<_> = rows.iter().collect();
        rows.sort_by_key(|row| row.device_id);
        let bulk = Insert::<states::table, _>::into("device_states", &rows, Taken::Replace)
            .key(states::device_id, |row| row.device_id.as_bytes())
            .column(states::organisation_id, |row| row.organisation_id.as_bytes())
            .column(states::user_id, |row| row.user_id.as_bytes())
            .column(states::seen_at, |row| row.seen_at.millis())
            .column(states::body, |row| row.body.as_str().as_bytes())
            .build();
        self.insert(&bulk).map(drop)
    }

    fn load_device_states(&mut self, organisation_id: OrganisationId, device_ids: &[DeviceId]) -> StoreResult<Vec<DeviceState>> {
        self.load_each(device_ids, |conn, ids| -> QueryResult<Vec<DeviceStateRecord>> {
            states::table
                .filter(dialect::any_of!(states::device_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .filter(states::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .load(conn)
        })
    }

    fn list_device_states(&mut self, organisation_id: OrganisationId, user_ids: &[UserId]) -> StoreResult<Vec<DeviceState>> {
        self.load_each(user_ids, |conn, ids| -> QueryResult<Vec<DeviceStateRecord>> {
            states::table
                .filter(dialect::any_of!(states::user_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .filter(states::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .load(conn)
        })
    }

    fn count_quarantined(
        &mut self,
        organisation_id: OrganisationId,
        device_id: DeviceId,
        space_ids: Option<&[SpaceId]>,
    ) -> StoreResult<i64> {
        // written out, so that the index of these few is seen to fit
        let of_device = || {
            operations::table
                .filter(sql::<Bool>("\"status\" = 'quarantined'"))
                .filter(operations::device_id.eq(device_id.as_bytes().as_slice()))
                .filter(operations::organisation_id.eq(organisation_id.as_bytes().as_slice()))
        };
        let Some(space_ids) = space_ids else { return self.send(|conn| of_device().count().get_result(conn)) };
        let mut total = 0;
        for chunk in dialect::chunks(space_ids) {
            let in_spaces = dialect::any_of!(operations::space_id, chunk.iter().map(|id| id.as_bytes().as_slice()));
            total += self.send(|conn| -> QueryResult<i64> { of_device().filter(in_spaces).count().get_result(conn) })?;
        }
        Ok(total)
    }
}

impl SocketRows for Rows<'_> {
    fn insert_ticket(&mut self, hash: &[u8; 32], session_id: SessionId, expires_at: Timestamp) -> StoreResult<()> {
        let bulk = Insert::<tickets::table, _>::into("tickets", from_ref(hash), Taken::Fail)
            .key(tickets::hash, |hash| hash)
            .column(tickets::session_id, |_| session_id.as_bytes())
            .column(tickets::expires_at, |_| expires_at.millis())
            .build();
        self.insert(&bulk).map(drop)
    }

    fn take_ticket(&mut self, hash: &[u8; 32]) -> StoreResult<Option<(SessionId, Timestamp)>> {
        let found = self.load(|conn| -> QueryResult<Vec<(Id, Instant)>> {
            let own = tickets::table.find(hash.as_slice());
            diesel::delete(own).returning((tickets::session_id, tickets::expires_at)).load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn drop_tickets(&mut self, before: Timestamp) -> StoreResult<()> {
        let ended = tickets::table.filter(tickets::expires_at.lt(before.millis()));
        self.send(|conn| diesel::delete(ended).execute(conn)).map(drop)
    }

    fn list_current_members(&mut self, space_ids: &[SpaceId]) -> StoreResult<Vec<Member>> {
        self.load_each(space_ids, |conn, ids| -> QueryResult<Vec<MemberRecord>> {
            members::table
                .inner_join(spaces::table.on(spaces::space_id.eq(members::space_id)))
                .filter(dialect::any_of!(members::space_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .filter(members::removed_at.is_null())
                .filter(spaces::status.ne(SpaceStatus::Deleted.as_str()))
                .select(members::all_columns)
                .load(conn)
        })
    }

    fn find_session_grant(&mut self, session_id: SessionId) -> StoreResult<Option<AccessGrant>> {
        let found = self.load(|conn| -> QueryResult<Vec<GrantRecord>> {
            sessions::table
                .inner_join(organisations::table.on(organisations::organisation_id.eq(sessions::organisation_id)))
                .inner_join(users::table.on(users::user_id.eq(sessions::user_id)))
                .inner_join(devices::table.on(devices::device_id.eq(sessions::device_id)))
                .filter(sessions::session_id.eq(session_id.as_bytes().as_slice()))
                .select((
                    sessions::session_id,
                    sessions::organisation_id,
                    sessions::user_id,
                    sessions::device_id,
                    users::admin,
                    sessions::expires_at,
                    footing!(),
                    devices::wipe_id,
                    devices::wipe_confirmed_at,
                ))
                .load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn list_heads(&mut self, space_ids: &[SpaceId]) -> StoreResult<Vec<(SpaceId, i64)>> {
        self.load_each(space_ids, |conn, ids| -> QueryResult<Vec<(Id, i64)>> {
            space_heads::table
                .filter(dialect::any_of!(space_heads::space_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .select((space_heads::space_id, space_heads::head))
                .load(conn)
        })
    }
}
