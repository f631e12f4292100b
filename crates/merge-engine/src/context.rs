//! Who merges, what they said, and what is known of who wrote what is live.

use sync_core::json::Object;
use sync_core::operation::Hint;
use sync_core::{Role, Stamp, UserId};

use crate::experience::Advisor;

/// How much is decided without asking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Asks whenever two people really disagree, unless the schema says how to decide.
    #[default]
    Careful,
    /// Decides also by the policies that hold without a schema, and by learned preferences.
    Assisted,
}

/// A person in their role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// The person.
    pub user_id: UserId,
    /// Their role in the space now.
    pub role: Role,
}

/// Who wrote a value, and when by the corrected hybrid clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writer {
    /// Who; `None`: not known any more.
    pub actor: Option<Actor>,
    /// When.
    pub stamp: Stamp,
}

/// What is known of who wrote what is live.
pub trait Provenance {
    /// Who wrote a top-level member of *ours* last; `None`: not known.
    fn writer(&self, member: &str) -> Option<Writer>;

    /// Whether somebody wrote a top-level member of *ours* since the base, even if it came back to the same value.
    fn rewritten(&self, member: &str) -> bool;
}

/// Nothing is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProvenance;

impl Provenance for NoProvenance {
    fn writer(&self, _: &str) -> Option<Writer> {
        None
    }

    fn rewritten(&self, _: &str) -> bool {
        false
    }
}

static NOTHING: NoProvenance = NoProvenance;
static NO_SETTINGS: std::sync::LazyLock<Object> = std::sync::LazyLock::new(Object::new);

/// Who merges and what they said.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Context<'a> {
    /// How much is decided without asking.
    pub mode: Mode,
    /// What the sender would choose.
    pub hint: Hint,
    /// Who wrote *theirs*; `None`: not known, and everybody counts as an owner.
    pub sender: Option<Writer>,
    /// Who wrote *ours*.
    pub ours: &'a dyn Provenance,
    /// The space's settings, for owners named `space:KEY`.
    pub settings: &'a Object,
    /// The whole live document, for what depends on other fields; `None`: the one that is merged.
    pub document: Option<&'a Object>,
    /// Who is asked before a person is, in [`Mode::Assisted`].
    pub advice: Option<&'a dyn Advisor>,
}

impl Default for Context<'_> {
    fn default() -> Self {
        Self::with_hint(Hint::Ask)
    }
}

impl Context<'_> {
    /// A context with the sender's hint.
    #[must_use]
    pub fn with_hint(hint: Hint) -> Self {
        Self { mode: Mode::Careful, hint, sender: None, ours: &NOTHING, settings: &NO_SETTINGS, document: None, advice: None }
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Context").field("mode", &self.mode).field("hint", &self.hint).finish_non_exhaustive()
    }
}
