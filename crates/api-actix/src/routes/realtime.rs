//! `/api/offline/realtime`: frames of JSON over a WebSocket, both ways, and tickets to open one.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::http::Method;
use actix_web::web;
use serde::Deserialize;
use sync_core::limits::MAX_PULL_SPACES;
use sync_core::protocol::v1::realtime::{ClientFrame, Subscribed};
use sync_core::{Code, Problem};
use sync_service::realtime::{Ending, Feed, Outgoing, Wanted};
use sync_service::{Caller, ServiceResult};

use super::{endpoint, mount};
use crate::call::{Answered, Call, created};
use crate::hold::Hold;
use crate::state::ApiState;
use crate::websocket::{self, Answering, CloseCode, Received, Sent};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/offline/realtime", vec![endpoint(Method::GET, open)]);
    mount(cfg, "/api/offline/realtime/ticket", vec![endpoint(Method::POST, issue_ticket)]);
}

#[derive(Deserialize)]
struct Query {
    ticket: Option<String>,
}

async fn open(call: Call) -> Answered {
    let query: Query = call.query()?;
    let caller = call.connecting_caller(query.ticket.as_deref()).await?;
    let (request, body, hold) = call.take_over();
    let feed = call.state().hub().connect(&caller, true)?;
    cut_when_stuck(&feed, hold.as_ref());
    websocket::open(request, body, hold, Frames { feed, joining: None, caller, state: call.state().clone() })
}

async fn issue_ticket(call: Call) -> Answered {
    let caller = call.caller().await?;
    created(&call.service().issue_ticket(&caller).await?)
}

/// A client that reads nothing at all can't be told to go.
pub(super) fn cut_when_stuck(feed: &Feed, hold: Option<&Hold>) {
    if let Some(hold) = hold.cloned() {
        feed.cut_with(move || hold.cut());
    }
}

/// Answers a client's frames, and sends it what its feed has.
struct Frames {
    feed: Feed,
    /// A subscription that is being looked at. Until it is done nothing more is read.
    joining: Option<Pin<Box<dyn Future<Output = ServiceResult<()>>>>>,
    caller: Caller,
    state: ApiState,
}

impl Frames {
    /// Follows spaces. Each time it reads of them what a request would, and takes what one takes.
    fn subscribe(&mut self, wanted: Vec<Wanted>) {
        if let Err(over) = self.state.budgets().take(&self.caller) {
            return self.feed.fail(over.into());
        }
        let held = self.feed.cursors();
        let new = wanted.iter().filter(|wanted| held.binary_search_by_key(&wanted.space_id, |(id, _)| *id).is_err()).count();
        if held.len() + new > MAX_PULL_SPACES {
            let detail = format!("one connection follows at most {MAX_PULL_SPACES} spaces; unsubscribe some, or open another");
            return self.feed.fail(Problem::new(Code::TooLarge, detail).at("/spaces"));
        }
        self.joining = Some(Box::pin(self.feed.follow(wanted)));
    }
}

impl Answering for Frames {
    fn is_ready(&self) -> bool {
        self.joining.is_none()
    }

    fn heard(&mut self) {
        self.feed.heard();
    }

    fn take(&mut self, message: Received) -> Result<(), (CloseCode, &'static str)> {
        let Received::Text(text) = message else { return Err((CloseCode::Unsupported, "frames are text")) };
        match ClientFrame::parse(&text) {
            Ok(ClientFrame::Subscribe { spaces, schema }) => {
                let wanted = |space: Subscribed| Wanted { space_id: space.space_id, cursor: space.cursor, schema };
                self.subscribe(spaces.into_iter().map(wanted).collect());
            }
            Ok(ClientFrame::Unsubscribe { spaces }) => self.feed.unfollow(&spaces),
            Ok(ClientFrame::Ping) => self.feed.pong(),
            Err(problem) if problem.code == Code::MalformedJson => return Err((CloseCode::Invalid, "this is not I-JSON")),
            Err(problem) => self.feed.fail(problem),
        }
        Ok(())
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Sent> {
        if let Some(Poll::Ready(joined)) = self.joining.as_mut().map(|joining| joining.as_mut().poll(context)) {
            self.joining = None;
            // what came behind it is read
            context.waker().wake_by_ref();
            if let Err(error) = joined {
                self.feed.fail(error.problem());
            }
        }
        self.feed.poll_next(context).map(|outgoing| match outgoing {
            Outgoing::Frame { text, .. } => Sent::Text(text),
            Outgoing::Heartbeat => Sent::Ping,
            Outgoing::End(ending) => {
                let (code, reason) = told(ending);
                Sent::Close(code, reason)
            }
        })
    }
}

/// The status and the words with which a connection ends.
fn told(ending: Ending) -> (CloseCode, &'static str) {
    match ending {
        Ending::Revoked => (CloseCode::Policy, "the login ended or the device was revoked; keep the outbox and log in again"),
        Ending::Suspended => (CloseCode::Policy, "the device was suspended; keep the outbox and ask an owner"),
        Ending::Locked => (CloseCode::Policy, "the organisation was locked; keep the outbox and ask an owner"),
        Ending::Draining => (CloseCode::Away, "the server stops; connect again as backoff said"),
        Ending::TooSlow => (CloseCode::Again, "you read too slowly; pull, then connect again"),
        Ending::Silent => (CloseCode::Policy, "nothing was heard of you for a minute; connect again"),
        Ending::Aged => (CloseCode::Away, "a connection lasts a day; connect again"),
        _ => (CloseCode::Again, "connect again"),
    }
}
