//! Versions as they stand in texts: alone (`1.4.0`, `v2.0-rc.1`), in constraints (`^1.4`, `>=1.2,<2.0`), in addresses
//! (`…/v2.9.1/app_2.9.1.tar.gz`), and dates, whose numbers count in the same order.

use std::cmp::Ordering;

/// Which of two texts names the higher version; `None` where they are not about versions, or about different things.
///
/// Texts are about versions where both are constraints (versions with operators and separators, nothing else): then the
/// highest version that each names counts, and of two that name the same one none is higher. Or where they read the same
/// but for their numbers, and a number of several parts is among these.
pub(crate) fn compare(one: &str, other: &str) -> Option<Ordering> {
    let (ones, others) = (parts(one), parts(other));
    let both_constraints = is_constraint(&ones) && is_constraint(&others);
    let order = if both_constraints { compare_versions(&highest(&ones)?, &highest(&others)?) } else { in_place(&ones, &others)? };
    (order != Ordering::Equal).then_some(order)
}

/// Whether a text is a version, a date or a constraint.
pub(crate) fn is_version(text: &str) -> bool {
    is_constraint(&parts(text))
}

fn highest<'a>(parts: &[Part<'a>]) -> Option<Version<'a>> {
    parts.iter().filter_map(Part::version).max_by(compare_versions)
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part<'a> {
    /// Numbers between dots (or the dashes and colons of a date), with what a pre-release says behind.
    Version(Vec<u64>, &'a str),
    /// Anything else.
    Other(&'a str),
}

type Version<'a> = (Vec<u64>, &'a str);

impl<'a> Part<'a> {
    fn version(&self) -> Option<Version<'a>> {
        match self {
            Self::Version(numbers, pre) => Some((numbers.clone(), *pre)),
            Self::Other(_) => None,
        }
    }
}

/// The versions of a text and what stands between them.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    let (mut rest, mut other) = (text, 0);
    while let Some(start) = rest.get(other..).and_then(|ahead| ahead.find(|letter: char| letter.is_ascii_digit())).map(|at| at + other) {
        let before_fits =
            !rest.get(..start).unwrap_or_default().ends_with(|letter: char| letter.is_alphabetic() && letter != 'v' && letter != 'V');
        let (length, version) = version_at(rest.get(start..).unwrap_or_default());
        match version.filter(|_| before_fits) {
            Some(version) => {
                if start > 0 {
                    found.push(Part::Other(rest.get(..start).unwrap_or_default()));
                }
                found.push(version);
                rest = rest.get(start + length..).unwrap_or_default();
                other = 0;
            }
            None => other = start + length,
        }
    }
    if !rest.is_empty() {
        found.push(Part::Other(rest));
    }
    found
}

/// The version with which a text begins, and how long it is; `None` where its number has one part.
fn version_at(text: &str) -> (usize, Option<Part<'_>>) {
    if let Some(date) = date_at(text) {
        return date;
    }
    let wild = |part: &str| matches!(part, "x" | "X" | "*");
    let (mut length, mut numbers) = (0, Vec::new());
    loop {
        let part: usize = text.get(length..).unwrap_or_default().bytes().take_while(u8::is_ascii_digit).count();
        let Ok(number) = text.get(length..length + part).unwrap_or_default().parse() else { break };
        numbers.push(number);
        length += part;
        let next = text.get(length..).unwrap_or_default();
        if next.starts_with('.') && next.get(1..2).is_some_and(wild) {
            length += 2;
            return (length, Some(Part::Version(numbers, "")));
        }
        if !(next.starts_with('.') && next.as_bytes().get(1).is_some_and(u8::is_ascii_digit)) {
            break;
        }
        length += 1;
    }
    if numbers.len() < 2 {
        return (length.max(1), None);
    }
    let pre = pre_release(text.get(length..).unwrap_or_default());
    (length + pre.len(), Some(Part::Version(numbers, pre.trim_start_matches('-'))))
}

/// A pre-release behind a version, with its dash (Semantic Versioning 2.0.0, section 9).
fn pre_release(text: &str) -> &str {
    let Some(rest) = text.strip_prefix('-') else { return "" };
    let known = ["alpha", "beta", "rc", "pre", "preview", "dev", "next", "canary", "snapshot", "SNAPSHOT", "RC"];
    let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'.').count();
    let counts = known.iter().any(|word| rest.starts_with(word)) || rest.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    if counts { text.get(..length + 1).unwrap_or_default() } else { "" }
}

