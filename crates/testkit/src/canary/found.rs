//! Finds canaries in bytes: as they are, escaped as JSON may, or in hexadecimal or base64 at any offset.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::NUMBERS;

const MARK: &str = "canary-";
/// Shorter runs hold no canary.
const SHORTEST: usize = 12;

/// The numbers of all canaries that occur in bytes that were sent.
#[must_use]
pub fn found_in(bytes: &[u8]) -> BTreeSet<usize> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = BTreeSet::new();
    plain(&text, &mut found);
    if text.contains("\\u") {
        plain(&unescaped(&text), &mut found);
    }
    for run in runs(&text, |byte| byte.is_ascii_hexdigit()) {
        for offset in 0..2 {
            let bytes: Vec<u8> = run[offset..].chunks_exact(2).filter_map(hex).collect();
            plain(&String::from_utf8_lossy(&bytes), &mut found);
        }
    }
    for run in runs(&text, |byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)) {
        let standard: Vec<u8> = run
            .iter()
            .map(|byte| {
                if *byte == b'-' {
                    b'+'
                } else if *byte == b'_' {
                    b'/'
                } else {
                    *byte
                }
            })
            .collect();
        for offset in 0..4 {
            let whole = &standard[offset..];
            let bytes = STANDARD_NO_PAD.decode(&whole[..whole.len() / 4 * 4]).unwrap_or_default();
            plain(&String::from_utf8_lossy(&bytes), &mut found);
        }
    }
    found
}

fn plain(text: &str, found: &mut BTreeSet<usize>) {
    for rest in text.split(MARK).skip(1) {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        // a name of something else, where no number follows
        found.extend(digits.parse::<usize>());
    }
    let first = &NUMBERS.to_string()[..8];
    for (at, _) in text.match_indices(first) {
        let digits = text[at..].get(..13).and_then(|digits| digits.parse::<u64>().ok());
        found.extend(digits.and_then(|number| usize::try_from((number - NUMBERS) / 10).ok()));
    }
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let escaped = part.get(..4).and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
        match escaped {
            Some(char) => whole.extend(std::iter::once(char).chain(part[4..].chars())),
            None => whole.push_str(part),
        }
    }
    whole
}

fn runs(text: &str, belongs: impl Fn(u8) -> bool) -> impl Iterator<Item = &[u8]> {
    text.as_bytes().split(move |byte| !belongs(*byte)).filter(|run| run.len() >= SHORTEST)
}

fn hex(pair: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(text: &str) -> Vec<usize> {
        found_in(text.as_bytes()).into_iter().collect()
    }

    fn each(text: &str, written: impl Fn(u8) -> String) -> String {
        text.bytes().map(written).collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_canary_is_found_in_every_form() {
        let mark = super::super::mark(17, "guests");
        assert_eq!(finds(&format!("a {mark} b")), [17]);
        let escaped = each(&mark, |byte| format!("\\u{byte:04x}"));
        assert_eq!(finds(&format!("{{\"a\":\"{escaped}\"}}")), [17]);
        for before in ["", "x", "xy", "xyz"] {
            let whole = format!("{before}{mark}");
            let hex = each(&whole, |byte| format!("{byte:02x}"));
            assert_eq!(finds(&format!("\"0{hex}\"")), [17], "{hex}");
            assert_eq!(finds(&format!("\"{}\"", hex.to_uppercase())), [17], "{hex}");
            let text = STANDARD_NO_PAD.encode(whole.as_bytes());
            assert_eq!(finds(&format!("\"{text}\"")), [17], "{text}");
            assert_eq!(finds(&format!("etag: {}\r\n", text.replace('+', "-").replace('/', "_"))), [17], "{text}");
        }
    }

    #[test]
    fn a_number_is_a_canary_too() {
        assert_eq!(finds("{\"amount\":7700007700123,\"other\":7700007700040.0}"), [4, 12]);
        assert_eq!(finds("{\"at\":1770000770001,\"canary\":\"canary-hint\"}"), Vec::<usize>::new());
    }
}
