use sync_core::{Code, Problem};

/// Why a password could not be hashed or checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// More passwords wait than the pool takes. Try again later.
    #[error("too many passwords wait to be checked")]
    Busy,
    /// The pool stopped before it came to this one.
    #[error("the password pool has stopped")]
    Stopped,
    /// The pool can't be started like this.
    #[error("passwords can't be hashed: {0}")]
    Config(String),
    /// The stored hash is no PHC string of argon2.
    #[error("the stored password hash is damaged")]
    Damaged,
}

impl AuthError {
    /// The problem to tell. Causes stay inside.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Busy => Problem::new(Code::Overloaded, "Many people log in right now. Wait a moment and try again."),
            Self::Stopped => Problem::new(Code::Unavailable, "The server is stopping. Try again in a moment."),
            Self::Config(_) | Self::Damaged => {
                Problem::new(Code::Internal, "The server can't check the password; it was logged under this request_id.")
            }
        }
    }
}
