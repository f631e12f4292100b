//! Why a use case did not happen.

use sync_core::ports::StoreError;
use sync_core::{Code, Problem};

/// Why a use case did not happen. Nothing was changed, except where the code is `unknown_outcome`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// The request is at fault, in words.
    #[error("{0}")]
    Problem(Problem),
    /// The database could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a use case answers.
pub type ServiceResult<T> = Result<T, ServiceError>;

impl From<Problem> for ServiceError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl ServiceError {
    /// The problem to tell. Causes inside the server stay inside.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Problem(problem) => problem.clone(),
            Self::Store(StoreError::Busy(_) | StoreError::Overloaded) => Problem::new(
                Code::Overloaded,
                "The server has more to do than it can. Wait as long as Retry-After says and send the same again.",
            ),
            Self::Store(StoreError::Unavailable(_)) => {
                Problem::new(Code::Unavailable, "The database can't be used right now. Keep everything and send the same again later.")
            }
            Self::Store(StoreError::Unknown(_)) => Problem::new(
                Code::UnknownOutcome,
                "The connection to the database broke while it committed. Send the same operations again: those that were stored answer `duplicate`.",
            ),
            Self::Store(_) => Problem::new(
                Code::Internal,
                "The server made a mistake; it was logged under this request_id. Keep everything and try again later.",
            ),
        }
    }
}
