//! The SQL of the floor: what one push writes into each table. Spelled out, so that it is as fast as each database
//! allows and does not change with the server's own statements; a test holds both against each other.

use sync_core::SpaceId;
use sync_core::ports::{ChangeRow, CollectionSum, DocumentRow};

/// The text around the rows.
pub(super) struct Sql {
    pub(super) head: &'static str,
    pub(super) tail: &'static str,
}

pub(super) const DOCUMENTS: Sql = Sql {
    head: "INSERT INTO documents (space_id, key, version, created, live_since, deleted, body, fields, by_user_id, by_device_id, by_op_id, \
           changed_at, foreign_version, audience, audience_ever, audience_version, open_conflicts) ",
    tail: " ON CONFLICT (space_id, key) DO UPDATE SET version = excluded.version, created = excluded.created, \
           live_since = excluded.live_since, deleted = excluded.deleted, body = excluded.body, fields = excluded.fields, \
           by_user_id = excluded.by_user_id, by_device_id = excluded.by_device_id, by_op_id = excluded.by_op_id, \
           changed_at = excluded.changed_at, foreign_version = excluded.foreign_version, audience = excluded.audience, \
           audience_ever = excluded.audience_ever, audience_version = excluded.audience_version, open_conflicts = excluded.open_conflicts",
};

pub(super) const CHANGES: Sql = Sql {
    head: "INSERT INTO changes (space_id, version, previous, key, was_live, before, by_user_id, by_device_id, by_op_id, changed_at) ",
    tail: "",
};

pub(super) const OPERATIONS: Sql = Sql {
    head: "INSERT INTO operations (organisation_id, op_id, identity, user_id, device_id, space_id, key, status, decided_version, head, \
           conflict_id, decided_at, group_id, problem, payload, overlay, policy_version, corrected_at, decisions) ",
    tail: "",
};

pub(super) const SUMS: Sql = Sql {
    head: "INSERT INTO collection_sums (space_id, collection, audience, documents, sum) ",
    tail: " ON CONFLICT (space_id, collection, audience) DO UPDATE SET documents = excluded.documents, sum = excluded.sum",
};

/// A document of a space.
pub(super) type SpaceDocument = (SpaceId, DocumentRow);
/// A change of a space.
pub(super) type SpaceChange = (SpaceId, ChangeRow);
/// A sum of a space.
pub(super) type SpaceSum = (SpaceId, CollectionSum);

/// Hands the tables that take rows, with their columns in the order of the text, to a macro that makes statements of
/// them for one database.
macro_rules! for_each_table {
    ($define:ident) => {
        $define! {
            PutDocuments(row: SpaceDocument) DOCUMENTS {
                space_id: Binary = row.0.as_bytes(),
                key: Text = row.1.key.as_str(),
                version: BigInt = row.1.version,
                created: BigInt = row.1.presence.created,
                live_since: BigInt = row.1.presence.live_since,
                deleted: Bool = row.1.presence.deleted,
                body: Binary = row.1.body.as_str().as_bytes(),
                fields: Binary = row.1.fields.as_slice(),
                by_user_id: Binary = row.1.by.user_id.as_bytes(),
                by_device_id: Binary = row.1.by.device_id.as_bytes(),
                by_op_id: Binary = row.1.by.op_id.as_bytes(),
                changed_at: BigInt = row.1.at.millis(),
                foreign_version: BigInt = row.1.foreign_version,
                audience: Integer = row.1.audience.bits(),
                audience_ever: Integer = row.1.audience_ever.bits(),
                audience_version: BigInt = row.1.audience_version,
                open_conflicts: Integer = row.1.open_conflicts,
            }
        }
        $define! {
            InsertChanges(row: SpaceChange) CHANGES {
                space_id: Binary = row.0.as_bytes(),
                version: BigInt = row.1.version,
                previous: BigInt = row.1.previous,
                key: Text = row.1.key.as_str(),
                was_live: Bool = row.1.was_live,
                before: Binary = row.1.before.as_str().as_bytes(),
                by_user_id: Binary = row.1.by.user_id.as_bytes(),
                by_device_id: Binary = row.1.by.device_id.as_bytes(),
                by_op_id: Binary = row.1.by.op_id.as_bytes(),
                changed_at: BigInt = row.1.at.millis(),
            }
        }
        $define! {
            InsertOperations(row: StoredOperation) OPERATIONS {
                organisation_id: Binary = row.organisation_id.as_bytes(),
                op_id: Binary = row.op_id.as_bytes(),
                identity: Binary = &row.identity,
                user_id: Binary = row.user_id.as_bytes(),
                device_id: Binary = row.device_id.as_bytes(),
                space_id: Binary = row.space_id.as_bytes(),
                key: Binary = row.key.as_bytes(),
                status: Text = row.status.as_str(),
                decided_version: Nullable<BigInt> = row.decided_version,
                head: BigInt = row.head,
                conflict_id: Nullable<Binary> = row.conflict_id.as_ref().map(|id| id.as_bytes().as_slice()),
                decided_at: BigInt = row.decided_at.millis(),
                group_id: Nullable<Binary> = row.group.as_deref().map(str::as_bytes),
                problem: Nullable<Binary> = row.problem.as_ref().map(|json| json.as_str().as_bytes()),
                payload: Binary = row.payload.as_str().as_bytes(),
                overlay: Nullable<Binary> = row.overlay.as_ref().map(|json| json.as_str().as_bytes()),
                policy_version: Nullable<Integer> = row.policy_version,
                corrected_at: Nullable<BigInt> = row.corrected_at.map(sync_core::Timestamp::millis),
                decisions: Nullable<Binary> = row.decisions.as_ref().map(|json| json.as_str().as_bytes()),
            }
        }
        $define! {
            PutSums(row: SpaceSum) SUMS {
                space_id: Binary = row.0.as_bytes(),
                collection: Text = row.1.collection.as_str(),
                audience: Integer = row.1.audience.bits(),
                documents: BigInt = row.1.documents,
                sum: BigInt = row.1.sum.cast_signed(),
            }
        }
    };
}
pub(super) use for_each_table;
