//! What a merge gives: the document, and what became of everything that two sides said of one place.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sync_core::json::Object;

/// What a merge gives.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// The merged value; disputed places hold *ours*, or what the strategy keeps live until somebody answers.
    pub merged: Value,
    /// What somebody must decide, by path.
    pub disputes: Vec<Dispute>,
    /// What the sender may only propose: to be kept as change requests.
    pub proposals: Vec<Proposal>,
    /// Values that a strategy outvoted.
    pub notes: Vec<Note>,
    /// How each place that both sides changed was decided, in the order of the paths.
    pub decisions: Vec<Decision>,
}

impl Outcome {
    /// The merged document, where the merge was of objects.
    #[must_use]
    pub fn into_object(self) -> Object {
        match self.merged {
            Value::Object(object) => object,
            _ => Object::new(),
        }
    }

    /// Whether nobody needs to be asked.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.disputes.is_empty()
    }
}

/// A place where both sides changed the same thing differently.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispute {
    /// An RFC 6901 pointer. Inside a keyed list a token is the item's id, not its index, so that the place stays the
    /// same when items move.
    pub path: String,
    /// What both started from; `None`: absent.
    pub base: Option<Value>,
    /// What is live; `None`: absent.
    pub ours: Option<Value>,
    /// What the sender wrote; `None`: absent.
    pub theirs: Option<Value>,
    /// Which side the sender would choose, where they said so.
    pub suggested: Option<SuggestedSide>,
    /// Why it is asked.
    pub reason: Reason,
}

/// The side that a hint names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuggestedSide {
    /// The server's value.
    Ours,
    /// The sender's value.
    Theirs,
}

/// A value that its sender may only propose.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The place.
    pub path: String,
    /// What the sender had seen there.
    pub base: Option<Value>,
    /// What is live, and stays.
    pub ours: Option<Value>,
    /// What they propose; `None`: that it is taken away.
    pub theirs: Option<Value>,
    /// The owners, as the schema names them.
    pub owners: Vec<String>,
}

/// A value that a strategy did not take.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// The place.
    pub path: String,
    /// The side that was not taken.
    pub side: SuggestedSide,
    /// Its value; `None`: absent.
    pub outvoted: Option<Value>,
}

/// How one place was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The place.
    #[serde(rename = "p")]
    pub path: String,
    /// The strategy's name.
    #[serde(rename = "s")]
    pub strategy: String,
    /// The outcome.
    #[serde(rename = "d")]
    pub decided: Decided,
    /// Why.
    #[serde(rename = "r")]
    pub reason: Reason,
}

/// Whose value a place has now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    /// The server's.
    Ours,
    /// The sender's.
    Theirs,
    /// Something of both.
    Merged,
    /// Somebody is asked.
    Conflict,
    /// The sender's became a change request.
    Proposed,
    /// It was so already.
    Noop,
}

/// Why a place was decided as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Both sides changed the same thing, differently.
    BothChanged,
    /// One side took away what the other edited.
    DeletedAndEdited,
    /// Both sides changed the same words.
    SameWords,
    /// Both sides' words stand one after the other until somebody looks.
    BothKept,
    /// Both sides changed it in different places.
    DifferentPlaces,
    /// The newer edit counts here.
    Newest,
    /// The earlier edit counts here.
    Earliest,
    /// The higher state counts here.
    Higher,
    /// The lower value counts here.
    Lower,
    /// The more protective value counts here.
    Safer,
    /// Both differences were added.
    Added,
    /// The sender does not own this.
    NotAnOwner,
    /// The sender owns this, and the other side does not.
    Owner,
    /// The other side owns this, and the sender does not.
    OtherOwner,
    /// Two who own this disagree.
    TwoOwners,
    /// It is set once.
    SetOnce,
    /// Only the server writes it.
    ServerOnly,
    /// It is encrypted, and can't be put together.
    Encrypted,
    /// The values are not of a kind that the strategy can compare.
    NotComparable,
    /// Both sides moved the same item to different places.
    BothMoved,
    /// Both sides added what may be the same entry.
    MaybeTwice,
    /// These fields make sense only together.
    Together,
    /// Of two versions the higher one.
    HigherVersion,
    /// What nobody needed any more was taken away.
    Removed,
    /// One side only changed spaces, punctuation or letter case.
    Cosmetic,
    /// As people decided such questions before.
    Learned,
}

impl Reason {
    /// The reason in plain words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::BothChanged => "both sides changed it, differently",
            Self::DeletedAndEdited => "one side took it away and the other changed it",
            Self::SameWords => "both sides changed the same words",
            Self::BothKept => "both sides changed the same words: both stand here until somebody looks",
            Self::DifferentPlaces => "both sides changed it, in different places: both are in",
            Self::Newest => "the newer edit counts here",
            Self::Earliest => "the earlier edit counts here",
            Self::Higher => "the higher value counts here",
            Self::Lower => "the lower value counts here",
            Self::Safer => "the more protective value counts here",
            Self::Added => "both differences were added",
            Self::NotAnOwner => "its owners decide about it: the change was proposed to them",
            Self::Owner => "its owner's value counts",
            Self::OtherOwner => "the value of its owner was live, and counts",
            Self::TwoOwners => "two people who may decide about it disagree",
            Self::SetOnce => "it is set once, and was set before",
            Self::ServerOnly => "the server works it out; what devices write does not count",
            Self::Encrypted => "it is encrypted, and both sides changed it",
            Self::NotComparable => "the two values can't be compared",
            Self::BothMoved => "both sides moved the same item",
            Self::MaybeTwice => "both sides added what may be the same entry: both are in until somebody looks",
            Self::Together => "these fields make sense only together, and both sides changed them",
            Self::HigherVersion => "the higher version counts",
            Self::Removed => "one side took it away, and the other only changed it a little",
            Self::Cosmetic => "one side only changed spaces, punctuation or letter case: the other's words count",
            Self::Learned => "it was decided as people decided such questions before",
        }
    }
}
