//! People who listen: accounts with devices, and sockets that note when they heard of what.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use super::client::{Account, Device};
use super::pull::page;
use super::push::{histogram, join};
use super::socket::{Heard, Refusal, Socket};
use super::target::Target;
use super::wire::{Encoding, Endpoint};
use crate::failure::Failure;

/// Sockets of one user; a server takes 64.
const OF_USER: usize = 64;
/// Sockets of one device; a server takes 8.
const OF_DEVICE: usize = 8;
/// Devices that log in at the same time.
const LOGINS: usize = 4;

/// A person with devices, in some spaces.
pub(crate) struct Listener {
    devices: Vec<Device>,
    /// Where each space is read from: cursors are a user's.
    pub(crate) cursors: HashMap<String, String>,
}

impl Listener {
    /// A token for the socket of a number.
    pub(crate) fn token(&self, socket: usize) -> &str {
        self.devices.get(socket / OF_DEVICE % self.devices.len().max(1)).map_or("", Device::token)
    }

    /// Reads each space up to its head.
    pub(crate) async fn read_spaces(&mut self, spaces: &[String]) -> Result<(), Failure> {
        let Some(device) = self.devices.first_mut() else { return Ok(()) };
        for space in spaces {
            let mut cursor: Option<String> = self.cursors.get(space).cloned();
            loop {
                let page = page(device, space, cursor.as_deref(), Encoding::None).await?;
                cursor = Some(page.cursor);
                if !page.has_more {
                    break;
                }
            }
            self.cursors.extend(cursor.map(|cursor| (space.clone(), cursor)));
        }
        Ok(())
    }
}

/// Adds as many people as so many sockets in each of some spaces need, and logs their devices in.
pub(crate) async fn gather(
    target: &Target,
    lead: &mut Device,
    (spaces, sockets): (&[String], usize),
    advance: impl Fn(),
) -> Result<Vec<Listener>, Failure> {
    let all = spaces.len() * sockets;
    let people = all.div_ceil(OF_USER).max(1);
    let each = all.div_ceil(people).div_ceil(OF_DEVICE);
    let turns = Rc::new(Semaphore::new(LOGINS));
    let mut tasks = JoinSet::new();
    for number in 0..people {
        let account = Account { email: format!("listener-{number}@bench.example"), password: target.account.password.clone() };
        let body = json!({"email": account.email, "password": account.password, "name": format!("Listener {number}")});
        let user = lead.call_json("POST", "/api/users", &body).await?;
        let user_id = user.get("user_id").and_then(Value::as_str).unwrap_or_default().to_owned();
        for space in spaces {
            lead.call_json("PUT", &format!("/api/spaces/{space}/members/{user_id}"), &json!({"role": "coordinator"})).await?;
        }
        let (endpoint, turns) = (target.endpoint.clone(), Rc::clone(&turns));
        tasks.spawn_local(async move {
            let mut devices = Vec::new();
            for device in 0..each {
                let _turn = turns.acquire().await;
                devices.push(Device::login(&endpoint, &account, &format!("listener {device}")).await?);
            }
            Ok(Listener { devices, cursors: HashMap::new() })
        });
    }
    join(tasks, |_| advance()).await
}

/// What sockets heard, of what was sent when.
pub(crate) struct Heardbook {
    sent: HashMap<String, Instant>,
    pub(crate) latency_us: Histogram<u64>,
    /// Frames.
    pub(crate) frames: u64,
    /// Of these, such as carried no documents.
    pub(crate) pokes: u64,
    /// Operations that were heard of, once for each socket.
    pub(crate) heard: u64,
    /// Sockets that ended by themselves.
    pub(crate) ended: u64,
    /// When something was heard last.
    pub(crate) last: Option<Instant>,
}

/// A [`Heardbook`] that many tasks share.
pub(crate) type Book = Rc<RefCell<Heardbook>>;

impl Heardbook {
    pub(crate) fn shared() -> Result<Book, Failure> {
        let (sent, frames, pokes, heard, ended, last) = Default::default();
        Ok(Rc::new(RefCell::new(Self { sent, latency_us: histogram()?, frames, pokes, heard, ended, last })))
    }

    /// An operation goes out now.
    pub(crate) fn sends(&mut self, op_id: String, at: Instant) {
        self.sent.insert(op_id, at);
    }

