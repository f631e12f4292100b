//! Connections that are held open, and every byte that came over them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::Client;
use crate::socket::Socket;

/// Whoever waits for longer waits in vain.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that is read to its end.
pub(super) struct Ear {
    heard: Arc<(Mutex<Vec<u8>>, Condvar)>,
    thread: JoinHandle<()>,
}

impl Ear {
    /// A socket that follows a space, whether or not it may.
    pub(super) fn socket(client: &Client, space: &str) -> Self {
        let mut socket = Socket::open(client);
        socket.say(&json!({"type": "subscribe", "spaces": [{"space_id": space, "cursor": cursor(client, space)}]}));
        Self::listen(socket.into_stream())
    }

    /// A stream of events.
    pub(super) fn events(client: &Client, space: &str) -> Self {
        let (address, token) = client.credentials();
        let cursor = cursor(client, space).as_str().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!(
            "GET /api/offline/events?space={space}{cursor} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
            accept: text/event-stream\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        Self::listen(stream)
    }

    fn listen(mut stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE * 5)).unwrap();
        let heard = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let told = Arc::clone(&heard);
        let thread = std::thread::spawn(move || {
            let mut bytes = vec![0; 64 << 10];
            while let Ok(count @ 1..) = stream.read(&mut bytes) {
                told.0.lock().unwrap().extend_from_slice(&bytes[..count]);
                told.1.notify_all();
            }
        });
        Self { heard, thread }
    }

    /// Waits until something was said.
    pub(super) fn waits_for(&self, text: &str) {
        let until = Instant::now() + PATIENCE;
        let mut heard = self.heard.0.lock().unwrap();
        while !heard.windows(text.len()).any(|part| part == text.as_bytes()) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{text} is never told: {}", String::from_utf8_lossy(&heard));
            heard = self.heard.1.wait_timeout(heard, left).unwrap().0;
        }
    }

    /// All that was heard, once the server has closed the connection.
    pub(super) fn end(self) -> Vec<u8> {
        self.thread.join().unwrap();
        std::mem::take(&mut *self.heard.0.lock().unwrap())
    }
}

/// Where somebody is who pulled everything; `null` for who may pull nothing.
fn cursor(client: &Client, space: &str) -> Value {
    let pull = json!({"protocol": 1, "pull": {"spaces": {space: {"cursor": null}}, "max_changes": 5000, "max_bytes": 8_000_000}});
    client.call("POST", "/api/offline/sync", &pull).unwrap()["changes"][space]["cursor"].clone()
}
