//! The frames that a server sends, as they stand on the wire (`docs/protocol.md`, "Realtime").

use serde::Serialize;
use sync_core::conflict::ConflictKind;
use sync_core::{BatchId, ConflictId, OpId, Problem, SpaceId};

use crate::devices::Presence;

/// Why a device is to pull instead of applying what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Poke {
    /// More changed than a frame carries, or the device has not read everything yet.
    Behind,
    /// Its cursor is of no use here any more: pull tells why.
    Reset,
    /// Its role changed: pull tells what that means.
    Rights,
    /// It speaks a schema that is too old to be sent documents.
    Upgrade,
}

/// What ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Revoked {
    /// The membership in the space that is named.
    Membership,
    /// The login: it ended, or its device was revoked. The connection closes.
    Session,
    /// The device is suspended. The connection closes.
    DeviceSuspended,
    /// The organisation is locked. The connection closes.
    OrganisationLocked,
}

/// A question, as a frame names it. What it asks stands in its document, which came in the `change` before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Question {
    /// In which space.
    pub(crate) space_id: SpaceId,
    /// Which.
    pub(crate) conflict_id: ConflictId,
    /// The version at which something in it last changed.
    pub(crate) version: i64,
    /// The collection of the document that it is about.
    pub(crate) collection: String,
    /// The document.
    pub(crate) document_id: String,
    /// Why it could not be merged.
    pub(crate) kind: ConflictKind,
}

/// How far a batch is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Progress {
    /// Which.
    pub(crate) batch_id: BatchId,
    /// Operations taken.
    pub(crate) operations: i64,
    /// Of these, decided.
    pub(crate) decided: i64,
    /// Bytes taken.
    pub(crate) bytes: i64,
    /// Of these, decided.
    pub(crate) decided_bytes: i64,
}

/// A frame that carries no documents.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Frame {
    /// A batch went on.
    Progress(Progress),
    /// A batch is decided.
    Completed(Progress),
    /// A question was opened, or something of an open one changed.
    Conflict(Question),
    /// A question was answered.
    Resolved(Question),
    /// Something failed: operations of this device are dead letters, or a frame of the client's could not be done.
    Failed {
        /// In which space.
        #[serde(skip_serializing_if = "Option::is_none")]
        space_id: Option<SpaceId>,
        /// Dead letters that this device has there now.
        #[serde(skip_serializing_if = "Option::is_none")]
        parked: Option<i64>,
        /// Some of them.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        op_ids: Vec<OpId>,
        /// What the client did wrong.
        #[serde(skip_serializing_if = "Option::is_none")]
        problem: Option<Problem>,
    },
    /// Devices of members that came, went, or were not heard of for too long.
    Presence {
        /// The space that is shared with them.
        space_id: SpaceId,
        /// Each with its owner, since when, and that in words.
        devices: Vec<Presence>,
    },
    /// What the device keeps beside documents is out of date.
    Cache {
        /// The space that it is about.
        space_id: SpaceId,
        /// What: `schema`.
        what: &'static str,
        /// Its version now.
        version: u32,
    },
    /// Something was taken away.
    Revoked {
        /// The space, where it was a membership.
        #[serde(skip_serializing_if = "Option::is_none")]
        space_id: Option<SpaceId>,
        /// What.
        what: Revoked,
    },
    /// Come back later.
    Backoff {
        /// After this long, in milliseconds.
        retry_after_ms: u64,
        /// `draining`: this server stops, another may be there at once. `busy`: the database is.
        reason: &'static str,
    },
    /// The answer to `ping`.
    Pong {},
}

/// A frame's text: its members behind `type`, with an `id` among them.
pub(crate) fn text_of(frame: &Frame, id: u64) -> String {
    let text = serde_json::to_string(frame).unwrap_or_default();
    let members = text.strip_suffix('}').unwrap_or_default();
    format!("{members},\"id\":\"{id}\"}}")
}

/// The text of a `change` that carries documents. `items` is an array in JSON; the cursors are base64url.
pub(crate) fn change(id: u64, space_id: SpaceId, since: &str, cursor: &str, items: &str) -> String {
    format!(
        "{{\"type\":\"change\",\"id\":\"{id}\",\"space_id\":\"{space_id}\",\"since\":\"{since}\",\"cursor\":\"{cursor}\",\"items\":{items}}}"
    )
}

/// The text of a `change` that carries none: a poke.
pub(crate) fn poke(id: u64, space_id: SpaceId, since: Option<&str>, reason: Poke) -> String {
    let since = since.map(|since| format!("\"since\":\"{since}\",")).unwrap_or_default();
    let reason = serde_json::to_string(&reason).unwrap_or_default();
    format!("{{\"type\":\"change\",\"id\":\"{id}\",\"space_id\":\"{space_id}\",{since}\"reason\":{reason}}}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(text: &str, expected: &Value) {
        assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), expected);
    }

    #[test]
    fn frames_are_json_with_a_type_and_an_id() {
        let space_id = SpaceId(uuid::Uuid::nil());
        let nil = "00000000-0000-0000-0000-000000000000";
        check(&text_of(&Frame::Pong {}, 7), &json!({"type": "pong", "id": "7"}));
        let revoked = Frame::Revoked { space_id: Some(space_id), what: Revoked::Membership };
        check(&text_of(&revoked, 1), &json!({"type": "revoked", "id": "1", "space_id": nil, "what": "membership"}));
        let busy = Frame::Backoff { retry_after_ms: 5, reason: "busy" };
        check(&text_of(&busy, 2), &json!({"type": "backoff", "id": "2", "retry_after_ms": 5, "reason": "busy"}));
        check(
            &change(3, space_id, "a", "b", "[{}]"),
            &json!({"type": "change", "id": "3", "space_id": nil, "since": "a", "cursor": "b", "items": [{}]}),
        );
        check(&poke(4, space_id, None, Poke::Behind), &json!({"type": "change", "id": "4", "space_id": nil, "reason": "behind"}));
        check(
            &poke(4, space_id, Some("c"), Poke::Rights),
            &json!({"type": "change", "id": "4", "space_id": nil, "since": "c", "reason": "rights"}),
        );
    }
}
