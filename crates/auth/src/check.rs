//! What people may type: emails, passwords and names. Each check answers the value to store, or a problem with code
//! `malformed` that says where and what to do.

use sync_core::{Code, Problem};

/// The longest email, in bytes (RFC 5321, the path without its brackets).
pub const MAX_EMAIL_BYTES: usize = 254;
/// The shortest new password, in bytes.
pub const MIN_PASSWORD_BYTES: usize = 8;
/// The longest password, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 1_024;

fn malformed(detail: String, pointer: &str) -> Problem {
    Problem::new(Code::Malformed, detail).at(pointer)
}

/// The stored form of an email: trimmed and lower-cased. It has exactly one `@` with something on both sides, no white
/// space and no control characters, and at most [`MAX_EMAIL_BYTES`]. Whether it can be delivered is not asked.
///
/// # Errors
/// `malformed` at `/email`.
pub fn email(text: &str) -> Result<String, Problem> {
    let email = text.trim().to_lowercase();
    let whole = email.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if !whole || email.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(malformed("email is to look like name@example.org, with exactly one @ and no spaces".into(), "/email"));
    }
    if email.len() > MAX_EMAIL_BYTES {
        return Err(malformed(format!("email is to have at most {MAX_EMAIL_BYTES} bytes"), "/email"));
    }
    Ok(email)
}

/// Checks a new password: [`MIN_PASSWORD_BYTES`] to [`MAX_PASSWORD_BYTES`], any characters.
///
/// # Errors
/// `malformed` at the pointer.
pub fn new_password(text: &str, pointer: &str) -> Result<(), Problem> {
    if text.len() < MIN_PASSWORD_BYTES {
        let detail = format!("a password is to have at least {MIN_PASSWORD_BYTES} bytes; a few words together are easy to keep");
        return Err(malformed(detail, pointer));
    }
    given_password(text, pointer)
}

/// Checks the length of a password that somebody logs in with, so that nobody makes the server hash megabytes.
///
/// # Errors
/// `malformed` at the pointer.
pub fn given_password(text: &str, pointer: &str) -> Result<(), Problem> {
    if text.len() > MAX_PASSWORD_BYTES {
        return Err(malformed(format!("a password is to have at most {MAX_PASSWORD_BYTES} bytes"), pointer));
    }
    Ok(())
}

/// The stored form of a name or label for people: trimmed, `min` to `max` characters, none of them a control character.
///
/// # Errors
/// `malformed` at the pointer.
pub fn label(text: &str, min: usize, max: usize, pointer: &str) -> Result<String, Problem> {
    let label = text.trim();
    if !(min..=max).contains(&label.chars().count()) || label.chars().any(char::is_control) {
        let name = pointer.rsplit('/').next().unwrap_or(pointer);
        return Err(malformed(format!("{name} is to have {min} to {max} characters, none of them a control character"), pointer));
    }
    Ok(label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_has_one_stored_form() {
        for (typed, stored) in [
            ("  Ana@Example.ORG \n", Some("ana@example.org")),
            ("ÉVA@exämple.org", Some("éva@exämple.org")),
            ("a@b", Some("a@b")),
            ("", None),
            ("@", None),
            ("a@", None),
            ("@b", None),
            ("a@b@c", None),
            ("a b@c", None),
            ("a\0@c", None),
            ("ana.example.org", None),
        ] {
            assert_eq!(email(typed).ok().as_deref(), stored, "{typed:?}");
        }
        let longest = format!("{}@b", "a".repeat(252));
        assert_eq!(email(&longest).as_deref(), Ok(longest.as_str()));
        let problem = email(&format!("a{longest}")).unwrap_err();
        assert_eq!((problem.code, problem.pointer.as_deref()), (Code::Malformed, Some("/email")));
    }

    #[test]
    fn a_new_password_has_a_length() {
        for (bytes, fine) in [(0, false), (7, false), (8, true), (1_024, true), (1_025, false)] {
            assert_eq!(new_password(&"x".repeat(bytes), "/password").is_ok(), fine, "{bytes}");
        }
        assert!(new_password("pâsswör", "/password").is_ok(), "bytes count");
        assert!(given_password("short", "/password").is_ok());
        assert_eq!(given_password(&"x".repeat(1_025), "/password").unwrap_err().pointer.as_deref(), Some("/password"));
    }

    #[test]
    fn a_label_is_for_people() {
        assert_eq!(label("  Zoë 💍 ", 1, 5, "/name").as_deref(), Ok("Zoë 💍"));
        assert!(label("   ", 1, 5, "/name").is_err());
        assert!(label("sixsix", 1, 5, "/name").is_err());
        assert!(label("", 0, 5, "/name").is_ok());
        let problem = label("a\0b", 1, 5, "/device/name").unwrap_err();
        assert_eq!(problem.pointer.as_deref(), Some("/device/name"));
        assert!(problem.detail.starts_with("name is"), "{}", problem.detail);
    }
}
