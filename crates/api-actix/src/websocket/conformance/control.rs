//! Groups 2 to 4: pings and pongs, reserved bits, reserved opcodes.

use super::{Chop, Frame, Step, cases, echoes, fails, frame};

const TEXT: &[u8] = b"Hello, world!";

fn ping(payload: &[u8]) -> Frame {
    frame(9, payload)
}

fn pong(payload: &[u8]) -> Frame {
    frame(10, payload)
}

fn text() -> Frame {
    frame(1, TEXT)
}

/// Ten pings, one after another; each is answered.
#[track_caller]
fn ten_pings(chop: Chop) {
    let payload = |n: u32| format!("payload-{n}").into_bytes();
    let pings = (0..10).map(|n| ping(&payload(n))).collect();
    let pongs: Vec<Frame> = (0..10).map(|n| pong(&payload(n))).collect();
    echoes([Step::Frames(pings, chop)], &pongs);
}

/// What may not be sent, alone.
#[track_caller]
fn refused(bad: Frame) {
    fails([vec![bad]], &[], 1002);
}

/// What may not be sent, between a text that comes back and a ping that does not.
#[track_caller]
fn refused_after_text(bad: Frame, chop: Chop) {
    fails([Step::Frames(vec![text(), bad, ping(b"")], chop)], &[text()], 1002);
}

cases! {
    case_2_1: echoes([vec![ping(b"")]], &[pong(b"")]);
    case_2_2: echoes([vec![ping(TEXT)]], &[pong(TEXT)]);
    case_2_3: echoes([vec![ping(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")]], &[pong(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")]);
    case_2_4: echoes([vec![ping(&[0xfe; 125])]], &[pong(&[0xfe; 125])]);
    case_2_5: refused(ping(&[0xfe; 126]));
    case_2_6: echoes([Step::Frames(vec![ping(&[0xfe; 125])], Chop::Bytes(1))], &[pong(&[0xfe; 125])]);
    case_2_7: echoes([vec![pong(b"")]], &[]);
    case_2_8: echoes([vec![pong(b"unsolicited pong payload")]], &[]);
    case_2_9: echoes([vec![pong(b"unsolicited pong payload"), ping(b"ping payload")]], &[pong(b"ping payload")]);
    case_2_10: ten_pings(Chop::Whole);
    case_2_11: ten_pings(Chop::Bytes(1));

    case_3_1: refused(text().rsv(1));
    case_3_2: refused_after_text(text().rsv(2), Chop::Whole);
    case_3_3: refused_after_text(text().rsv(3), Chop::Frames);
    case_3_4: refused_after_text(text().rsv(4), Chop::Bytes(1));
    case_3_5: refused(frame(2, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff").rsv(5));
    case_3_6: refused(ping(TEXT).rsv(6));
    case_3_7: refused(frame(8, 1000_u16.to_be_bytes()).rsv(7));

    case_4_1_1: refused(frame(3, b""));
    case_4_1_2: refused(frame(4, b"reserved opcode payload"));
    case_4_1_3: refused_after_text(frame(5, b""), Chop::Whole);
    case_4_1_4: refused_after_text(frame(6, TEXT), Chop::Whole);
    case_4_1_5: refused_after_text(frame(7, TEXT), Chop::Bytes(1));
    case_4_2_1: refused(frame(11, b""));
    case_4_2_2: refused(frame(12, b"reserved opcode payload"));
    case_4_2_3: refused_after_text(frame(13, b""), Chop::Whole);
    case_4_2_4: refused_after_text(frame(14, TEXT), Chop::Whole);
    case_4_2_5: refused_after_text(frame(15, TEXT), Chop::Bytes(1));
}
