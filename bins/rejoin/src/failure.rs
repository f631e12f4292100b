//! Why a command failed, and the exit code that says so.

use std::fmt;
use std::process::ExitCode;

use storage_diesel::{BackupError, OpenError};
use sync_core::{Code, Problem};
use sync_service::ServiceError;

/// Why a command failed. The message says what, why, and what to do.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was given can't be used: a flag, a variable, the configuration file. Exit code 2.
    Input(String),
    /// It was understood and could not be done. Exit code 1.
    Failed(String),
    /// Whoever read the output is gone (`rejoin … | head`). No message, exit code 0.
    Unheard,
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Input(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::from(1),
            Self::Unheard => ExitCode::SUCCESS,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(message) | Self::Failed(message) => f.write_str(message),
            Self::Unheard => Ok(()),
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

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Open(error) => error.into(),
            BackupError::Missing(_) | BackupError::Exists(_) | BackupError::Foreign(_) | BackupError::Postgres => {
                Self::Input(error.to_string())
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            // an answer to a request says "member" where the operator gave a flag
            ServiceError::Problem(Problem { code: Code::Malformed, detail, .. }) => Self::Input(as_flag(&detail)),
            ServiceError::Problem(Problem { code, detail, .. }) => Self::Failed(format!("{detail} ({code})")),
            // on the command line the cause is for the operator's own eyes
            ServiceError::Store(cause) => Self::Failed(cause.to_string()),
        }
    }
}

/// A sentence about a member of a request as one about the flag that filled it.
fn as_flag(detail: &str) -> String {
    let flags = ["event_date", "time_zone", "name", "schema", "organisation", "reason"];
    match detail.split_once(' ') {
        Some((member, rest)) if flags.contains(&member) => format!("--{} {rest}", member.replace('_', "-")),
        _ => detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_called_by_their_flags() {
        assert_eq!(as_flag("event_date is to be a date such as 2026-06-20"), "--event-date is to be a date such as 2026-06-20");
        assert_eq!(as_flag("email is to look like name@example.org"), "email is to look like name@example.org");
    }
}
