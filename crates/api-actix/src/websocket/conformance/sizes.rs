//! Group 9: limits and throughput. What is larger than a message may be is refused when its head arrives, or the fragment
//! that goes beyond; what is about many pieces is as large as a message may be.

use super::peer::round_trips;
use super::{Chop, Frame, Step, cases, echoes, fails, frame};

const KIB: usize = 1_024;
const MIB: usize = 1_024 * KIB;
/// The largest message that is taken.
const MOST: usize = 64 * KIB;

const TEXT: u8 = 1;
const BINARY: u8 = 2;

fn message(opcode: u8, length: usize) -> Frame {
    frame(opcode, vec![b'*'; length])
}

/// A message of this length, in one frame.
#[track_caller]
fn of_length(opcode: u8, length: usize) {
    if length <= MOST {
        echoes([vec![message(opcode, length)]], &[message(opcode, length)]);
    } else {
        // its head alone: nobody has to send what nobody will read
        let head = message(opcode, length).bytes()[..14].to_vec();
        fails([Step::Raw(head)], &[], 1009);
    }
}

/// The largest message, in frames of this length; where one alone is larger, that one.
#[track_caller]
fn in_fragments(opcode: u8, size: usize) {
    if size > MOST {
        fails([Step::Raw(message(opcode, size).open().bytes()[..14].to_vec())], &[], 1009);
        return;
    }
    let mut frames: Vec<Frame> = (0..MOST / size).map(|n| message(if n == 0 { opcode } else { 0 }, size).open()).collect();
    let end = frame(0, b"");
    frames.push(end.clone());
    echoes([frames.clone()], &[message(opcode, MOST)]);
    // and with a byte more
    frames.pop();
    frames.extend([frame(0, b"*"), end]);
    fails([frames], &[], 1009);
}

/// The largest message, sent in pieces of this length.
#[track_caller]
fn in_chops(opcode: u8, size: usize) {
    echoes([Step::Frames(vec![message(opcode, MOST)], Chop::Bytes(size))], &[message(opcode, MOST)]);
}

#[track_caller]
fn a_thousand(opcode: u8, length: usize) {
    round_trips(&message(opcode, length), 1_000);
}

cases! {
    case_9_1_1: of_length(TEXT, 64 * KIB);
    case_9_1_2: of_length(TEXT, 256 * KIB);
    case_9_1_3: of_length(TEXT, MIB);
    case_9_1_4: of_length(TEXT, 4 * MIB);
    case_9_1_5: of_length(TEXT, 8 * MIB);
    case_9_1_6: of_length(TEXT, 16 * MIB);
    case_9_2_1: of_length(BINARY, 64 * KIB);
    case_9_2_2: of_length(BINARY, 256 * KIB);
    case_9_2_3: of_length(BINARY, MIB);
    case_9_2_4: of_length(BINARY, 4 * MIB);
    case_9_2_5: of_length(BINARY, 8 * MIB);
    case_9_2_6: of_length(BINARY, 16 * MIB);
    case_9_3_1: in_fragments(TEXT, 64);
    case_9_3_2: in_fragments(TEXT, 256);
    case_9_3_3: in_fragments(TEXT, KIB);
    case_9_3_4: in_fragments(TEXT, 4 * KIB);
    case_9_3_5: in_fragments(TEXT, 16 * KIB);
    case_9_3_6: in_fragments(TEXT, 64 * KIB);
    case_9_3_7: in_fragments(TEXT, 256 * KIB);
    case_9_3_8: in_fragments(TEXT, MIB);
    case_9_3_9: in_fragments(TEXT, 4 * MIB);
    case_9_4_1: in_fragments(BINARY, 64);
    case_9_4_2: in_fragments(BINARY, 256);
    case_9_4_3: in_fragments(BINARY, KIB);
    case_9_4_4: in_fragments(BINARY, 4 * KIB);
    case_9_4_5: in_fragments(BINARY, 16 * KIB);
    case_9_4_6: in_fragments(BINARY, 64 * KIB);
    case_9_4_7: in_fragments(BINARY, 256 * KIB);
    case_9_4_8: in_fragments(BINARY, MIB);
    case_9_4_9: in_fragments(BINARY, 4 * MIB);
    case_9_5_1: in_chops(TEXT, 64);
    case_9_5_2: in_chops(TEXT, 128);
    case_9_5_3: in_chops(TEXT, 256);
    case_9_5_4: in_chops(TEXT, 512);
    case_9_5_5: in_chops(TEXT, 1_024);
    case_9_5_6: in_chops(TEXT, 2_048);
    case_9_6_1: in_chops(BINARY, 64);
    case_9_6_2: in_chops(BINARY, 128);
    case_9_6_3: in_chops(BINARY, 256);
    case_9_6_4: in_chops(BINARY, 512);
    case_9_6_5: in_chops(BINARY, 1_024);
    case_9_6_6: in_chops(BINARY, 2_048);
    case_9_7_1: a_thousand(TEXT, 0);
    case_9_7_2: a_thousand(TEXT, 16);
    case_9_7_3: a_thousand(TEXT, 64);
    case_9_7_4: a_thousand(TEXT, 256);
    case_9_7_5: a_thousand(TEXT, 1_024);
    case_9_7_6: a_thousand(TEXT, 4_096);
    case_9_8_1: a_thousand(BINARY, 0);
    case_9_8_2: a_thousand(BINARY, 16);
    case_9_8_3: a_thousand(BINARY, 64);
    case_9_8_4: a_thousand(BINARY, 256);
    case_9_8_5: a_thousand(BINARY, 1_024);
    case_9_8_6: a_thousand(BINARY, 4_096);
}