    /// Forgets what was sent and heard so far.
    pub(crate) fn begin_anew(&mut self) {
        self.latency_us.reset();
        self.sent.clear();
        (self.frames, self.pokes, self.heard, self.last) = Default::default();
    }

    fn take(&mut self, text: &str) {
        if !text.starts_with(r#"{"type":"change""#) {
            return;
        }
        let now = Instant::now();
        self.frames += 1;
        self.last = Some(now);
        let mut found = false;
        for rest in text.split(r#""op_id":""#).skip(1) {
            let sent = rest.get(..36).and_then(|op_id| self.sent.get(op_id));
            if let Some(sent) = sent {
                found = true;
                self.heard += 1;
                let took_us = u64::try_from(now.duration_since(*sent).as_micros()).unwrap_or(u64::MAX);
                self.latency_us.saturating_record(took_us.max(1));
            }
        }
        self.pokes += u64::from(!found);
    }
}

/// Where a socket is opened, as whom, and what it follows from where.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) endpoint: Endpoint,
    pub(crate) token: String,
    pub(crate) space: String,
    pub(crate) cursor: String,
}

/// The seats of so many sockets in each space, dealt out among people.
pub(crate) fn seats(endpoint: &Endpoint, listeners: &[Listener], spaces: &[String], sockets: usize) -> Vec<Seat> {
    let mut seats = Vec::new();
    for (number, space) in spaces.iter().cycle().take(spaces.len() * sockets).enumerate() {
        let Some(listener) = listeners.get(number % listeners.len().max(1)) else { continue };
        let Some(cursor) = listener.cursors.get(space) else { continue };
        let (endpoint, token) = (endpoint.clone(), listener.token(number / listeners.len().max(1)).to_owned());
        seats.push(Seat { endpoint, token, space: space.clone(), cursor: cursor.clone() });
    }
    seats
}

/// Opens a socket on a seat and listens until it is aborted or ends. Resolves when it is open.
pub(crate) async fn sit_down(seat: Seat, book: Book) -> Result<JoinHandle<()>, Refusal> {
    let mut socket = Socket::open(&seat.endpoint, &seat.token).await?;
    socket.subscribe(&seat.space, &seat.cursor).await?;
    Ok(tokio::task::spawn_local(async move {
        loop {
            match socket.next().await {
                Ok(Heard::Text(text)) => book.borrow_mut().take(&text),
                Ok(Heard::Closed) | Err(_) => break book.borrow_mut().ended += 1,
            }
        }
    }))
}

/// What came of opening many sockets at once.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    pub(crate) sockets: Vec<JoinHandle<()>>,
    /// Answers of 500 and above, however often they were asked again.
    pub(crate) server_errors: u64,
    /// Refusals, and connections that broke.
    pub(crate) others: u64,
}

/// Opens sockets on all seats, at most so many at the same time; each that is refused tries again, at a time of its own.
pub(crate) async fn open_all(seats: &[Seat], book: &Book, at_once: usize) -> Result<Opened, Failure> {
    let turns = Rc::new(Semaphore::new(at_once));
    let mut tasks = JoinSet::new();
    for (number, seat) in seats.iter().enumerate() {
        let (seat, book, turns) = (seat.clone(), Rc::clone(book), Rc::clone(&turns));
        tasks.spawn_local(async move {
            let mut errors = (0, 0);
            for attempt in 0..20_u32 {
                let turn = turns.acquire().await;
                match sit_down(seat.clone(), Rc::clone(&book)).await {
                    Ok(socket) => return Ok((Some(socket), errors)),
                    Err(Refusal::Status(status)) if status >= 500 => errors.0 += 1,
                    Err(Refusal::Status(_) | Refusal::Broken) => errors.1 += 1,
                }
                drop(turn);
                let spread = u64::try_from(number % 97).unwrap_or_default() * 7;
                tokio::time::sleep(Duration::from_millis(spread + 50 * u64::from(attempt + 1))).await;
            }
            Ok((None, errors))
        });
    }
    let mut opened = Opened::default();
    for (socket, (server_errors, others)) in join(tasks, |_| {}).await? {
        opened.sockets.extend(socket);
        opened.server_errors += server_errors;
        opened.others += others;
    }
    Ok(opened)
}