/// A date with which a text begins, with or without a time.
fn date_at(text: &str) -> Option<(usize, Option<Part<'_>>)> {
    text.get(..10).filter(|day| sync_core::schema::is_date(day))?;
    let time = |letter: char| letter.is_ascii_digit() || matches!(letter, ':' | '.' | 'T' | 'Z');
    let length = 10 + text.get(10..)?.chars().take_while(|letter| time(*letter)).count();
    let numbers = text.get(..length)?.split(|letter: char| !letter.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect();
    Some((length, Some(Part::Version(numbers, ""))))
}

/// Versions with operators, separators and stability marks, and nothing else.
fn is_constraint(parts: &[Part<'_>]) -> bool {
    let between = |text: &str| {
        let mut rest = text;
        for mark in ["@stable", "@dev", "-dev", "-stable"] {
            rest = rest.trim_matches([' ', ',']).trim_start_matches(mark);
        }
        rest.chars().all(|letter| "^~<>=!|, v@&*".contains(letter))
    };
    let fits = |part: &Part<'_>| match part {
        Part::Version(..) => true,
        Part::Other(text) => between(text),
    };
    parts.iter().any(|part| part.version().is_some()) && parts.iter().all(fits)
}

/// Compares texts that read the same but for their versions.
fn in_place(ones: &[Part<'_>], others: &[Part<'_>]) -> Option<Ordering> {
    if ones.len() != others.len() {
        return None;
    }
    let mut order = Ordering::Equal;
    for (one, other) in ones.iter().zip(others) {
        match (one, other) {
            (Part::Other(one), Part::Other(other)) if one == other => {}
            (Part::Version(one, one_pre), Part::Version(other, other_pre)) => {
                order = order.then(compare_versions(&(one.clone(), *one_pre), &(other.clone(), *other_pre)));
            }
            _ => return None,
        }
    }
    Some(order)
}

fn compare_versions(one: &Version<'_>, other: &Version<'_>) -> Ordering {
    let length = one.0.len().max(other.0.len());
    let padded = |version: &Version<'_>| version.0.iter().copied().chain(std::iter::repeat(0)).take(length).collect::<Vec<_>>();
    padded(one).cmp(&padded(other)).then_with(|| compare_pre(one.1, other.1))
}

/// A release is above its pre-releases; numbers in these count as numbers, and are below words (Semantic Versioning 2.0.0,
/// section 11).
fn compare_pre(one: &str, other: &str) -> Ordering {
    match (one.is_empty(), other.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let parts = one.split('.').zip(other.split('.'));
    let compared = parts.map(|(one, other)| match (one.parse::<u64>(), other.parse::<u64>()) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => one.cmp(other),
    });
    let first = compared.into_iter().find(|order| order.is_ne());
    first.unwrap_or_else(|| one.split('.').count().cmp(&other.split('.').count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_higher_version_is_found() {
        let (less, greater) = (Some(Ordering::Less), Some(Ordering::Greater));
        for (one, other, order) in [
            ("1.2.3", "1.10.0", less),
            ("^12.12.18", "^13.7.4", less),
            ("1.0.0-alpha.1", "1.0.0-alpha.beta", less),
            ("1.0.0-rc.1", "1.0.0", less),
            ("v2.0", "v2.0.1", less),
            ("5.3.x-dev", "6.0.x-dev", less),
            ("4.1.*", "4.0.x", greater),
            ("^1.2.3", "~1.4.0", less),
            (">=1.3.0,<=1.3.99", ">=1.2.1@stable,<=1.2.99@stable", greater),
            ("2026-06-20", "2026-05-30", greater),
            ("2026-06-20T10:00:00Z", "2026-06-20T09:59:59Z", greater),
            ("https://x.org/v2.9.1/x_2.9.1.zip", "https://x.org/v2.6.4/x_2.6.4.zip", greater),
            ("1.2", "1.2.0", None),
            ("https://x.org/v2.9.1", "https://y.org/v2.6.4", None),
            ("Table 4", "Table 5", None),
            ("034B4746", "034B4550", None),
            ("sha1.5f", "sha1.4f", None),
            ("at 10.30", "around 11.30", None),
        ] {
            assert_eq!(compare(one, other), order, "{one} {other}");
            assert_eq!(compare(other, one), order.map(Ordering::reverse), "{other} {one}");
        }
        assert!(["1.2.3", "^1.4|^2.0", "v1.0", "2026-06-20"].iter().all(|text| is_version(text)));
        assert!(["", "12", "about 1.2", "http://1.2/x", "é1"].iter().all(|text| !is_version(text)));
    }
}
