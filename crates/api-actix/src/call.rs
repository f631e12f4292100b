//! The one extractor: a request as its handler sees it. A handler asks for the caller first, then for the body, so
//! that nobody makes the server read 8 MiB without a token.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::{Payload, RequestHead};
use actix_web::http::Version;
use actix_web::http::header::{self, HeaderName};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sync_core::limits::{MAX_BODY_BYTES, MAX_SMALL_BODY_BYTES};
use sync_core::ports::Wipe;
use sync_core::{Code, Problem, json};
use sync_service::{Admitted, Arrival, Caller, Service, ServiceResult};
use uuid::Uuid;

use crate::body::{BodyReader, BodySlot, announced_length, carries_lines, read_body, read_optional};
use crate::hints;
use crate::hold::Hold;
use crate::limits::{self, Over, Standing};
use crate::lines::LineReader;
use crate::members::Member;
use crate::observe::RequestId;
use crate::problem::ApiError;
use crate::query;
use crate::state::{ApiConfig, ApiState};
use crate::words::plain;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Bodies above this many bytes are parsed on the blocking pool: 8 MiB take long enough to hold up other requests.
const PARSE_INLINE_BYTES: usize = 65_536;

/// The largest body of a device that has used up what it may send: of what is urgent.
pub(crate) const MAX_URGENT_BODY_BYTES: usize = 65_536;
/// What a body of unknown size counts, until it is read.
const UNKNOWN_BODY_BYTES: usize = 1_048_576;

/// What a handler answers.
pub(crate) type Answered = Result<HttpResponse, ApiError>;

/// A request, as its handler sees it.
pub(crate) struct Call {
    request: HttpRequest,
    state: ApiState,
    body: BodySlot,
}

impl FromRequest for Call {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<ApiState>().cloned();
        let body = request.extensions().get::<BodySlot>().cloned();
        ready(match (state, body) {
            (Some(state), Some(body)) => Ok(Self { request: request.clone(), state, body }),
            _ => Err(ApiError::internal("the route was mounted without its outermost layer")),
        })
    }
}

impl Call {
    /// The state.
    pub(crate) fn state(&self) -> &ApiState {
        &self.state
    }

    /// The use cases.
    pub(crate) fn service(&self) -> &Service {
        self.state.service()
    }

    /// The request's id.
    pub(crate) fn request_id(&self) -> Option<RequestId> {
        self.request.extensions().get::<RequestId>().cloned()
    }

    /// Makes room for a request before anybody looks at its token or its body.
    pub(crate) async fn admit(&self) -> Result<Admitted, ApiError> {
        let announced = announced_length(self.request.headers());
        // who announces more than is read is told so, in its turn
        let bytes = announced.unwrap_or(UNKNOWN_BODY_BYTES).min(MAX_BODY_BYTES);
        match self.service().admit(u64::try_from(bytes).unwrap_or(u64::MAX)) {
            Ok(admitted) => Ok(admitted),
            Err(error) => {
                self.body.drop_small(self.request.headers()).await;
                Err(error.into())
            }
        }
    }

    /// Turns a login away before anybody looks at its body, where too many wait.
    pub(crate) async fn admit_login(&self) -> Result<(), ApiError> {
        let admitted = self.service().admit_login();
        if admitted.is_err() {
            self.body.drop_small(self.request.headers()).await;
        }
        Ok(admitted?)
    }

    /// Who calls, by the access token, if they do not call too often.
    pub(crate) async fn caller(&self) -> Result<Caller, ApiError> {
        let caller = self.traced(self.service().authenticate(self.token()?).await)?;
        self.take(caller).await
    }

    /// Who calls to deal with an incident, whatever holds their organisation.
    pub(crate) async fn owner(&self) -> Result<Caller, ApiError> {
        let owner = self.traced(self.service().authenticate_owner(self.token()?).await)?;
        self.take(owner).await
    }

    /// A caller whose acts are recorded with the trace of this request.
    fn traced(&self, caller: ServiceResult<Caller>) -> Result<Caller, ApiError> {
        Ok(Caller { trace: self.trace(), ..told(caller)? })
    }

    /// The trace id that the client names in `traceparent`, else the request's own id, where that is one.
    fn trace(&self) -> Option<u128> {
        let given = self.request.headers().get("traceparent").and_then(|text| text.to_str().ok()).and_then(trace_id);
        given.or_else(|| self.request_id().and_then(|id| Uuid::parse_str(&id.0).ok()).map(|id| id.as_u128()))
    }

    /// Whose device is to be wiped, where that is all that its token is still good for.
    pub(crate) async fn wiped_caller(&self) -> Option<(Caller, Wipe)> {
        self.service().find_wipe(self.token().ok()?).await.ok().flatten()
    }

