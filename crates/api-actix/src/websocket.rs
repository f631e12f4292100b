//! A WebSocket (RFC 6455) as a response's body. The server asks it for bytes whenever the connection has room for some;
//! only then anything is read from the other side or from what answers it. There is no task and no queue between them: a
//! client that does not read is not read for.
//!
//! actix-ws shakes hands. Frames are read and written here: its parser keeps a frame of any announced length before it
//! refuses it, and sees that a text is not UTF-8 only at the end of a frame.

#[cfg(test)]
mod conformance;
mod frames;
#[cfg(test)]
mod slow;

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use sync_core::{Code, Problem};

pub(crate) use self::frames::{CloseCode, Received};
use self::frames::{Opcode, Reader, Violation, close_frame, frame};
use crate::body::BodySlot;
use crate::hold::Hold;
use crate::problem::ApiError;

/// Bytes of a message that is taken.
pub(crate) const MOST_MESSAGE_BYTES: usize = 65_536;

/// What is sent.
#[derive(Debug)]
pub(crate) enum Sent {
    Text(String),
    /// What echoes alone send.
    #[cfg(test)]
    Binary(Bytes),
    Ping,
    Close(CloseCode, &'static str),
}

/// Answers what a WebSocket receives.
pub(crate) trait Answering: Unpin + 'static {
    /// Whether another message can be taken.
    fn is_ready(&self) -> bool;

    /// Bytes arrived.
    fn heard(&mut self);

    /// Takes a text or binary message.
    ///
    /// # Errors
    /// With what the connection is closed.
    fn take(&mut self, message: Received) -> Result<(), (CloseCode, &'static str)>;

    /// What is to be sent next.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Sent>;
}

/// Opens a WebSocket.
///
/// # Errors
/// `malformed` where the request asks for none.
pub(crate) fn open(request: &HttpRequest, body: BodySlot, hold: Option<Hold>, answering: impl Answering) -> Result<HttpResponse, ApiError> {
    let nothing = web::Payload::from_request(request, &mut Payload::None).into_inner();
    let nothing = nothing.map_err(|error| ApiError::internal(error.to_string()))?;
    let (response, ..) = actix_ws::handle(request, nothing).map_err(|error| no_handshake(&error))?;
    let reader = Reader::new(MOST_MESSAGE_BYTES);
    let socket = Socket { body, hold, arrived: Bytes::new(), reader, answering, stage: Stage::Open, reads_next: true };
    Ok(response.map_body(|_, _| BoxBody::new(socket)))
}

fn no_handshake(error: &actix_web::Error) -> ApiError {
    let detail = format!("this path speaks WebSocket, version 13 (RFC 6455), and the request does not ask for that: {error}");
    let version = HeaderName::from_static("sec-websocket-version");
    ApiError::from(Problem::new(Code::Malformed, detail)).with_header(version, "13")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// The last frame was handed on; it is written before this is asked again.
    Closing,
    Closed,
}

struct Socket<A> {
    body: BodySlot,
    hold: Option<Hold>,
    /// What arrived and was not read yet.
    arrived: Bytes,
    reader: Reader,
    answering: A,
    stage: Stage,
    /// Whether reading goes before sending: they take turns, so that neither holds up the other.
    reads_next: bool,
}

impl<A: Answering> Socket<A> {
    /// The next message, whole.
    fn poll_received(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Received, Violation>>> {
        loop {
            match self.reader.read(&mut self.arrived) {
                Ok(None) => {}
                Ok(Some(received)) => return Poll::Ready(Some(Ok(received))),
                Err(violation) => return Poll::Ready(Some(Err(violation))),
            }
            match self.body.poll_next(context) {
                Poll::Ready(Some(Ok(bytes))) => {
                    self.answering.heard();
                    self.arrived = bytes;
                }
                Poll::Ready(None | Some(Err(_))) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn close(&mut self, code: Option<u16>, reason: &str) -> Bytes {
        self.stage = Stage::Closing;
        close_frame(code, reason)
    }

    /// Answers what was received; what that sends at once.
    fn hear(&mut self, received: Result<Received, Violation>) -> Option<Bytes> {
        match received {
            Ok(Received::Ping(payload)) => Some(frame(Opcode::Pong, &payload)),
            Ok(Received::Pong) => None,
            // it is told what it said (RFC 6455, 5.5.1)
            Ok(Received::Close(code)) => Some(self.close(code, "")),
            Ok(message) => match self.answering.take(message) {
                Ok(()) => None,
                Err((code, reason)) => Some(self.close(Some(code.into()), reason)),
            },
            Err(Violation(code, reason)) => Some(self.close(Some(code.into()), reason)),
        }
    }

    fn send(&mut self, sent: Sent) -> Bytes {
        match sent {
            Sent::Text(text) => frame(Opcode::Text, text.as_bytes()),
            #[cfg(test)]
            Sent::Binary(bytes) => frame(Opcode::Binary, &bytes),
            Sent::Ping => frame(Opcode::Ping, b""),
            Sent::Close(code, reason) => self.close(Some(code.into()), reason),
        }
    }

    /// What comes of a turn of reading: nothing while nothing arrives.
    fn read_turn(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !self.answering.is_ready() {
            return Poll::Pending;
        }
        match self.poll_received(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(received)) => Poll::Ready(self.hear(received)),
            Poll::Ready(None) => {
                self.stage = Stage::Closed;
                Poll::Ready(None)
            }
        }
    }

    fn open_turns(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        for _ in 0..2 {
            self.reads_next = !self.reads_next;
            let turn =
                if self.reads_next { self.answering.poll_send(context).map(|sent| Some(self.send(sent))) } else { self.read_turn(context) };
            if turn.is_ready() {
                return turn;
            }
        }
        Poll::Pending
    }
}

impl<A: Answering> MessageBody for Socket<A> {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let socket = &mut *self;
        loop {
            match socket.stage {
                Stage::Open => match socket.open_turns(context) {
                    Poll::Ready(Some(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                    Poll::Ready(None) => {}
                    Poll::Pending => return Poll::Pending,
                },
                Stage::Closing => {
                    socket.stage = Stage::Closed;
                    if socket.hold.is_some() {
                        // once more, after the last frame was written
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
                Stage::Closed => {
                    if let Some(hold) = &socket.hold {
                        hold.finish();
                    }
                    return Poll::Ready(None);
                }
            }
        }
    }
}
