//! `/api/offline/events`: the frames of a socket as server-sent events (the WHATWG's HTML standard, 9.2). An event's id carries every cursor that the client holds, so that
//! `Last-Event-ID` resumes where it was.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{self, Bytes};
use sync_core::{Code, Problem, SpaceId};
use sync_service::realtime::{Feed, Outgoing, Wanted};

use super::realtime::cut_when_stuck;
use super::{endpoint, mount};
use crate::call::{Answered, Call};
use crate::problem::ApiError;

const EVENT_STREAM: &str = "text/event-stream";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Told to proxies that would hold events back until they have many.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Spaces of one stream: an id carries a cursor for each.
const MOST_SPACES: usize = 32;
/// Stands between the cursors of an id; none contains it.
const BETWEEN: char = '.';
/// The least time after which a client comes back, in milliseconds; up to as much again is added.
const RETRY_MS: u64 = 2_000;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/offline/events", vec![endpoint(Method::GET, open)]);
}

async fn open(call: Call) -> Answered {
    let pairs = call.pairs()?;
    let ticket = pairs.iter().find(|(name, _)| name == "ticket").map(|(_, ticket)| ticket.as_str());
    let caller = call.connecting_caller(ticket).await?;
    let mut spaces = read(pairs)?;
    let (request, _, hold) = call.take_over();
    if let Some(id) = request.headers().get(LAST_EVENT_ID) {
        resume(&mut spaces, id.to_str().unwrap_or_default());
    }
    let mut response = HttpResponse::Ok();
    response.content_type(EVENT_STREAM).insert_header((X_ACCEL_BUFFERING, HeaderValue::from_static("no")));
    if request.method() == Method::HEAD {
        return Ok(response.finish());
    }
    let feed = call.state().hub().connect(&caller, false)?;
    cut_when_stuck(&feed, hold.as_ref());
    let order = spaces.iter().map(|wanted| wanted.space_id).collect();
    feed.follow(spaces).await?;
    let retry_ms = RETRY_MS + call.state().retry_ms() % RETRY_MS;
    Ok(response.body(Events { feed, order, first: Some(format!("retry: {retry_ms}\n\n")), ended: false }))
}

/// Reads `space=ID&cursor=…`, as often as there are spaces: a cursor belongs to the space before it.
fn read(pairs: Vec<(String, String)>) -> Result<Vec<Wanted>, ApiError> {
    let mut spaces: Vec<Wanted> = Vec::new();
    let malformed = |detail: String| Err(ApiError::from(Problem::new(Code::Malformed, format!("the query: {detail}"))));
    for (name, value) in pairs {
        match (name.as_str(), spaces.last_mut()) {
            ("ticket", _) => {}
            ("space", _) => match value.parse() {
                Ok(space_id) if spaces.iter().all(|wanted| wanted.space_id != space_id) => {
                    spaces.push(Wanted { space_id, cursor: None, schema: None });
                }
                Ok(_) => return malformed(format!("space {value} is there twice")),
                Err(_) => return malformed("space is to be a UUID".into()),
            },
            ("cursor", Some(Wanted { cursor: cursor @ None, .. })) => *cursor = Some(value),
            ("cursor", _) => return malformed("a cursor follows the space that it is of".into()),
            ("schema", Some(Wanted { schema: schema @ None, .. })) => match value.parse() {
                Ok(spoken) => *schema = Some(spoken),
                Err(_) => return malformed("schema is to be a whole number".into()),
            },
            _ => return malformed(format!("there is no parameter {name:?} here; this path takes space, cursor, schema, ticket")),
        }
    }
    match spaces.len() {
        0 => malformed("space is missing".into()),
        1..=MOST_SPACES => Ok(spaces),
        many => malformed(format!("{many} spaces are more than the {MOST_SPACES} of one stream; open several")),
    }
}

/// Goes on after the last event that was received. An id of another stream leaves spaces without a cursor: the client is
/// told to pull them.
fn resume(spaces: &mut [Wanted], id: &str) {
    let mut cursors = id.split(BETWEEN);
    for wanted in spaces {
        wanted.cursor = cursors.next().filter(|cursor| !cursor.is_empty()).map(str::to_owned);
    }
}

struct Events {
    feed: Feed,
    order: Vec<SpaceId>,
    first: Option<String>,
    ended: bool,
}

impl Events {
    fn id(&self) -> String {
        let held = self.feed.cursors();
        let cursor = |space_id: &SpaceId| {
            let at = held.binary_search_by_key(space_id, |(id, _)| *id).ok();
            at.and_then(|at| held.get(at)).and_then(|(_, cursor)| cursor.as_deref()).unwrap_or_default()
        };
        self.order.iter().map(cursor).collect::<Vec<_>>().join(&BETWEEN.to_string())
    }
}

impl MessageBody for Events {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first.into())));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        self.feed.poll_next(context).map(|outgoing| match outgoing {
            Outgoing::Frame { text, moved: true } => Some(Ok(format!("id: {}\ndata: {text}\n\n", self.id()).into())),
            Outgoing::Frame { text, .. } => Some(Ok(format!("data: {text}\n\n").into())),
            Outgoing::Heartbeat => Some(Ok(Bytes::from_static(b": still here\n\n"))),
            Outgoing::End(_) => {
                self.ended = true;
                None
            }
        })
    }
}
