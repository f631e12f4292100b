//! Group 6, the first four parts: where text ends and fragments end, and that what can't be right any more is refused
//! before the rest of it is there.

use super::{Frame, Step, cases, echoes, fails, frame};

const VALID: &[u8] = "Hello-µ@ßöäüàá-UTF-8!!".as_bytes();
const KOSME: &[u8] = "κόσμε".as_bytes();
const INVALID: &[u8] = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited";

/// A text in these fragments.
fn fragments(pieces: &[&[u8]]) -> Vec<Frame> {
    let last = pieces.len() - 1;
    let piece = |(n, piece): (usize, &&[u8])| {
        let frame = frame(u8::from(n == 0), piece.to_vec());
        if n == last { frame } else { frame.open() }
    };
    pieces.iter().enumerate().map(piece).collect()
}

#[track_caller]
fn joined(pieces: &[&[u8]]) {
    echoes([fragments(pieces)], &[frame(1, pieces.concat())]);
}

#[track_caller]
fn octets(text: &[u8]) {
    joined(&text.chunks(1).collect::<Vec<_>>());
}

/// The last of three pieces is never sent: the second already can't be right.
const FAST: [[&[u8]; 3]; 2] = [
    [b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", b"\xf4\x90\x80\x80", b"edited"],
    [b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4", b"\x90", b"\x80\x80edited"],
];

#[track_caller]
fn fails_fast_in_fragments(pieces: [&[u8]; 3]) {
    let mut frames = fragments(&pieces);
    frames.pop();
    fails([frames], &[], 1007);
}

#[track_caller]
fn fails_fast_in_chops(pieces: [&[u8]; 3]) {
    let whole = frame(1, pieces.concat()).bytes();
    let end = whole.len() - pieces[2].len();
    let middle = end - pieces[1].len();
    fails([Step::Raw(whole[..middle].to_vec()), Step::Raw(whole[middle..end].to_vec())], &[], 1007);
}

cases! {
    case_6_1_1: joined(&[b""]);
    case_6_1_2: joined(&[b"", b"", b""]);
    case_6_1_3: joined(&[b"", b"middle frame payload", b""]);
    case_6_2_1: joined(&[VALID]);
    case_6_2_2: joined(&[&VALID[..12], &VALID[12..]]);
    case_6_2_3: octets(VALID);
    case_6_2_4: octets(KOSME);
    case_6_3_1: fails([fragments(&[INVALID])], &[], 1007);
    case_6_3_2: fails([fragments(&INVALID.chunks(1).collect::<Vec<_>>())], &[], 1007);
    case_6_4_1: fails_fast_in_fragments(FAST[0]);
    case_6_4_2: fails_fast_in_fragments(FAST[1]);
    case_6_4_3: fails_fast_in_chops(FAST[0]);
    case_6_4_4: fails_fast_in_chops(FAST[1]);
}