    /// Who calls to sync. A device that has used up what it may send may still send what is urgent, which is known when a
    /// body is read: a small one, of which there may be few.
    pub(crate) async fn syncing_caller(&self) -> Result<(Caller, Option<Over>), ApiError> {
        let caller = self.traced(self.service().authenticate_to_sync(self.token()?).await)?;
        let budgets = self.state.budgets();
        let over = match budgets.take(&caller) {
            Ok(standing) => return Ok((self.noted(caller, standing), None)),
            Err(over) => over,
        };
        let is_small = announced_length(self.request.headers()).is_some_and(|bytes| bytes <= MAX_URGENT_BODY_BYTES);
        if is_small && let Ok(standing) = budgets.take_urgent(&caller) {
            return Ok((self.noted(caller, standing), Some(over)));
        }
        Err(self.refuse(over).await)
    }

    /// Takes a request from the caller's budgets.
    async fn take(&self, caller: Caller) -> Result<Caller, ApiError> {
        match self.state.budgets().take(&caller) {
            Ok(standing) => Ok(self.noted(caller, standing)),
            Err(over) => Err(self.refuse(over).await),
        }
    }

    fn noted(&self, caller: Caller, standing: Option<Standing>) -> Caller {
        limits::note(&mut self.request.extensions_mut(), standing);
        caller
    }

    async fn refuse(&self, over: Over) -> ApiError {
        self.body.drop_small(self.request.headers()).await;
        self.over(over)
    }

    /// The answer to somebody who has used up what they may send.
    pub(crate) fn over(&self, over: Over) -> ApiError {
        limits::note(&mut self.request.extensions_mut(), Some(over.standing));
        over.into()
    }

    /// Who opens a connection: by the access token, or by a ticket where no header can be sent.
    pub(crate) async fn connecting_caller(&self, ticket: Option<&str>) -> Result<Caller, ApiError> {
        match ticket.filter(|_| !self.request.headers().contains_key(header::AUTHORIZATION)) {
            Some(ticket) => self.take(self.traced(self.service().redeem_ticket(ticket).await)?).await,
            None => self.caller().await,
        }
    }

    /// Where the request comes from.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        client_of(self.request.head(), self.state.config())
    }

    /// The request itself, its body and its connection, for what takes over from HTTP.
    pub(crate) fn take_over(&self) -> (&HttpRequest, BodySlot, Option<Hold>) {
        // a connection of HTTP/2 carries others as well
        let alone = self.request.version() < Version::HTTP_2;
        (&self.request, self.body.clone(), self.request.conn_data::<Hold>().filter(|_| alone).cloned())
    }

    fn token(&self) -> Result<&str, ApiError> {
        let authorization = self.request.headers().get(header::AUTHORIZATION);
        let Some(authorization) = authorization else {
            return Err(
                Problem::new(Code::Unauthenticated, "this needs Authorization: Bearer and an access token; log in or refresh").into()
            );
        };
        let token = authorization.to_str().ok().and_then(bearer);
        let malformed = || Problem::new(Code::Unauthenticated, "Authorization is to be: Bearer, a space, the access token");
        Ok(token.ok_or_else(malformed)?)
    }

    /// The body, of at most `limit` bytes, read by `parse`.
    pub(crate) async fn read<T, F>(&self, limit: usize, parse: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&[u8]) -> Result<T, Problem> + Send + 'static,
    {
        Ok(self.read_arrival(limit, parse).await?.0)
    }

    /// [`Self::read`], and how the request came.
    pub(crate) async fn read_arrival<T, F>(&self, limit: usize, parse: F) -> Result<(T, Arrival), ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&[u8]) -> Result<T, Problem> + Send + 'static,
    {
        let body = read_body(&self.request, &self.body, limit, self.state.config().body_deadline).await?;
        let arrival = hints::arrival_of(self.request.headers(), &body);
        Ok((parsed(body.bytes, parse).await?, arrival))
    }

    /// The body, of at most `limit` bytes, as a type of the protocol, of a method that mostly comes without one.
    pub(crate) async fn json_if_any<T: DeserializeOwned + Send + 'static>(&self, limit: usize) -> Result<Option<T>, ApiError> {
        let body = read_optional(&self.request, &self.body, limit, self.state.config().body_deadline).await?;
        match body {
            Some(body) => Ok(Some(parsed(body.bytes, read_json).await?)),
            None => Ok(None),
        }
    }

    /// A small body as a type of the protocol.
    pub(crate) async fn json<T: DeserializeOwned + Send + 'static>(&self) -> Result<T, ApiError> {
        self.json_within(MAX_SMALL_BODY_BYTES).await
    }

    /// The body, of at most `limit` bytes, as a type of the protocol.
    pub(crate) async fn json_within<T: DeserializeOwned + Send + 'static>(&self, limit: usize) -> Result<T, ApiError> {
        self.read(limit, read_json).await
    }

    /// The body, of at most `limit` bytes, line by line.
    ///
    /// # Errors
    /// `unsupported_media_type`, `too_large` when the announced length is.
    pub(crate) fn lines(&self, limit: usize) -> Result<LineReader, ApiError> {
        let deadline = self.state.config().body_deadline;
        Ok(LineReader::new(BodyReader::open_lines(self.request.headers(), &self.body, limit, deadline)?))
    }

    /// Whether the body is said to be lines of JSON.
    pub(crate) fn carries_lines(&self) -> bool {
        carries_lines(self.request.headers())
    }

    /// An id of the path. One that is no UUID names nothing, just as one that nobody was given.
    pub(crate) fn path_id(&self, name: &str) -> Uuid {
        self.request.match_info().get(name).and_then(|text| Uuid::parse_str(text).ok()).unwrap_or_default()
    }

    /// A name of the path.
    pub(crate) fn path_text(&self, name: &str) -> String {
        self.request.match_info().get(name).unwrap_or_default().to_owned()
    }

    /// The query's parameters as a type.
    pub(crate) fn query<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        Ok(query::read(self.pairs()?)?)
    }

    /// The query's parameters in their order.
    pub(crate) fn pairs(&self) -> Result<Vec<(String, String)>, ApiError> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(self.request.query_string());
        let unreadable = |_| Problem::new(Code::Malformed, "the query is not made of name=value, joined by &, percent-encoded");
        Ok(pairs.map_err(unreadable)?.into_inner())
    }
}

