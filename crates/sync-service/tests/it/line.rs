//! A device's end of a connection, as a transport and a client keep it: polled while it has room, applied as the protocol
//! says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use serde_json::Value;
use sync_service::realtime::{Ending, Feed, Hub, HubLimits, Outgoing, Wanted};
use sync_service::{Caller, Service};

use crate::pull::Copy;
use crate::world::now;

/// Whether whoever polls was woken.
#[derive(Default)]
pub(crate) struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

pub(crate) fn hub(service: &Service) -> Hub {
    Hub::new(service, HubLimits::default())
}

/// A connection, and what came over it.
pub(crate) struct Line {
    pub(crate) feed: Feed,
    bell: Arc<Bell>,
    pub(crate) ended: Option<Ending>,
    pub(crate) beats: usize,
}

impl Line {
    pub(crate) fn open(hub: &Hub, caller: &Caller) -> Self {
        Self::of(hub.connect(caller, true).unwrap())
    }

    pub(crate) fn of(feed: Feed) -> Self {
        Self { feed, bell: Arc::default(), ended: None, beats: 0 }
    }

    /// Opens one and follows a space.
    pub(crate) fn follow(hub: &Hub, caller: &Caller, space: &str, cursor: Option<&str>) -> Self {
        let line = Self::open(hub, caller);
        line.subscribe(space, cursor);
        line
    }

    pub(crate) fn subscribe(&self, space: &str, cursor: Option<&str>) {
        now(self.feed.follow(vec![wanted(space, cursor)])).unwrap();
    }

    /// Takes one frame, if there is one.
    pub(crate) fn take(&mut self) -> Option<Value> {
        let waker = Waker::from(Arc::clone(&self.bell));
        loop {
            self.bell.0.store(false, Ordering::SeqCst);
            match self.feed.poll_next(&mut Context::from_waker(&waker)) {
                Poll::Ready(Outgoing::Frame { text, .. }) => return Some(serde_json::from_str(&text).unwrap()),
                Poll::Ready(Outgoing::Heartbeat) => self.beats += 1,
                Poll::Ready(Outgoing::End(ending)) => {
                    self.ended = Some(ending);
                    return None;
                }
                // what is found while it is asked for wakes at once
                Poll::Pending if self.bell.0.load(Ordering::SeqCst) => {}
                Poll::Pending => return None,
            }
        }
    }

    /// Takes all frames that there are.
    pub(crate) fn take_all(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.take()).collect()
    }

    /// Whether somebody would be polled.
    pub(crate) fn is_woken(&self) -> bool {
        self.bell.0.load(Ordering::SeqCst)
    }
}

pub(crate) fn wanted(space: &str, cursor: Option<&str>) -> Wanted {
    Wanted { space_id: space.parse().unwrap(), cursor: cursor.map(str::to_owned), schema: None }
}

pub(crate) fn types(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect()
}

/// Applies a `change`, as a device does that holds exactly its `since`; `false` where it has to pull.
pub(crate) fn apply(copy: &mut Copy, frame: &Value) -> bool {
    if frame["items"].is_null() || frame["since"].as_str() != copy.cursor.as_deref() {
        return false;
    }
    copy.take_items(frame);
    true
}
