//! What a request's headers tell of the device's link: the client hints `RTT`, `Downlink`, `ECT` (Network Information API)
//! and `Save-Data`. One that can't be read tells nothing.

use actix_web::http::header::{self, HeaderMap};
use sync_core::protocol::v1::report::{EffectiveType, LinkReport};
use sync_service::Arrival;

use crate::body::Body;

/// The longest round trip that is believed, in milliseconds.
const MAX_RTT_MS: u32 = 600_000;

/// How a request came.
pub(crate) fn arrival_of(headers: &HeaderMap, body: &Body) -> Arrival {
    let mut arrival = Arrival::default();
    arrival.link = link_of(headers);
    arrival.agent = text(headers, header::USER_AGENT.as_str()).map(str::to_owned);
    arrival.body_bytes = u64::try_from(body.received).unwrap_or(u64::MAX);
    arrival.body_ms = u64::try_from(body.took.as_millis()).unwrap_or(u64::MAX);
    arrival
}

fn link_of(headers: &HeaderMap) -> LinkReport {
    LinkReport {
        rtt_ms: text(headers, "rtt").and_then(|text| text.parse().ok()).filter(|rtt_ms| *rtt_ms <= MAX_RTT_MS),
        down_kbps: text(headers, "downlink").and_then(thousandths),
        ect: text(headers, "ect").and_then(EffectiveType::parse),
        save_data: text(headers, "save-data").map(|text| text.eq_ignore_ascii_case("on")),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A decimal number as thousandths of it: megabits as kilobits.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(rest) {
        return None;
    }
    let rest: String = rest.chars().chain("000".chars()).take(3).collect();
    format!("{whole}{rest}").parse().ok()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn reads_hints_and_takes_what_it_can_not_read_for_nothing() {
        let told = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            link_of(&headers)
        };
        let all = told(&[("rtt", "150"), ("downlink", "1.45"), ("ect", "3g"), ("save-data", "On")]);
        assert_eq!(all, LinkReport { rtt_ms: Some(150), down_kbps: Some(1_450), ect: Some(EffectiveType::ThreeG), save_data: Some(true) });
        assert_eq!(told(&[("save-data", "off")]).save_data, Some(false));
        for (name, values) in
            [("rtt", ["", "-1", "fast", "600001"]), ("downlink", ["", "-1.5", "1,5", ".5"]), ("ect", ["", "5g", "4G", "lte"])]
        {
            for value in values {
                assert_eq!(told(&[(name, value)]), LinkReport::default(), "{name}: {value}");
            }
        }
        for (text, kbps) in [("10", Some(10_000)), ("0.025", Some(25)), ("0.0259", Some(25)), ("9999999", None)] {
            assert_eq!(thousandths(text), kbps, "{text}");
        }
    }
}
