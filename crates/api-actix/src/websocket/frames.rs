//! Frames (RFC 6455, section 5): read strictly, and refused at the first byte that is wrong.

use std::borrow::Cow;

use actix_web::web::{Buf as _, Bytes};
pub(crate) use actix_ws::CloseCode;

/// Bytes of a control frame's payload.
const MOST_CONTROL_BYTES: usize = 125;
/// Bytes of a close frame's reason.
const MOST_REASON_BYTES: usize = MOST_CONTROL_BYTES - 2;
/// The longest head of a client's frame: two bytes, eight of length, four of mask.
const MOST_HEAD_BYTES: usize = 14;

/// Why a connection is failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) CloseCode, pub(crate) &'static str);

/// What a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Received {
    Text(String),
    Binary(Bytes),
    Ping(Bytes),
    Pong,
    /// The end, with a status or without.
    Close(Option<u16>),
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    const ALL: [(Self, u8); 6] =
        [(Self::Continuation, 0), (Self::Text, 1), (Self::Binary, 2), (Self::Close, 8), (Self::Ping, 9), (Self::Pong, 10)];

    fn of(bits: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == bits).map(|(opcode, _)| opcode)
    }

    fn bits(self) -> u8 {
        Self::ALL.into_iter().find(|(opcode, _)| *opcode == self).map_or(0, |(_, bits)| bits)
    }

    const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A server's frame, whole and unmasked.
