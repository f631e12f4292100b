//! Group 1: messages of each kind of length.

use super::{Chop, Frame, Step, cases, echoes, frame};

fn text(length: usize) -> Frame {
    frame(1, vec![b'*'; length])
}

fn binary(length: usize) -> Frame {
    frame(2, vec![0xfe; length])
}

#[track_caller]
fn comes_back(message: Frame) {
    echoes([vec![message.clone()]], &[message]);
}

#[track_caller]
fn comes_back_from(message: Frame, chop: Chop) {
    echoes([Step::Frames(vec![message.clone()], chop)], &[message]);
}

cases! {
    case_1_1_1: comes_back(text(0));
    case_1_1_2: comes_back(text(125));
    case_1_1_3: comes_back(text(126));
    case_1_1_4: comes_back(text(127));
    case_1_1_5: comes_back(text(128));
    case_1_1_6: comes_back(text(65_535));
    case_1_1_7: comes_back(text(65_536));
    case_1_1_8: comes_back_from(text(65_536), Chop::Bytes(997));
    case_1_2_1: comes_back(binary(0));
    case_1_2_2: comes_back(binary(125));
    case_1_2_3: comes_back(binary(126));
    case_1_2_4: comes_back(binary(127));
    case_1_2_5: comes_back(binary(128));
    case_1_2_6: comes_back(binary(65_535));
    case_1_2_7: comes_back(binary(65_536));
    case_1_2_8: comes_back_from(binary(65_536), Chop::Bytes(997));
}
