//! What of an ID token is believed (OpenID Connect Core 1.0, 3.1.3.7; RFC 8725). A pure function: the keys, what is expected
//! and the time are arguments.

use jsonwebtoken::errors::Error;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;
use sync_core::Timestamp;

use super::keys::KeySet;

/// How far the clocks of both servers may differ, in seconds.
const LEEWAY_S: i64 = 60;
/// The longest life that is believed, in seconds: a day.
const LONGEST_S: i64 = 24 * 60 * 60;
/// The longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 16_384;
/// The longest subject, in bytes (OpenID Connect Core 1.0, 2).
const MAX_SUBJECT_BYTES: usize = 255;

/// What a token is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected<'a> {
    /// Who is to have issued it.
    pub issuer: &'a str,
    /// For whom.
    pub client_id: &'a str,
    /// For which login.
    pub nonce: &'a str,
}

/// Who somebody is, by the word of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The issuer's name for them: never reused.
    pub subject: String,
    /// Their email, where the issuer says that it verified it.
    pub verified_email: Option<String>,
    /// What people call them.
    pub name: Option<String>,
}

/// Why a token is not believed. For the log: whoever brings it is told nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is no signed token with a header that is understood.
    #[error("it is no signed token as it is read here: {0}")]
    Form(String),
    /// No key of the issuer's has the name that the token says; it may be newer than the keys.
    #[error("no key of the issuer fits its header")]
    UnknownKey,
    /// The key does not bear its signature.
    #[error("its signature is wrong")]
    Signature,
    /// A claim is missing or wrong.
    #[error("its claim `{0}` is missing or wrong")]
    Claim(&'static str),
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    azp: Option<String>,
    exp: Option<i64>,
    iat: Option<i64>,
    nbf: Option<i64>,
    nonce: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Checks a token by an issuer's keys.
///
/// # Errors
/// [`Refusal`], the first that is found.
pub fn check(token: &str, keys: &KeySet, expected: &Expected<'_>, now: Timestamp) -> Result<Identity, Refusal> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Refusal::Form("it is too long".into()));
    }
    let header = decode_header(token).map_err(|error| Refusal::Form(error.to_string()))?;
    if header.crit.is_some() {
        return Err(Refusal::Form("it asks for an extension".into()));
    }
    // a key that the token brings itself (jwk, jku, x5c, x5u) is never looked at
    let key = keys.find(header.kid.as_deref(), header.alg).ok_or(Refusal::UnknownKey)?;
    let claims = decode::<Claims>(token, key, &signature_only(header.alg)).map_err(|error| refusal(&error))?.claims;
    judge(claims, expected, now.millis().div_euclid(1_000))
}

/// jsonwebtoken reads the machine's clock for times and takes one audience for good: both are judged here.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

fn refusal(error: &Error) -> Refusal {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidSignature => Refusal::Signature,
        _ => Refusal::Form(error.to_string()),
    }
}

fn judge(claims: Claims, expected: &Expected<'_>, now_s: i64) -> Result<Identity, Refusal> {
    let require = |holds: bool, name| if holds { Ok(()) } else { Err(Refusal::Claim(name)) };
    require(claims.iss.as_deref() == Some(expected.issuer), "iss")?;
    let audience = match claims.aud {
        Some(Audience::One(one)) => vec![one],
        Some(Audience::Many(many)) => many,
        None => Vec::new(),
    };
    require(audience.iter().any(|one| one == expected.client_id), "aud")?;
    let party = claims.azp.as_deref();
    require(party.is_none_or(|party| party == expected.client_id) && (audience.len() == 1 || party.is_some()), "azp")?;
    let expires_s = claims.exp.ok_or(Refusal::Claim("exp"))?;
    let issued_s = claims.iat.ok_or(Refusal::Claim("iat"))?;
    require(now_s < expires_s.saturating_add(LEEWAY_S), "exp")?;
    require(issued_s <= now_s.saturating_add(LEEWAY_S) && expires_s.saturating_sub(issued_s) <= LONGEST_S, "iat")?;
    require(claims.nbf.is_none_or(|nbf| nbf <= now_s.saturating_add(LEEWAY_S)), "nbf")?;
    require(claims.nonce.as_deref() == Some(expected.nonce), "nonce")?;
    let subject = claims.sub.filter(|subject| (1..=MAX_SUBJECT_BYTES).contains(&subject.len())).ok_or(Refusal::Claim("sub"))?;
    let verified_email = claims.email.filter(|_| claims.email_verified == Some(true));
    Ok(Identity { subject, verified_email, name: claims.name })
}
