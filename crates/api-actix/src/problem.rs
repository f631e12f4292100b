//! Problem documents (RFC 9457), and the one table that gives each code its HTTP status.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use sync_core::{Code, OpId, Problem};
use sync_service::ServiceError;

/// Where the codes are explained: `docs/errors.md`, an anchor for each code.
const TYPE_BASE: &str = "https://rejoin.example/errors#";

/// When to retry where no state is at hand to spread it.
const DEFAULT_RETRY_MS: u64 = 1_000;

/// The media type of problem documents.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Every code's status. Codes that only ever stand in one operation's result have 422.
pub const STATUSES: &[(Code, StatusCode)] = &[
    (Code::MalformedJson, StatusCode::BAD_REQUEST),
    (Code::Malformed, StatusCode::BAD_REQUEST),
    (Code::NumberRange, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::TooLarge, StatusCode::PAYLOAD_TOO_LARGE),
    (Code::RequestTimeout, StatusCode::REQUEST_TIMEOUT),
    (Code::UnsupportedProtocol, StatusCode::BAD_REQUEST),
    (Code::UnsupportedMediaType, StatusCode::UNSUPPORTED_MEDIA_TYPE),
    (Code::NotFound, StatusCode::NOT_FOUND),
    (Code::MethodNotAllowed, StatusCode::METHOD_NOT_ALLOWED),
    (Code::Unauthenticated, StatusCode::UNAUTHORIZED),
    (Code::WrongCredentials, StatusCode::UNAUTHORIZED),
    (Code::WrongPassword, StatusCode::FORBIDDEN),
    (Code::InvalidRefreshToken, StatusCode::UNAUTHORIZED),
    (Code::SignInRefused, StatusCode::UNAUTHORIZED),
    (Code::NotLinked, StatusCode::FORBIDDEN),
    (Code::UnknownProvider, StatusCode::NOT_FOUND),
    (Code::Forbidden, StatusCode::FORBIDDEN),
    (Code::OrganisationLocked, StatusCode::FORBIDDEN),
    (Code::OrganisationReadOnly, StatusCode::FORBIDDEN),
    (Code::DeviceSuspended, StatusCode::FORBIDDEN),
    (Code::SameOwner, StatusCode::CONFLICT),
    (Code::UnsentWork, StatusCode::CONFLICT),
    (Code::EmailTaken, StatusCode::CONFLICT),
    (Code::LastLead, StatusCode::CONFLICT),
    (Code::UnknownSpace, StatusCode::NOT_FOUND),
    (Code::UnknownUser, StatusCode::NOT_FOUND),
    (Code::UnknownDevice, StatusCode::NOT_FOUND),
    (Code::UnknownCollection, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::WrongType, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::ReadOnly, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::NotOwner, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::UnknownDocument, StatusCode::NOT_FOUND),
    (Code::UnknownIntent, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::UnknownConflict, StatusCode::NOT_FOUND),
    (Code::NotAsked, StatusCode::FORBIDDEN),
    (Code::NothingToUndo, StatusCode::CONFLICT),
    (Code::ChangedSince, StatusCode::CONFLICT),
    (Code::UnknownPreference, StatusCode::NOT_FOUND),
    (Code::UnknownOperation, StatusCode::NOT_FOUND),
    (Code::UnknownPurge, StatusCode::NOT_FOUND),
    (Code::Discarded, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::Leased, StatusCode::CONFLICT),
    (Code::NotFailed, StatusCode::CONFLICT),
    (Code::UnknownTask, StatusCode::NOT_FOUND),
    (Code::UnknownRecord, StatusCode::NOT_FOUND),
    (Code::NotYetSequenced, StatusCode::CONFLICT),
    (Code::AuditFork, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::OpIdReuse, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::DigestMismatch, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::PredecessorRejected, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::DependencyRejected, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::DependencyCycle, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::NotHereYet, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::PredecessorParked, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::ProcessingFailed, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::UnknownBatch, StatusCode::NOT_FOUND),
    (Code::GroupMember, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::GroupClosed, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::GroupSpaces, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::FormerMember, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::RoleForbids, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::SpaceArchived, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::BodyGone, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::OtherEpoch, StatusCode::UNPROCESSABLE_ENTITY),
    (Code::SnapshotGone, StatusCode::GONE),
    (Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
    (Code::RateLimited, StatusCode::TOO_MANY_REQUESTS),
    (Code::Overloaded, StatusCode::SERVICE_UNAVAILABLE),
    (Code::UnknownOutcome, StatusCode::SERVICE_UNAVAILABLE),
    (Code::Internal, StatusCode::INTERNAL_SERVER_ERROR),
];

/// The status of a code; 500 for one that the table lacks, which a test forbids.
#[must_use]
pub fn status_of(code: Code) -> StatusCode {
    let row = STATUSES.iter().find(|(listed, _)| *listed == code);
    row.map_or(StatusCode::INTERNAL_SERVER_ERROR, |(_, status)| *status)
}

/// The address under which a code is explained: the `type` of its documents.
#[must_use]
pub fn type_of(code: Code) -> String {
    format!("{TYPE_BASE}{code}")
}

/// Why a request was not answered with success.
#[derive(Debug, Clone)]
pub struct ApiError(Box<Told>);

#[derive(Debug, Clone)]
struct Told {
    problem: Problem,
    cause: Option<String>,
    header: Option<(header::HeaderName, HeaderValue)>,
    request_id: Option<String>,
}

impl ApiError {
    /// What is told.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// What is logged and never told.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// A fault of the server, with its cause for the log.
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        let detail = "The server made a mistake; it was logged under this request_id. Keep everything and try again later.";
        Self::from(Problem::new(Code::Internal, detail)).caused_by(cause.into())
    }

    fn caused_by(mut self, cause: String) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// Adds a header that explains, such as `Allow`; a value that no header can carry is left out.
    #[must_use]
    pub(crate) fn with_header(mut self, name: header::HeaderName, value: &str) -> Self {
        self.0.header = HeaderValue::from_str(value).ok().map(|value| (name, value));
        self
    }

    /// Names the request in the document.
    #[must_use]
    pub(crate) fn of_request(mut self, request_id: String) -> Self {
        self.0.request_id = Some(request_id);
        self
    }

    /// The response. Where a retry may help, it is to come after what the problem says, or else `retry_ms`.
    pub(crate) fn respond(&self, retry_ms: u64) -> HttpResponse {
        let Told { problem, header, .. } = &*self.0;
        let code = problem.code;
        let status = status_of(code);
        let retry_after_ms = problem.retry_after_ms.or_else(|| may_retry(code).then_some(retry_ms));
        let mut response = HttpResponse::build(status);
        response.content_type(PROBLEM_JSON);
        if let Some(header) = header {
            response.insert_header(header.clone());
        } else if status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(wait_ms) = retry_after_ms {
            response.insert_header((header::RETRY_AFTER, wait_ms.div_ceil(1_000)));
        }
        response.json(self.document(type_of(code), retry_after_ms))
    }

    /// The last line of a stream that broke off: the same members, under `"type":"problem"`.
    pub(crate) fn line(&self, retry_ms: u64) -> Bytes {
        let document = self.document("problem".into(), may_retry(self.0.problem.code).then_some(retry_ms));
        let mut line = serde_json::to_vec(&document).unwrap_or_default();
        line.push(b'\n');
        line.into()
    }

    fn document(&self, type_url: String, retry_after_ms: Option<u64>) -> Document<'_> {
        let Told { problem, request_id, .. } = &*self.0;
        let status = status_of(problem.code);
        Document {
            type_url,
            title: problem.code.title(),
            status: status.as_u16(),
            detail: &problem.detail,
            code: problem.code,
            request_id: request_id.as_deref(),
            retryable: problem.code.retryable(),
            retry_after_ms,
            pointer: problem.pointer.as_deref(),
            op_id: problem.culprit,
            outbox: matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN).then_some("retain"),
        }
    }

    /// Logs a fault of the server; everybody else's is theirs to know.
    pub(crate) fn log(&self) {
        let code = self.0.problem.code;
        if !status_of(code).is_server_error() {
            return;
        }
        let cause = self.cause().unwrap_or(&self.0.problem.detail);
        if code == Code::Internal {
            tracing::error!(code = %code, cause, "a request failed");
        } else {
            tracing::warn!(code = %code, cause, "a request could not be served");
        }
    }
}

/// Whether it was an overload or an outage, was asked a moment too early, or passes when somebody says so.
fn may_retry(code: Code) -> bool {
    matches!(status_of(code), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        || code == Code::NotYetSequenced
        || is_held(code)
}

/// Whether a tenant or a device is held: until somebody lets it go, whatever a device has not sent stays there.
const fn is_held(code: Code) -> bool {
    matches!(code, Code::OrganisationLocked | Code::OrganisationReadOnly | Code::DeviceSuspended)
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    type_url: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    op_id: Option<OpId>,
    /// Told with every 401 and 403: what the device has not sent yet is to be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    outbox: Option<&'static str>,
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(Box::new(Told { problem, cause: None, header: None, request_id: None }))
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let told = Self::from(error.problem());
        match error {
            ServiceError::Problem(_) => told,
            ServiceError::Store(cause) => told.caused_by(cause.to_string()),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.problem.fmt(f)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        status_of(self.0.problem.code)
    }

    fn error_response(&self) -> HttpResponse {
        self.respond(DEFAULT_RETRY_MS)
    }
}
