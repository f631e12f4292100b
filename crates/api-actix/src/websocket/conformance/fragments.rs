//! Groups 5 and 10: messages in fragments.

use super::{Chop, Frame, Step, cases, echoes, fails, frame};

fn first(payload: &str) -> Frame {
    frame(1, payload).open()
}

fn more(payload: &str) -> Frame {
    frame(0, payload).open()
}

fn last(payload: &str) -> Frame {
    frame(0, payload)
}

fn text(payload: &str) -> Frame {
    frame(1, payload)
}

fn ping() -> Frame {
    frame(9, b"ping payload")
}

fn pong() -> Frame {
    frame(10, b"ping payload")
}

#[track_caller]
fn joined(chop: Chop) {
    echoes([Step::Frames(vec![first("fragment1"), last("fragment2")], chop)], &[text("fragment1fragment2")]);
}

#[track_caller]
fn joined_around_a_ping(chop: Chop) {
    let frames = vec![first("fragment1"), ping(), last("fragment2")];
    echoes([Step::Frames(frames, chop)], &[pong(), text("fragment1fragment2")]);
}

/// A continuation of nothing.
#[track_caller]
fn lost(continuation: Frame, chop: Chop) {
    fails([Step::Frames(vec![continuation, text("Hello, world!")], chop)], &[], 1002);
}

/// A continuation of nothing before a message, twice.
#[track_caller]
fn twice_lost(continuation: Frame) {
    let frames = vec![continuation, first("fragment2"), last("fragment3")];
    fails([frames.clone(), frames], &[], 1002);
}

fn five_around_two_pings() -> Vec<Frame> {
    vec![first("fragment1"), more("fragment2"), ping(), more("fragment3"), more("fragment4"), ping(), last("fragment5")]
}

const FIVE: &str = "fragment1fragment2fragment3fragment4fragment5";

/// 64 KiB in frames of 1,300 bytes.
#[track_caller]
fn in_frames_of(length: usize, size: usize) {
    let whole = "*".repeat(length);
    let pieces: Vec<&str> = whole.as_bytes().chunks(size).map(|piece| std::str::from_utf8(piece).unwrap()).collect();
    let (end, pieces) = pieces.split_last().unwrap();
    let mut frames: Vec<Frame> = pieces.iter().enumerate().map(|(n, piece)| if n == 0 { first(piece) } else { more(piece) }).collect();
    frames.push(last(end));
    echoes([frames], &[text(&whole)]);
}

cases! {
    case_5_1: fails([vec![ping().open(), last("fragment2")]], &[], 1002);
    case_5_2: fails([vec![pong().open(), last("fragment2")]], &[], 1002);
    case_5_3: joined(Chop::Whole);
    case_5_4: joined(Chop::Frames);
    case_5_5: joined(Chop::Bytes(1));
    case_5_6: joined_around_a_ping(Chop::Whole);
    case_5_7: joined_around_a_ping(Chop::Frames);
    case_5_8: joined_around_a_ping(Chop::Bytes(1));
    case_5_9: lost(last("non-continuation payload"), Chop::Whole);
    case_5_10: lost(last("non-continuation payload"), Chop::Frames);
    case_5_11: lost(last("non-continuation payload"), Chop::Bytes(1));
    case_5_12: lost(more("non-continuation payload"), Chop::Whole);
    case_5_13: lost(more("non-continuation payload"), Chop::Frames);
    case_5_14: lost(more("non-continuation payload"), Chop::Bytes(1));
    case_5_15: fails(
        [vec![first("fragment1"), last("fragment2"), more("fragment3"), text("fragment4")]],
        &[text("fragment1fragment2")],
        1002
    );
    case_5_16: twice_lost(more("fragment1"));
    case_5_17: twice_lost(last("fragment1"));
    case_5_18: fails([vec![first("fragment1"), text("fragment2")]], &[], 1002);
    case_5_19: echoes([Step::Frames(five_around_two_pings(), Chop::Frames)], &[pong(), pong(), text(FIVE)]);
    case_5_20: echoes([Step::Frames(five_around_two_pings(), Chop::Bytes(1))], &[pong(), pong(), text(FIVE)]);

    case_10_1_1: in_frames_of(65_536, 1_300);
}
