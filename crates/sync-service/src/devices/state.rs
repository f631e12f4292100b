//! How a device fares, as one word.

use sync_core::protocol::v1::status::{DeviceCondition, PresenceState};

/// What the word is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "facts that do not exclude each other")]
pub(super) struct Facts {
    /// It was revoked.
    pub(super) revoked: bool,
    /// Whether it is here.
    pub(super) presence: PresenceState,
    /// Something of it waits for a person: it is parked.
    pub(super) parked: bool,
    /// Its outbox does not drain.
    pub(super) stuck: bool,
    /// Something of it is queued, or a batch of it is under way.
    pub(super) queued: bool,
    /// Something waits on it, or pages wait for it.
    pub(super) unfinished: bool,
    /// It lacks changes of a space.
    pub(super) lags: bool,
}

/// How a device fares. Of several that are true the first counts: `revoked`, because nothing else helps it; `silent`,
/// because what is known of it is old; `blocked`, because a person is needed; `syncing` while something is queued, or is
/// unfinished and the device is here; `behind` where something is unfinished and it is away, or it lacks changes; `idle`.
pub(super) fn condition(facts: Facts) -> DeviceCondition {
    let here = facts.presence == PresenceState::Here;
    if facts.revoked {
        DeviceCondition::Revoked
    } else if facts.presence == PresenceState::Silent {
        DeviceCondition::Silent
    } else if facts.parked || facts.stuck {
        DeviceCondition::Blocked
    } else if facts.queued || (facts.unfinished && here) {
        DeviceCondition::Syncing
    } else if facts.unfinished || facts.lags {
        DeviceCondition::Behind
    } else {
        DeviceCondition::Idle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_first_counts() {
        use DeviceCondition::{Behind, Blocked, Idle, Revoked, Silent, Syncing};
        use PresenceState::{Away, Here};
        let presence = [Here, Away, PresenceState::Silent];
        // revoked, presence, parked, stuck, queued, unfinished, lags
        for (revoked, presence, parked, stuck, queued, unfinished, lags, expected) in [
            (true, presence[2], true, true, true, true, true, Revoked),
            (false, presence[2], true, true, true, true, true, Silent),
            (false, Here, true, true, true, true, true, Blocked),
            (false, Away, true, false, true, true, true, Blocked),
            (false, Away, false, true, true, true, true, Blocked),
            (false, Away, false, false, true, true, true, Syncing),
            (false, Here, false, false, true, false, false, Syncing),
            (false, Here, false, false, false, true, true, Syncing),
            (false, Away, false, false, false, true, true, Behind),
            (false, Away, false, false, false, true, false, Behind),
            (false, Here, false, false, false, false, true, Behind),
            (false, Here, false, false, false, false, false, Idle),
            (false, Away, false, false, false, false, false, Idle),
        ] {
            let facts = Facts { revoked, presence, parked, stuck, queued, unfinished, lags };
            assert_eq!(condition(facts), expected, "{facts:?}");
        }
    }
}
