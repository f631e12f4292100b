//! Clients of a WebSocket and of an event stream, as small as can be.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::Client;

/// What a server sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    Frame(Value),
    /// The status of a close frame.
    Closed(u16),
}

/// How long anybody waits for a server: whoever waits for longer waits in vain.
const PATIENCE: Duration = Duration::from_secs(20);

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The cursor of what can be pulled now.
fn pull(client: &Client, space: &str) -> Value {
    let body = json!({"protocol": 1, "pull": {"spaces": {space: {"cursor": null}}}});
    client.call("POST", "/api/offline/sync", &body).unwrap()["changes"][space]["cursor"].clone()
}

/// An open event stream.
pub(crate) struct Events(BufReader<TcpStream>);

impl Events {
    /// Opens one that follows a space from what can be pulled now.
    pub(crate) fn follow(client: &Client, space: &str) -> Self {
        let (cursor, (address, token)) = (pull(client, space), client.credentials());
        let mut stream = connect(address);
        let path = format!("/api/offline/events?space={space}&cursor={}", cursor.as_str().unwrap());
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n").unwrap();
        let mut events = Self(BufReader::new(stream));
        assert_eq!(events.line(), "HTTP/1.1 200 OK");
        // what is told first is how soon to come again: from then on it is followed
        while !events.line().starts_with("retry: ") {}
        events
    }

    /// The next frame; `None` after the last.
    pub(crate) fn hear(&mut self) -> Option<Value> {
        loop {
            let line = self.line();
            match line.strip_prefix("data: ") {
                Some(frame) => return Some(serde_json::from_str(frame).unwrap()),
                // the last chunk
                None if line == "0" => return None,
                None => {}
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "it broke off");
        line.trim_end().to_owned()
    }
}

/// An open socket.
pub(crate) struct Socket(TcpStream);

impl Socket {
    /// Opens one.
    pub(crate) fn open(client: &Client) -> Self {
        let (address, token) = client.credentials();
        let mut stream = connect(address);
        let request = format!(
            "GET /api/offline/realtime HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nupgrade: websocket\r\n\
            connection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Self(stream)
    }

    /// Opens one, and follows a space from what can be pulled now.
    pub(crate) fn follow(client: &Client, space: &str) -> Self {
        let cursor = pull(client, space);
        let mut socket = Self::open(client);
        socket.say(&json!({"type": "subscribe", "spaces": [{"space_id": space, "cursor": cursor}]}));
        socket.say(&json!({"type": "ping"}));
        assert!(matches!(socket.hear(), Said::Frame(frame) if frame["type"] == "pong"));
        socket
    }

    /// The connection, for somebody who reads it as it comes.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.0
    }

    /// Sends a frame, masked with nothing.
    pub(crate) fn say(&mut self, frame: &Value) {
        let text = frame.to_string();
        let length = u16::try_from(text.len()).unwrap().to_be_bytes();
        let head = if text.len() < 126 { vec![0x81, 0x80 | length[1]] } else { vec![0x81, 0xfe, length[0], length[1]] };
        self.0.write_all(&[head, vec![0; 4], text.into_bytes()].concat()).unwrap();
    }

    /// The next frame, pings passed over.
    pub(crate) fn hear(&mut self) -> Said {
        loop {
            let head = self.read(2);
            let length = match head[1] {
                126 => usize::from(u16::from_be_bytes(self.read(2).try_into().unwrap())),
                127 => usize::try_from(u64::from_be_bytes(self.read(8).try_into().unwrap())).unwrap(),
                length => usize::from(length),
            };
            let payload = self.read(length);
            match head[0] & 0x0f {
                1 => return Said::Frame(serde_json::from_slice(&payload).unwrap()),
                8 => return Said::Closed(u16::from_be_bytes([payload[0], payload[1]])),
                _ => {}
            }
        }
    }

    fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }
}
