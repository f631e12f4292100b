//! What of the configuration is nobody's business.

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// Ends of keys whose whole value is a secret.
const SECRET_KEYS: &[&str] = &["secret", "password", "token", "headers", "key"];

/// A value as it may be shown: without the passwords of URLs, and without what is a secret altogether.
pub(crate) fn redacted(key: &str, value: &str) -> String {
    let secret = |end: &&str| key.rsplit(['.', '_']).next() == Some(end);
    // where a key is to be found is no secret
    if !value.is_empty() && key != "tls.key" && SECRET_KEYS.iter().any(secret) {
        return HIDDEN.into();
    }
    match value.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", without_password(rest)),
        None => value.to_owned(),
    }
}

/// Hides `user:password@` and `?password=`.
fn without_password(rest: &str) -> String {
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // an unquoted @ or / may stand in a password, which then reaches further than its URL would
    let (credentials, place) = match rest.rsplit_once('@') {
        Some((credentials, place)) if credentials.contains(':') && !authority.contains('@') => (credentials, place.to_owned()),
        _ => match authority.rsplit_once('@') {
            Some((credentials, host)) => (credentials, format!("{host}{tail}")),
            None => return without_parameter(rest),
        },
    };
    let user = credentials.split_once(':').map_or_else(|| credentials.to_owned(), |(user, _)| format!("{user}:{HIDDEN}"));
    format!("{user}@{}", without_parameter(&place))
}

fn without_parameter(text: &str) -> String {
    let Some((place, query)) = text.split_once('?') else { return text.to_owned() };
    let shown = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if name.to_lowercase().contains("password") => format!("{name}={HIDDEN}"),
        _ => pair.to_owned(),
    });
    format!("{place}?{}", shown.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_passwords_and_nothing_else() {
        for (value, expected) in [
            ("sqlite:rejoin.db", "sqlite:rejoin.db"),
            ("postgres://ana@db/rejoin", "postgres://ana@db/rejoin"),
            ("postgres://ana:s3cret@db:5432/rejoin?sslmode=disable", "postgres://ana:***@db:5432/rejoin?sslmode=disable"),
            ("postgres://ana:s3@cr@db/rejoin", "postgres://ana:***@db/rejoin"),
            ("postgres://ana:s3/cr@db/rejoin", "postgres://ana:***@db/rejoin"),
            ("postgres://db/rejoin?user=ana&password=s3cret&x=1", "postgres://db/rejoin?user=ana&password=***&x=1"),
            ("postgres://ana:s3cret@%2Ftmp%2Fsock/rejoin", "postgres://ana:***@%2Ftmp%2Fsock/rejoin"),
            ("postgres://db/a@b", "postgres://db/a@b"),
        ] {
            assert_eq!(redacted("database.url", value), expected);
        }
        assert_eq!(redacted("otel.headers", "authorization=Bearer x"), "***");
        assert_eq!(redacted("server.admin_token", "x"), "***");
        assert_eq!(redacted("server.admin_token", ""), "");
        assert_eq!(redacted("log.format", "json"), "json");
    }
}