/// Where a request comes from, as far as that is known.
pub(crate) fn client_of(head: &RequestHead, config: &ApiConfig) -> Option<IpAddr> {
    // what of it can't be read ends the chain there: behind it stands who the proxy said it was
    let forwarded = head.headers().get_all(X_FORWARDED_FOR).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let forwarded: Vec<_> = forwarded.collect();
    Some(config.proxies.client(head.peer_addr?.ip(), forwarded.iter().map(AsRef::as_ref)))
}

/// A token that is not good is told as RFC 6750 says.
fn told(caller: ServiceResult<Caller>) -> Result<Caller, ApiError> {
    caller.map_err(|error| {
        let error = ApiError::from(error);
        match error.problem().code {
            Code::Unauthenticated => error.with_header(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\""),
            _ => error,
        }
    })
}

/// The trace id of a `traceparent` (W3C Trace Context): 32 hexadecimal digits, not all zero.
fn trace_id(traceparent: &str) -> Option<u128> {
    let id = traceparent.split('-').nth(1).filter(|id| id.len() == 32)?;
    u128::from_str_radix(id, 16).ok().filter(|id| *id > 0)
}

/// The token of `Bearer TOKEN` (RFC 6750; the scheme in any case, RFC 9110).
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Parses a large body elsewhere, so that other requests go on.
async fn parsed<T, F>(bytes: web::Bytes, parse: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: FnOnce(&[u8]) -> Result<T, Problem> + Send + 'static,
{
    if bytes.len() <= PARSE_INLINE_BYTES {
        return Ok(parse(&bytes)?);
    }
    let parsed = web::block(move || parse(&bytes)).await;
    Ok(parsed.map_err(|error| ApiError::internal(error.to_string()))??)
}

fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let value = json::parse_strict(bytes).map_err(|error| Problem::new(Code::MalformedJson, error.to_string()))?;
    if !value.is_object() {
        return Err(Problem::new(Code::Malformed, "the body is to be a JSON object").at(""));
    }
    typed(value)
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(Member(value)).map_err(|error| {
        let said = error.inner().to_string();
        let mut tokens: Vec<String> = error.path().iter().map(ToString::to_string).collect();
        let detail = plain(&tokens.join("."), &said);
        // serde places a missing member at its parent
        tokens.extend(said.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()).map(str::to_owned));
        Problem::new(Code::Malformed, detail).at(json::pointer(&tokens))
    })
}

/// 200 with a body.
#[allow(clippy::unnecessary_wraps, reason = "the last line of a handler")]
pub(crate) fn ok(body: &impl Serialize) -> Answered {
    Ok(HttpResponse::Ok().json(body))
}

/// 201 with a body.
#[allow(clippy::unnecessary_wraps, reason = "the last line of a handler")]
pub(crate) fn created(body: &impl Serialize) -> Answered {
    Ok(HttpResponse::Created().json(body))
}

/// 204.
#[allow(clippy::unnecessary_wraps, reason = "the last line of a handler")]
pub(crate) fn no_content() -> Answered {
    Ok(HttpResponse::NoContent().finish())
}
