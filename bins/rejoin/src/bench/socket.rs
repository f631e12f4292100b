//! A WebSocket (RFC 6455) from the client's side, as far as a load generator needs one: it opens, says text, reads text,
//! and answers pings. Light on purpose, like the rest of the generator.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::wire::Endpoint;

/// Where sockets are opened.
const PATH: &str = "/api/offline/realtime";
/// How long one may take to open.
const OPEN: Duration = Duration::from_secs(30);
/// The least room for what comes next.
const ROOM: usize = 2_048;
/// Bit of the first byte: the last part of a message.
const LAST: u8 = 0x80;
/// Bit of the second byte: what a client sends is masked.
const MASKED: u8 = 0x80;

/// What a server sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A frame of the protocol.
    Text(String),
    /// The end.
    Closed,
}

/// An open socket.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    input: Vec<u8>,
    /// A message in parts.
    text: Vec<u8>,
}

/// Why a socket did not open.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The server answered another status than 101.
    Status(u16),
    /// There was no answer.
    Broken,
}

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

impl Socket {
    /// Opens one.
    pub(crate) async fn open(endpoint: &Endpoint, token: &str) -> Result<Self, Refusal> {
        timeout(OPEN, Self::shake_hands(endpoint, token)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn shake_hands(endpoint: &Endpoint, token: &str) -> Result<Self, Refusal> {
        let stream = TcpStream::connect(&endpoint.authority).await?;
        stream.set_nodelay(true)?;
        let mut socket = Self { stream, input: Vec::new(), text: Vec::new() };
        // the key protects intermediaries, of which there are none here: the example of RFC 6455 is as good as any
        let head = format!(
            "GET {}{PATH} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            endpoint.prefix, endpoint.authority
        );
        socket.stream.write_all(head.as_bytes()).await?;
        loop {
            if let Some((bytes, status)) = answered(&socket.input)? {
                socket.input.drain(..bytes);
                return if status == 101 { Ok(socket) } else { Err(Refusal::Status(status)) };
            }
            socket.more().await?;
        }
    }

    /// Follows a space from a cursor on.
    pub(crate) async fn subscribe(&mut self, space: &str, cursor: &str) -> io::Result<()> {
        self.say(&format!(r#"{{"type":"subscribe","spaces":[{{"space_id":"{space}","cursor":"{cursor}"}}]}}"#)).await
    }

    /// Says a text.
    pub(crate) async fn say(&mut self, text: &str) -> io::Result<()> {
        self.send(0x1, text.as_bytes()).await
    }

    async fn send(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = vec![LAST | opcode];
        match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
            (Ok(short), _) if short < 126 => frame.push(MASKED | short),
            (_, Ok(length)) => {
                frame.push(MASKED | 0x7e);
                frame.extend_from_slice(&length.to_be_bytes());
            }
            _ => return Err(damaged("more is said than a client of a load generator says")),
        }
        // a mask of zeros changes nothing, and is one
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        self.stream.write_all(&frame).await
    }

    /// The next text; pings are answered meanwhile.
    pub(crate) async fn next(&mut self) -> io::Result<Heard> {
        loop {
            let Some(frame) = Frame::of(&self.input)? else {
                if !self.more().await? {
                    return Ok(Heard::Closed);
                }
                continue;
            };
            let payload = self.input.get(frame.begins..frame.ends).unwrap_or_default().to_vec();
            self.input.drain(..frame.ends);
            match frame.opcode {
                0x0 | 0x1 => {
                    self.text.extend_from_slice(&payload);
                    if frame.last {
                        let text = String::from_utf8(std::mem::take(&mut self.text)).map_err(|_| damaged("it is no UTF-8"))?;
                        return Ok(Heard::Text(text));
                    }
                }
                0x8 => return Ok(Heard::Closed),
                0x9 => self.send(0xA, &payload).await?,
                _ => {}
            }
        }
    }

    /// Reads more; whether there was.
    async fn more(&mut self) -> io::Result<bool> {
        self.input.reserve(ROOM);
        Ok(self.stream.read_buf(&mut self.input).await? > 0)
    }
}

/// Length and status of an answer's head, once it is there.
fn answered(input: &[u8]) -> io::Result<Option<(usize, u16)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Response::new(&mut headers);
    match parsed.parse(input).map_err(|error| damaged(&error.to_string()))? {
        httparse::Status::Partial => Ok(None),
        httparse::Status::Complete(bytes) => Ok(Some((bytes, parsed.code.unwrap_or_default()))),
    }
}

/// Where a frame is in what was read.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    opcode: u8,
    last: bool,
    begins: usize,
    ends: usize,
}

impl Frame {
    /// The first one, once all of it is there.
    fn of(input: &[u8]) -> io::Result<Option<Self>> {
        let (Some(first), Some(second)) = (input.first(), input.get(1)) else { return Ok(None) };
        if second & MASKED != 0 {
            return Err(damaged("a server masks nothing"));
        }
        let (length, begins) = match second & 0x7f {
            126 => (input.get(2..4).and_then(|bytes| bytes.try_into().ok()).map(|bytes| u64::from(u16::from_be_bytes(bytes))), 4),
            127 => (input.get(2..10).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes), 10),
            short => (Some(u64::from(short)), 2),
        };
        let Some(length) = length else { return Ok(None) };
        let ends = usize::try_from(length).ok().and_then(|length| length.checked_add(begins)).ok_or_else(|| damaged("it is too long"))?;
        let frame = Self { opcode: first & 0x0f, last: first & LAST != 0, begins, ends };
        Ok((input.len() >= ends).then_some(frame))
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("what came is no WebSocket: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_whole_or_not_at_all() {
        let long = [&[0x81, 126, 0x01, 0x00][..], &[b'x'; 256]].concat();
        let longer = [&[0x01, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &vec![b'x'; 65_536]].concat();
        for (input, opcode, last, begins) in
            [(&b"\x81\x05Hello"[..], 1, true, 2), (&long, 1, true, 4), (&longer, 1, false, 10), (b"\x89\x00", 9, true, 2)]
        {
            assert_eq!(Frame::of(input).unwrap(), Some(Frame { opcode, last, begins, ends: input.len() }));
            assert_eq!(Frame::of(&input[..input.len() - 1]).unwrap(), None);
        }
        assert_eq!(Frame::of(b"").unwrap(), None);
        assert!(Frame::of(b"\x81\x85....Hello").is_err(), "a server masks nothing");
        assert!(Frame::of(&[0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255]).is_err());
    }
}
