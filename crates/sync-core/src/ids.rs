//! Identifiers: one newtype per thing, so that a device can never be passed where a user is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The 16 bytes, as stored.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From the 16 stored bytes; `None` when the slice has another length.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                Uuid::from_slice(bytes).ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// A tenant: one studio, venue or planner's business.
    OrganisationId
);
uuid_id!(
    /// A person who logs in.
    UserId
);
uuid_id!(
    /// One installation of an app, bound to one user at login.
    DeviceId
);
uuid_id!(
    /// The unit of sharing, ordering and access: one wedding.
    SpaceId
);
uuid_id!(
    /// A device's operation, unique in its organisation; resolutions share this space of ids.
    OpId
);
uuid_id!(
    /// A stored conflict.
    ConflictId
);
uuid_id!(
    /// One login: the family of its refresh tokens.
    SessionId
);

uuid_id!(
    /// A request whose operations went into the queue.
    BatchId
);
uuid_id!(
    /// Work on many items of the queue that goes on in the background.
    TaskId
);

/// A version 7 UUID (RFC 9562) from an instant and 10 random bytes, for code that gets both through ports.
#[must_use]
pub fn uuid_v7(now: crate::Timestamp, random: [u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(now.unsigned_millis(), &random).into_uuid()
}