pub(crate) fn frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(payload.len() + 10);
    bytes.push(0x80 | opcode.bits());
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..=125), _) => bytes.push(length),
        (_, Ok(length)) => {
            bytes.push(126);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            bytes.push(127);
            bytes.extend_from_slice(&u64::try_from(payload.len()).unwrap_or(u64::MAX).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes.into()
}

/// A close frame. Without a status there is no reason.
pub(crate) fn close_frame(code: Option<u16>, reason: &str) -> Bytes {
    let mut payload = Vec::new();
    if let Some(code) = code {
        payload.extend_from_slice(&code.to_be_bytes());
        let end = (0..=reason.len().min(MOST_REASON_BYTES)).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or(0);
        payload.extend_from_slice(reason.get(..end).unwrap_or_default().as_bytes());
    }
    frame(Opcode::Close, &payload)
}

/// A frame whose payload is arriving.
#[derive(Debug)]
struct Arriving {
    opcode: Opcode,
    last: bool,
    /// Bytes still to come.
    left: usize,
    /// The mask, turned to where the next byte begins.
    mask: [u8; 4],
}

/// Reads a client's frames, as they arrive, into messages.
#[derive(Debug)]
pub(crate) struct Reader {
    most_bytes: usize,
    head: Vec<u8>,
    frame: Option<Arriving>,
    /// The message of which some frames arrived, and what it is.
    message: Vec<u8>,
    kind: Option<Opcode>,
    /// So many of its bytes are known to be UTF-8.
    checked: usize,
    control: Vec<u8>,
}

impl Reader {
    /// A reader of messages of at most so many bytes.
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self { most_bytes, head: Vec::new(), frame: None, message: Vec::new(), kind: None, checked: 0, control: Vec::new() }
    }

    /// Reads on; `None` when all of it was read and more has to arrive.
    ///
    /// # Errors
    /// With what the connection is to be failed.
    pub(crate) fn read(&mut self, arrived: &mut Bytes) -> Result<Option<Received>, Violation> {
        loop {
            if self.frame.is_none() {
                if arrived.is_empty() {
                    return Ok(None);
                }
                self.read_head(arrived)?;
            }
            let Some(mut frame) = self.frame.take() else { continue };
            self.read_payload(&mut frame, arrived)?;
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            if let Some(received) = self.end_of(&frame)? {
                return Ok(Some(received));
            }
        }
    }

    /// Takes one byte of a head, and begins the frame after its last one.
    fn read_head(&mut self, arrived: &mut Bytes) -> Result<(), Violation> {
        if self.head.len() < MOST_HEAD_BYTES {
            self.head.push(arrived.get_u8());
        }
        match *self.head.as_slice() {
            [first] => self.check_first(first).map(|_| ()),
            [first, second, ref rest @ ..] => {
                let opcode = self.check_first(first)?;
                check_second(opcode, second)?;
                let Some((length, rest)) = length_of(second, rest)? else { return Ok(()) };
                let have = if opcode.is_control() { 0 } else { self.message.len() };
                if have.saturating_add(length) > self.most_bytes {
                    return Err(Violation(CloseCode::Size, "the message is larger than what is taken"));
                }
                let Ok(mask) = <[u8; 4]>::try_from(rest) else { return Ok(()) };
                self.head = Vec::new();
                self.begin(Arriving { opcode, last: first & 0x80 != 0, left: length, mask });
                Ok(())
            }
            [] => Ok(()),
        }
    }

    fn check_first(&self, first: u8) -> Result<Opcode, Violation> {
        let fail = |reason| Err(Violation(CloseCode::Protocol, reason));
        let Some(opcode) = Opcode::of(first & 0x0f) else { return fail("the opcode is reserved") };
        match opcode {
            _ if first & 0x70 != 0 => fail("a reserved bit is set, and no extension was agreed on"),
            _ if opcode.is_control() && first & 0x80 == 0 => fail("a control frame is fragmented"),
            Opcode::Continuation if self.kind.is_none() => fail("there is no message to continue"),
            Opcode::Text | Opcode::Binary if self.kind.is_some() => fail("the message before has not ended"),
            _ => Ok(opcode),
        }
    }

    fn begin(&mut self, frame: Arriving) {
        if let Opcode::Text | Opcode::Binary = frame.opcode {
            self.kind = Some(frame.opcode);
        }
        self.frame = Some(frame);
    }

    fn read_payload(&mut self, frame: &mut Arriving, arrived: &mut Bytes) -> Result<(), Violation> {
        let piece = arrived.split_to(frame.left.min(arrived.len()));
        frame.left -= piece.len();
        let into = if frame.opcode.is_control() { &mut self.control } else { &mut self.message };
        into.extend(piece.iter().zip(frame.mask.into_iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame.mask.rotate_left(piece.len() % 4);
        if self.kind == Some(Opcode::Text) && !frame.opcode.is_control() {
            self.check_text(frame.last && frame.left == 0)?;
        }
        Ok(())
    }

    /// Fails at the first byte that no more bytes can make right.
    fn check_text(&mut self, is_whole: bool) -> Result<(), Violation> {
        let fail = Err(Violation(CloseCode::Invalid, "the text is not UTF-8"));
        match std::str::from_utf8(self.message.get(self.checked..).unwrap_or_default()) {
            Ok(text) => self.checked += text.len(),
            Err(error) if error.error_len().is_some() || is_whole => return fail,
            Err(error) => self.checked += error.valid_up_to(),
        }
        Ok(())
    }

    /// What a frame makes whole.
    fn end_of(&mut self, frame: &Arriving) -> Result<Option<Received>, Violation> {
        match frame.opcode {
            Opcode::Ping => Ok(Some(Received::Ping(std::mem::take(&mut self.control).into()))),
            Opcode::Pong => {
                self.control = Vec::new();
                Ok(Some(Received::Pong))
            }
            Opcode::Close => close_of(&std::mem::take(&mut self.control)).map(|code| Some(Received::Close(code))),
            _ if !frame.last => Ok(None),
            _ => {
                self.checked = 0;
                let message = std::mem::take(&mut self.message);
                Ok(Some(match self.kind.take() {
                    Some(Opcode::Binary) => Received::Binary(message.into()),
                    // checked as it arrived
                    _ => Received::Text(String::from_utf8(message).unwrap_or_default()),
                }))
            }
        }
    }
}

fn check_second(opcode: Opcode, second: u8) -> Result<(), Violation> {
    if second & 0x80 == 0 {
        return Err(Violation(CloseCode::Protocol, "a client masks its frames"));
    }
    if opcode.is_control() && usize::from(second & 0x7f) > MOST_CONTROL_BYTES {
        return Err(Violation(CloseCode::Protocol, "a control frame is longer than 125 bytes"));
    }
    Ok(())
}

/// The length of a payload, and what follows it in the head; `None` while bytes of it are to come.
fn length_of(second: u8, rest: &[u8]) -> Result<Option<(usize, &[u8])>, Violation> {
    Ok(match second & 0x7f {
        126 => rest.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_be_bytes(*length)), rest)),
        127 => match rest.split_first_chunk() {
            None => None,
            Some((length, rest)) => {
                let length = u64::from_be_bytes(*length);
                if length > u64::MAX >> 1 {
                    return Err(Violation(CloseCode::Protocol, "the highest bit of a length is set"));
                }
                Some((usize::try_from(length).unwrap_or(usize::MAX), rest))
            }
        },
        length => Some((usize::from(length), rest)),
    })
}

