//! Problems: one code for each thing that can be wrong, with words for people.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::OpId;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $title:literal, $retryable:literal;)*) => {
        /// What went wrong. The table in `docs/errors.md` says for each what to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// A short sentence for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }

            /// Whether the same request may succeed later.
            #[must_use]
            pub const fn retryable(self) -> bool {
                match self { $(Self::$variant => $retryable),* }
            }
        }
    };
}

codes! {
    /// The body is not I-JSON.
    MalformedJson = "malformed_json", "The body is not valid JSON", false;
    /// A member has the wrong type or form, or is missing.
    Malformed = "malformed", "A member is missing or has the wrong form", false;
    /// An integer beyond ±2^53.
    NumberRange = "number_range", "A number is too large to be carried exactly", false;
    /// Over a limit in bytes, depth or count.
    TooLarge = "too_large", "This is larger than the server takes", false;
    /// The body did not arrive in time.
    RequestTimeout = "request_timeout", "The body took too long to arrive", true;
    /// `protocol` names no version that is spoken here.
    UnsupportedProtocol = "unsupported_protocol", "The protocol version is not supported", false;
    /// The body is not `application/json`, or encoded in a way that is not read here.
    UnsupportedMediaType = "unsupported_media_type", "The body's type or encoding is not supported", false;
    /// No such path.
    NotFound = "not_found", "There is nothing here", false;
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", "This method is not offered here", false;
    /// No token, or one that is not known, expired or ended.
    Unauthenticated = "unauthenticated", "Log in first", false;
    /// Email and password do not belong together.
    WrongCredentials = "wrong_credentials", "Email or password is wrong", false;
    /// Who is logged in already gave a wrong password.
    WrongPassword = "wrong_password", "The present password is wrong", false;
    /// The refresh token is not known, expired, ended or was used before.
    InvalidRefreshToken = "invalid_refresh_token", "Log in again", false;
    /// A provider of identity let nobody in, or what it said is not believed.
    SignInRefused = "sign_in_refused", "The login by the provider did not succeed", false;
    /// Whoever a provider knows has no account here.
    NotLinked = "not_linked", "There is no account for you here", false;
    /// No such provider of identity.
    UnknownProvider = "unknown_provider", "There is no such provider of identity", false;
    /// The caller may not do this.
    Forbidden = "forbidden", "You may not do this", false;
    /// The tenant is locked.
    OrganisationLocked = "organisation_locked", "Your organisation is locked", true;
    /// The tenant takes no writes.
    OrganisationReadOnly = "organisation_read_only", "Your organisation takes no changes for now", true;
    /// The device may do nothing for now.
    DeviceSuspended = "device_suspended", "This device is suspended", true;
    /// An owner can't confirm what they asked for themselves.
    SameOwner = "same_owner", "Another owner has to confirm this", false;
    /// A logout would leave work behind.
    UnsentWork = "unsent_work", "This device has unsent work", false;
    /// The email belongs to somebody already.
    EmailTaken = "email_taken", "This email has an account already", false;
    /// The last lead can't leave.
    LastLead = "last_lead", "A space keeps at least one lead", false;
    /// No such space, or never granted.
    UnknownSpace = "unknown_space", "There is no such space for you", false;
    /// No such user in the organisation.
    UnknownUser = "unknown_user", "There is no such user", false;
    /// No such device of the caller.
    UnknownDevice = "unknown_device", "There is no such device of yours", false;
    /// The space's schema has no such collection.
    UnknownCollection = "unknown_collection", "The space's schema has no such collection", false;
    /// A value is not of its field's type.
    WrongType = "wrong_type", "A value does not fit its field", false;
    /// A field, or a document, that devices do not write, or not any more.
    ReadOnly = "read_only", "This is not written by devices", false;
    /// Only an owner decides this.
    NotOwner = "not_owner", "Only an owner decides this", false;
    /// The document does not exist in the sender's view.
    UnknownDocument = "unknown_document", "There is no such document", false;
    /// The intent's name is not known.
    UnknownIntent = "unknown_intent", "There is no such intent", false;
    /// No such conflict in the caller's view.
    UnknownConflict = "unknown_conflict", "There is no such question", false;
    /// Somebody else is asked.
    NotAsked = "not_asked", "Somebody else is asked about this", false;
    /// There is no answer to take back.
    NothingToUndo = "nothing_to_undo", "There is no answer to take back", false;
    /// What an answer made was changed again.
    ChangedSince = "changed_since", "It was changed again since the answer", false;
    /// No such preference of the caller's.
    UnknownPreference = "unknown_preference", "There is no such preference", false;
    /// No such operation that the caller may see.
    UnknownOperation = "unknown_operation", "There is no such operation", false;
    /// No such purge of the caller's.
    UnknownPurge = "unknown_purge", "There is no such purge", false;
    /// An operation that somebody took out of the queue.
    Discarded = "discarded", "It was discarded from the queue", false;
    /// A worker has it right now.
    Leased = "leased", "A worker is at it", true;
    /// It did not fail: there is nothing to discard or to edit.
    NotFailed = "not_failed", "It did not fail", false;
    /// No such task of the caller's.
    UnknownTask = "unknown_task", "There is no such task", false;
    /// No such record of the audit log that the caller may see.
    UnknownRecord = "unknown_record", "There is no such record", false;
    /// A record, or a leaf, that has no place in the audit log's tree yet.
    NotYetSequenced = "not_yet_sequenced", "It has no place in the log yet", true;
    /// A device was shown another audit log.
    AuditFork = "audit_fork", "The audit log is not the one that the device was shown", false;
    /// The id was used for something else.
    OpIdReuse = "op_id_reuse", "This op_id was used for another operation", false;
    /// The digest does not fit the operation.
    DigestMismatch = "digest_mismatch", "The operation does not match its digest", false;
    /// The predecessor was refused.
    PredecessorRejected = "predecessor_rejected", "What this builds on was refused", false;
    /// A dependency was refused.
    DependencyRejected = "dependency_rejected", "What this depends on was refused", false;
    /// Operations depend on each other in a circle.
    DependencyCycle = "dependency_cycle", "Operations depend on each other in a circle", false;
    /// What this comes after or depends on is not here yet.
    NotHereYet = "not_here_yet", "What this builds on is not here yet", true;
    /// What this builds on is a dead letter.
    PredecessorParked = "predecessor_parked", "What this builds on waits in the dead letters", false;
    /// The server could not decide it.
    ProcessingFailed = "processing_failed", "The server could not decide this operation", false;
    /// No such batch of the caller's.
    UnknownBatch = "unknown_batch", "There is no such batch", false;
    /// Another member of the group would not go through.
    GroupMember = "group_member", "Another operation of the group did not go through", false;
    /// The group was stored before.
    GroupClosed = "group_closed", "This group was sent before", false;
    /// A group's operations name several spaces.
    GroupSpaces = "group_spaces", "A group stays within one space", false;
    /// The sender was a member once.
    FormerMember = "former_member", "You are no longer a member; kept for the lead", false;
    /// The sender's role does not allow it.
    RoleForbids = "role_forbids", "Your role does not allow this; kept for the lead", false;
    /// The space is archived.
    SpaceArchived = "space_archived", "The space is archived; kept for the lead", false;
    /// The document was deleted so long ago that only its id is kept.
    BodyGone = "body_gone", "Only the document's id is kept", false;
    /// Its document is not known and its epoch is another.
    OtherEpoch = "other_epoch", "Written against another history; kept for the lead", false;
    /// A snapshot's mark is of another epoch or view, or too old, or none of the caller's.
    SnapshotGone = "snapshot_gone", "This snapshot can't be resumed; begin anew", false;
    /// The server or its database can't do it now.
    Unavailable = "unavailable", "Not possible right now", true;
    /// Somebody asks more often than they may.
    RateLimited = "rate_limited", "Too many requests", true;
    /// Too much at once.
    Overloaded = "overloaded", "Too much at once", true;
    /// The commit's outcome is not known.
    UnknownOutcome = "unknown_outcome", "The outcome is not known; send the same again", true;
    /// A fault of the server.
    Internal = "internal", "The server made a mistake", true;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A problem as it is told, of a request or of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Which.
    pub code: Code,
    /// What, why, and what to do.
    pub detail: String,
    /// Where in the request (RFC 6901).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The operation that caused it, when that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub culprit: Option<OpId>,
    /// How long to wait at least before the same is tried again, in milliseconds, where that is known.
    #[serde(skip)]
    pub retry_after_ms: Option<u64>,
}

impl Problem {
    /// A problem in words.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), pointer: None, culprit: None, retry_after_ms: None }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// Says when the same may succeed.
    #[must_use]
    pub fn after_ms(mut self, wait_ms: u64) -> Self {
        self.retry_after_ms = Some(wait_ms);
        self
    }

    /// Says who.
    #[must_use]
    pub fn caused_by(mut self, op_id: OpId) -> Self {
        self.culprit = Some(op_id);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}
