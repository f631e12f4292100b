//! Content codings (RFC 9110, 8.4): which there are, what a request's body is in, and what its answer may be in.
//!
//! The codings are driven here and not by actix's own middlewares: those unpack a whole chunk at once however much
//! comes out of it, take windows of any size, and hold a line of a stream back until its block is full.

mod pack;
mod unpack;

use actix_web::http::header::{self, HeaderMap};
use sync_core::{Code, Problem};

use crate::problem::ApiError;
pub(crate) use pack::encode;
pub(crate) use unpack::{Fault, STEP_BYTES, Unpacker};

/// The codings that bodies may be in, in both directions, the best first.
pub const ENCODINGS: [&str; 3] = ["zstd", "br", "gzip"];

/// A way to compress a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Zstd,
    Br,
    Gzip,
}

impl Encoding {
    /// All, in the order of [`ENCODINGS`]: between equals the first is taken.
    const ALL: [Self; 3] = [Self::Zstd, Self::Br, Self::Gzip];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Br => "br",
            Self::Gzip => "gzip",
        }
    }

    /// By its name or an alias (RFC 9110, 8.4.1.3), in any case.
    fn named(name: &str) -> Option<Self> {
        let known = Self::ALL.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.name()));
        known.or_else(|| name.eq_ignore_ascii_case("x-gzip").then_some(Self::Gzip))
    }
}

/// What a request's body is in; `None` when it stands as it is.
///
/// # Errors
/// `unsupported_media_type`, with what is read here, for another coding and for several on top of each other.
pub(crate) fn of_body(headers: &HeaderMap) -> Result<Option<Encoding>, ApiError> {
    let mut found = None;
    for value in headers.get_all(header::CONTENT_ENCODING) {
        let names = value.to_str().map_err(|_| unreadable("which is not ASCII"))?;
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity")) {
            let coding = Encoding::named(name).ok_or_else(|| unreadable("which is not read here"))?;
            if found.replace(coding).is_some() {
                return Err(unreadable("which names more than one coding"));
            }
        }
    }
    Ok(found)
}

fn unreadable(why: &str) -> ApiError {
    let codings = ENCODINGS.join(", ");
    let detail = format!("the body's Content-Encoding is one {why}; send it in one of {codings}, or as it is");
    ApiError::from(Problem::new(Code::UnsupportedMediaType, detail)).with_header(header::ACCEPT_ENCODING, &codings)
}

/// What to answer in, by `Accept-Encoding` (RFC 9110, 12.5.3): the coding with the highest weight, [`ENCODINGS`] in
/// their order between equals; `None` for an answer as it is.
pub(crate) fn negotiate(headers: &HeaderMap) -> Option<Encoding> {
    let mut weights = Weights::default();
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        for entry in value.to_str().unwrap_or_default().split(',') {
            weights.read(entry);
        }
    }
    weights.best()
}

/// What a client gives for each coding, in thousandths; `None` where it says nothing.
#[derive(Default)]
struct Weights {
    named: [Option<u16>; 3],
    identity: Option<u16>,
    others: Option<u16>,
}

impl Weights {
    fn read(&mut self, entry: &str) {
        let mut parts = entry.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        // a weight that can't be read refuses the coding: better a longer answer than one that nobody can read
        let weight = weight.map_or(1_000, |text| thousandths(text).unwrap_or(0));
        if name == "*" {
            self.others = Some(weight);
        } else if name.eq_ignore_ascii_case("identity") {
            self.identity = Some(weight);
        } else if let Some(coding) = Encoding::named(name) {
            for (slot, _) in self.named.iter_mut().zip(Encoding::ALL).filter(|(_, known)| *known == coding) {
                *slot = Some(weight);
            }
        }
    }

    fn best(&self) -> Option<Encoding> {
        let weights = self.named.map(|weight| weight.or(self.others).unwrap_or(0));
        let ranked = weights.into_iter().zip(Encoding::ALL).filter(|(weight, _)| *weight > 0);
        let (weight, coding) = ranked.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
        // what is not named is acceptable, but wanted less than anything that is
        (weight >= self.identity.unwrap_or(0)).then_some(coding)
    }
}

/// A quality value, 0 to 1 with at most three digits, in thousandths.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fraction: u16 = if digits { format!("{fraction:0<3}").parse().ok()? } else { return None };
    match (whole, fraction) {
        ("0", _) => Some(fraction),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderValue};

    use super::*;

    fn headers(name: &header::HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn the_constant_names_what_there_is() {
        assert_eq!(ENCODINGS, Encoding::ALL.map(Encoding::name));
    }

    #[test]
    fn takes_the_heaviest_and_among_equals_the_best() {
        for (accepts, expected) in [
            (&[][..], None),
            (&[""], None),
            (&["gzip"], Some("gzip")),
            (&["gzip, deflate, br, zstd"], Some("zstd")),
            (&["gzip, deflate, br"], Some("br")),
            (&["gzip", "zstd"], Some("zstd")),
            (&["GZIP;q=0.9, ZSTD;Q=0.5"], Some("gzip")),
            (&["gzip;q=1.0, zstd;q=0.999"], Some("gzip")),
            (&["zstd;q=0, *"], Some("br")),
            (&["*"], Some("zstd")),
            (&["*;q=0"], None),
            (&["*;q=0.1, gzip;q=0.2"], Some("gzip")),
            (&["identity, gzip;q=0.5"], None),
            (&["identity;q=0.5, gzip;q=0.5"], Some("gzip")),
            (&["identity;q=0, zstd"], Some("zstd")),
            (&["deflate, compress"], None),
            (&["x-gzip"], Some("gzip")),
            (&["zstd ; q=0.3 , br ; q=0.4"], Some("br")),
            (&["zstd;q=2, br;q=x, gzip;q=0.0001"], None),
        ] {
            let found = negotiate(&headers(&header::ACCEPT_ENCODING, accepts)).map(Encoding::name);
            assert_eq!(found, expected, "{accepts:?}");
        }
    }

    #[test]
    fn reads_one_coding_of_a_body() {
        for (sent, expected) in [
            (&[][..], Some(None)),
            (&["identity"], Some(None)),
            (&["zstd"], Some(Some("zstd"))),
            (&["identity", " Br "], Some(Some("br"))),
            (&["X-GZIP"], Some(Some("gzip"))),
            (&["deflate"], None),
            (&["gzip, zstd"], None),
            (&["gzip", "gzip"], None),
        ] {
            let found = of_body(&headers(&header::CONTENT_ENCODING, sent)).ok().map(|coding| coding.map(Encoding::name));
            assert_eq!(found, expected, "{sent:?}");
        }
    }
}
