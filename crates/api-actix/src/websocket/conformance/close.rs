//! Group 7: the closing handshake.

use super::{Frame, cases, closes, fails, frame};

const TEXT: &[u8] = b"Hello World!";

fn text() -> Frame {
    frame(1, TEXT)
}

fn status(code: u16) -> Vec<u8> {
    code.to_be_bytes().to_vec()
}

fn close(payload: impl Into<Vec<u8>>) -> Frame {
    frame(8, payload)
}

fn with_reason(reason: &[u8]) -> Frame {
    close([status(1000), reason.to_vec()].concat())
}

/// A status that may be sent comes back.
#[track_caller]
fn taken(code: u16) {
    closes([vec![close(status(code))]], &[], &status(code));
}

/// One that may not fails the connection.
#[track_caller]
fn refused(code: u16) {
    fails([vec![close(status(code))]], &[], 1002);
}

cases! {
    case_7_1_1: closes([vec![text(), close(status(1000))]], &[text()], &status(1000));
    case_7_1_2: closes([vec![close(status(1000)), close(status(1000))]], &[], &status(1000));
    case_7_1_3: closes([vec![close(status(1000)), frame(9, b"")]], &[], &status(1000));
    case_7_1_4: closes([vec![close(status(1000)), text()]], &[], &status(1000));
    case_7_1_5: closes([vec![frame(1, b"fragment1").open(), close(status(1000)), frame(0, b"fragment2")]], &[], &status(1000));
    // of 256 KiB in the suite
    case_7_1_6: closes(
        [vec![frame(1, vec![b'*'; 65_536]), text(), close(status(1000)), frame(9, b"")]],
        &[frame(1, vec![b'*'; 65_536]), text()],
        &status(1000)
    );
    case_7_3_1: closes([vec![close(b"")]], &[], b"");
    case_7_3_2: fails([vec![close(b"a")]], &[], 1002);
    case_7_3_3: closes([vec![close(status(1000))]], &[], &status(1000));
    case_7_3_4: closes([vec![with_reason(TEXT)]], &[], &status(1000));
    case_7_3_5: closes([vec![with_reason(&[b'*'; 123])]], &[], &status(1000));
    case_7_3_6: fails([vec![with_reason(&[b'*'; 124])]], &[], 1002);
    case_7_5_1: fails([vec![with_reason(b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited")]], &[], 1007);
    case_7_7_1: taken(1000);
    case_7_7_2: taken(1001);
    case_7_7_3: taken(1002);
    case_7_7_4: taken(1003);
    case_7_7_5: taken(1007);
    case_7_7_6: taken(1008);
    case_7_7_7: taken(1009);
    case_7_7_8: taken(1010);
    case_7_7_9: taken(1011);
    case_7_7_10: taken(3000);
    case_7_7_11: taken(3999);
    case_7_7_12: taken(4000);
    case_7_7_13: taken(4999);
    case_7_9_1: refused(0);
    case_7_9_2: refused(999);
    case_7_9_3: refused(1004);
    case_7_9_4: refused(1005);
    case_7_9_5: refused(1006);
    case_7_9_6: refused(1016);
    case_7_9_7: refused(1100);
    case_7_9_8: refused(2000);
    case_7_9_9: refused(2999);
    case_7_13_1: refused(5000);
    case_7_13_2: refused(65_535);
}
