//! A client that says exactly what a case says, byte by byte where it says so, and reads what comes back until the end.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::server::address;

/// Whoever waits for longer was forgotten by the server.
const PATIENCE: Duration = Duration::from_secs(20);
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame of a client.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    fin: bool,
    rsv: u8,
    opcode: u8,
    payload: Vec<u8>,
}

/// A whole frame.
pub(super) fn frame(opcode: u8, payload: impl Into<Vec<u8>>) -> Frame {
    Frame { fin: true, rsv: 0, opcode, payload: payload.into() }
}

impl Frame {
    /// Of which more follows.
    pub(super) fn open(self) -> Self {
        Self { fin: false, ..self }
    }

    pub(super) fn rsv(self, rsv: u8) -> Self {
        Self { rsv, ..self }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![(u8::from(self.fin) << 7) | (self.rsv << 4) | self.opcode];
        match self.payload.len() {
            length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).unwrap()),
            length @ 126..=65_535 => {
                bytes.push(0xfe);
                bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            length => {
                bytes.push(0xff);
                bytes.extend(u64::try_from(length).unwrap().to_be_bytes());
            }
        }
        bytes.extend(MASK);
        bytes.extend(self.payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }
}

/// How bytes are sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chop {
    /// All at once.
    Whole,
    /// Each frame by itself.
    Frames,
    /// So many bytes at a time.
    Bytes(usize),
}

/// Part of what a case sends.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Frames(Vec<Frame>, Chop),
    Raw(Vec<u8>),
}

impl From<Vec<Frame>> for Step {
    fn from(frames: Vec<Frame>) -> Self {
        Self::Frames(frames, Chop::Whole)
    }
}

/// What a server sent: opcode and payload.
type Reply = (u8, Vec<u8>);

struct Peer {
    stream: TcpStream,
}

impl Peer {
    fn connect() -> Self {
        let stream = TcpStream::connect(address()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut peer = Self { stream };
        peer.write(
            b"GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        );
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(peer.read_exact(1).unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(head.starts_with("http/1.1 101"), "{head}");
        // the key and the answer of RFC 6455, 1.3
        assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        peer
    }

    /// Sends bytes; whether the server still takes them.
    fn write(&mut self, bytes: &[u8]) -> bool {
        match self.stream.write_all(bytes) {
            Ok(()) => true,
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn send(&mut self, step: &Step) {
        let (frames, chop) = match step {
            Step::Raw(bytes) => {
                self.write(bytes);
                return;
            }
            Step::Frames(frames, chop) => (frames.iter().map(Frame::bytes), *chop),
        };
        match chop {
            Chop::Whole => _ = self.write(&frames.flatten().collect::<Vec<u8>>()),
            Chop::Frames => _ = frames.into_iter().all(|frame| self.write(&frame)),
            Chop::Bytes(size) => _ = frames.flatten().collect::<Vec<u8>>().chunks(size).all(|piece| self.write(piece)),
        }
    }

    /// `None` at the end of the connection.
    fn read_exact(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        match self.stream.read_exact(&mut bytes) {
            Ok(()) => Some(bytes),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn read_frame(&mut self) -> Option<Reply> {
        let head = self.read_exact(2)?;
        assert_eq!(head[0] & 0xf0, 0x80, "a server that does not fragment and knows no extension");
        assert_eq!(head[1] & 0x80, 0, "a server masks nothing");
        let length = match head[1] {
            126 => usize::from(u16::from_be_bytes(self.read_exact(2)?.try_into().unwrap())),
            127 => usize::try_from(u64::from_be_bytes(self.read_exact(8)?.try_into().unwrap())).unwrap(),
            length => usize::from(length),
        };
        Some((head[0] & 0x0f, self.read_exact(length)?))
    }

    /// Everything up to the end of the connection, and the payload of the close frame before it.
    fn read_to_end(&mut self) -> (Vec<Reply>, Vec<u8>) {
        let mut replies = Vec::new();
        while let Some(reply) = self.read_frame() {
            if reply.0 == 8 {
                assert_eq!(self.read_frame(), None, "nothing follows a close frame but the end");
                return (replies, reply.1);
            }
            replies.push(reply);
        }
        panic!("the connection ended without a close frame, after {replies:?}");
    }
}

fn status(code: u16) -> Vec<u8> {
    code.to_be_bytes().to_vec()
}

fn replies(frames: &[Frame]) -> Vec<Reply> {
    frames.iter().map(|frame| (frame.opcode, frame.payload.clone())).collect()
}

/// What is sent comes back as these frames, and the connection is closed as the client asks.
#[track_caller]
pub(super) fn echoes(steps: impl IntoIterator<Item = impl Into<Step>>, expected: &[Frame]) {
    let mut peer = Peer::connect();
    for step in steps {
        peer.send(&step.into());
    }
    // each is read before the end is asked for: nothing may be lost on the way
    for expected in replies(expected) {
        assert_eq!(peer.read_frame(), Some(expected));
    }
    peer.send(&Step::from(vec![frame(8, status(1000))]));
    assert_eq!(peer.read_to_end(), (Vec::new(), status(1000)));
}

/// The connection is failed with this status, after these frames came back, before the client says anything more.
#[track_caller]
pub(super) fn fails(steps: impl IntoIterator<Item = impl Into<Step>>, expected: &[Frame], code: u16) {
    let mut peer = Peer::connect();
    for step in steps {
        peer.send(&step.into());
    }
    let (received, payload) = peer.read_to_end();
    assert_eq!(received, replies(expected));
    assert_eq!(payload.get(..2), Some(status(code).as_slice()));
    assert!(std::str::from_utf8(&payload[2..]).is_ok());
}

/// The client closes, and the server answers with this, after these frames came back.
#[track_caller]
pub(super) fn closes(steps: impl IntoIterator<Item = impl Into<Step>>, expected: &[Frame], payload: &[u8]) {
    let mut peer = Peer::connect();
    for step in steps {
        peer.send(&step.into());
    }
    assert_eq!(peer.read_to_end(), (replies(expected), payload.to_vec()));
}

/// A message, and as often as told, each sent when the one before came back.
#[track_caller]
pub(super) fn round_trips(message: &Frame, times: usize) {
    let mut peer = Peer::connect();
    for _ in 0..times {
        peer.send(&Step::from(vec![message.clone()]));
        assert_eq!(peer.read_frame(), replies(std::slice::from_ref(message)).pop());
    }
    peer.send(&Step::from(vec![frame(8, status(1000))]));
    assert_eq!(peer.read_to_end(), (Vec::new(), status(1000)));
}
