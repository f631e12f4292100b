//! Numbers that a double can't hold: they pass through a merge as strings with a mark, so that no digit is lost and two of
//! them that differ are never taken for one.

use serde_json::value::RawValue;
use serde_json::{Number, Value};

/// What marked strings begin with: a code point that Unicode promises never to assign.
const MARK: char = '\u{FDD0}';

/// So many digits a double always holds.
const SAFE_DIGITS: usize = 15;

/// What a string of a merged value stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning<'a> {
    /// A number, as it was spelled.
    Number(&'a str),
    /// Itself.
    Text(&'a str),
}

/// The value of a number's text.
pub(super) fn number(spelled: &str) -> Value {
    match spelled.parse::<Number>() {
        Ok(number) if !number.is_f64() || spelled.len() <= SAFE_DIGITS && !spelled.contains(['e', 'E']) => Value::Number(number),
        Ok(number) if decimal(spelled).is_some_and(|exact| decimal(&number.to_string()) == Some(exact)) => Value::Number(number),
        _ => Value::String(format!("{MARK}{spelled}")),
    }
}

/// The value of a string. One that begins with the mark by itself gets another.
pub(super) fn string(text: String) -> Value {
    if text.starts_with(MARK) { Value::String(format!("{MARK}{text}")) } else { Value::String(text) }
}

/// What a string that went through [`number`] or [`string`] stands for.
pub(crate) fn meaning(text: &str) -> Meaning<'_> {
    match text.strip_prefix(MARK) {
        Some(rest) if rest.starts_with(MARK) => Meaning::Text(rest),
        // two of them that were put together as text are none
        Some(spelled) if is_number(spelled) => Meaning::Number(spelled),
        _ => Meaning::Text(text),
    }
}

fn is_number(spelled: &str) -> bool {
    spelled.starts_with(|first: char| first == '-' || first.is_ascii_digit()) && serde_json::from_str::<&RawValue>(spelled).is_ok()
}

/// A number's sign, its digits without zeros at either end, and the power of ten of the last one.
fn decimal(spelled: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = spelled.split_once(['e', 'E']).unwrap_or((spelled, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let kept = digits.trim_end_matches('0');
    let shift = i64::try_from(digits.len() - kept.len()).ok()? - i64::try_from(fraction.len()).ok()?;
    let kept = kept.trim_start_matches('0');
    let exponent = if kept.is_empty() { 0 } else { exponent.trim_start_matches('+').parse::<i64>().ok()?.checked_add(shift)? };
    Some((whole.starts_with('-'), kept.to_owned(), exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_a_double_holds_stay_numbers() {
        let plain =
            ["0", "-0", "1.0", "1e3", "-7.250", "18446744073709551615", "-9223372036854775808", "0.1", "5e-324", "1.7976931348623157e308"];
        for spelled in plain {
            assert!(number(spelled).is_number(), "{spelled}");
        }
        for spelled in
            ["18446744073709551616", "-9223372036854775809", "0.10000000000000000001", "1e400", "1e-400", "3.14159265358979323846"]
        {
            let marked = number(spelled);
            assert_eq!(meaning(marked.as_str().unwrap()), Meaning::Number(spelled));
        }
    }

    #[test]
    fn strings_stay_strings() {
        for text in ["", "a", "12", "\u{FDD0}12", "\u{FDD0}\u{FDD0}"] {
            let value = string(text.to_owned());
            assert_eq!(meaning(value.as_str().unwrap()), Meaning::Text(text));
        }
        let both = format!("{MARK}12 {MARK}13");
        assert_eq!(meaning(&both), Meaning::Text(both.as_str()));
    }
}