/// The status of a close frame, if it has one that may be sent.
fn close_of(payload: &[u8]) -> Result<Option<u16>, Violation> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        let alone = Violation(CloseCode::Protocol, "half of a status");
        return if payload.is_empty() { Ok(None) } else { Err(alone) };
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation(CloseCode::Protocol, "a status that may not be sent"));
    }
    match String::from_utf8_lossy(reason) {
        Cow::Borrowed(_) => Ok(Some(code)),
        Cow::Owned(_) => Err(Violation(CloseCode::Invalid, "the reason is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client's frame.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let mut bytes = frame(Opcode::Text, payload).to_vec();
        bytes[0] = first;
        bytes[1] |= 0x80;
        let at = bytes.len() - payload.len();
        for (index, byte) in bytes[at..].iter_mut().enumerate() {
            *byte ^= mask[index % 4];
        }
        bytes.splice(at..at, mask);
        bytes
    }

    fn read(pieces: &[&[u8]]) -> Result<Vec<Received>, Violation> {
        let mut reader = Reader::new(1_000);
        let mut all = Vec::new();
        for piece in pieces {
            let mut arrived = Bytes::copy_from_slice(piece);
            while let Some(received) = reader.read(&mut arrived)? {
                all.push(received);
            }
            assert!(arrived.is_empty());
        }
        Ok(all)
    }

    #[test]
    fn reads_the_same_however_it_is_cut() {
        let mut bytes = masked(0x01, "Hé".as_bytes());
        bytes.extend(masked(0x89, b"are you there"));
        bytes.extend(masked(0x80, "llo".as_bytes()));
        bytes.extend(masked(0x82, &[7; 300]));
        bytes.extend(masked(0x88, &[3, 232]));
        let expected = vec![
            Received::Ping(Bytes::from_static(b"are you there")),
            Received::Text("Héllo".into()),
            Received::Binary(vec![7; 300].into()),
            Received::Close(Some(1000)),
        ];
        for size in [1, 2, 3, 5, 7, 64, bytes.len()] {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            assert_eq!(read(&pieces), Ok(expected.clone()), "{size}");
        }
    }

    #[test]
    fn refuses_a_length_before_any_of_it_arrives() {
        let head = [0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0];
        assert_eq!(read(&[&head]).map_err(|violation| violation.0), Err(CloseCode::Size));
        let beyond = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(read(&[&beyond]).map_err(|violation| violation.0), Err(CloseCode::Protocol));
    }

    #[test]
    fn a_reason_is_cut_between_characters() {
        let frame = close_frame(Some(1000), &"é".repeat(100));
        assert_eq!((frame.len(), frame[1]), (2 + 2 + 122, 124));
        assert!(std::str::from_utf8(&frame[4..]).is_ok());
        assert_eq!(&close_frame(None, "why")[..], [0x88, 0]);
    }
}
