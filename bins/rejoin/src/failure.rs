//! Why a command failed, and the exit code that says so.

use std::fmt;
use std::process::ExitCode;

use storage_diesel::OpenError;
use sync_core::Problem;
use sync_service::ServiceError;

/// Why a command failed. The message says what, why, and what to do.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was given can't be used: a flag, a variable, the configuration file. Exit code 2.
    Input(String),
    /// It was understood and could not be done. Exit code 1.
    Failed(String),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Input(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::from(1),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(message) | Self::Failed(message) => f.write_str(message),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Url(_) => Self::Input(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Problem(Problem { code, detail, .. }) => Self::Failed(format!("{} ({code}): {detail}", code.title())),
            // on the command line the cause is for the operator's own eyes
            ServiceError::Store(cause) => Self::Failed(cause.to_string()),
        }
    }
}
