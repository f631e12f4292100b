//! Which pages of other origins may read answers (the WHATWG's Fetch standard, CORS). None, unless the operator names them.
//! No cookie is ever set or read, so a page can do nothing in the name of whoever looks at it.

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};

/// The methods of the API.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// What a page may send beside what every page may.
const REQUEST_HEADERS: &str = "authorization, content-type, content-encoding, last-event-id, traceparent, x-request-id";
/// What a page may read of an answer.
const RESPONSE_HEADERS: &str = "etag, location, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id";
/// For how long a browser need not ask again, in seconds.
const REMEMBERED_S: &str = "600";

/// The origin of a request, when its pages may read answers.
pub(crate) fn allowed<'a>(headers: &'a HeaderMap, origins: &[String]) -> Option<&'a HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let text = origin.to_str().ok()?;
    origins.iter().any(|allowed| allowed == text).then_some(origin)
}

/// The answer to a browser that asks before it sends a page's request; `None` when it does not ask, or the page may not.
pub(crate) fn preflight(request: &HttpRequest, origins: &[String]) -> Option<HttpResponse> {
    let asks = request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !asks {
        return None;
    }
    allowed(request.headers(), origins)?;
    let mut response = HttpResponse::build(StatusCode::NO_CONTENT);
    response.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS));
    response.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS));
    response.insert_header((header::ACCESS_CONTROL_MAX_AGE, REMEMBERED_S));
    Some(response.finish())
}

/// Lets an origin's pages read an answer, and says that answers differ by origin where any may.
pub(crate) fn tell(headers: &mut HeaderMap, allowed: Option<HeaderValue>, origins: &[String]) {
    if origins.is_empty() {
        return;
    }
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(RESPONSE_HEADERS));
    }
}

/// An origin as browsers send it: scheme, host and port in small letters, without a stroke at the end.
#[must_use]
pub fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::is_origin;

    #[test]
    fn tells_origins_from_addresses() {
        for (text, expected) in [
            ("https://app.example", true),
            ("http://localhost:5173", true),
            ("http://[::1]:5173", true),
            ("https://app.example/", false),
            ("https://App.example", false),
            ("https://*.example", false),
            ("app.example", false),
            ("https://", false),
            ("*", false),
            ("null", false),
        ] {
            assert_eq!(is_origin(text), expected, "{text}");
        }
    }
}
