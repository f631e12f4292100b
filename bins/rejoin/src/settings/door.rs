//! Who may reach the server, how often, and over what.

use std::path::PathBuf;

use api_actix::cors::is_origin;
use api_actix::{Allowance, Limits, Proxies};

use super::{Layers, NONE, Optional, Wrong, optional, read};
use crate::tls::Files;

/// Everything about the way in.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) proxies: Proxies,
    pub(crate) origins: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) tls: Option<Files>,
}

/// Reads it.
pub(super) fn door(config: &Layers) -> Result<Door, Wrong> {
    Ok(Door {
        proxies: read(config, "server.trusted_proxies", proxies)?,
        origins: read(config, "server.cors_origins", origins)?,
        limits: limits(config)?,
        tls: files(config)?,
    })
}

fn proxies(text: &str) -> Option<Proxies> {
    if text == NONE { Some(Proxies::default()) } else { text.parse().ok().filter(|proxies: &Proxies| !proxies.is_empty()) }
}

fn origins(text: &str) -> Option<Vec<String>> {
    if text == NONE {
        return Some(Vec::new());
    }
    text.split(',').map(str::trim).map(|origin| is_origin(origin).then(|| origin.to_owned())).collect()
}

fn limits(config: &Layers) -> Result<Limits, Wrong> {
    let allowance = |key| read(config, key, |text| optional(text, |text| text.parse::<Allowance>().ok())).map(|Optional(value)| value);
    let mut limits = Limits::default();
    limits.address = allowance("limits.address")?;
    limits.account = allowance("limits.account")?;
    limits.device = allowance("limits.device")?;
    limits.organisation = allowance("limits.organisation")?;
    limits.urgent = allowance("limits.urgent")?;
    Ok(limits)
}

/// The certificate and the key: both, or neither.
fn files(config: &Layers) -> Result<Option<Files>, Wrong> {
    let path = |key| read(config, key, |text| optional(text, |text| Some(PathBuf::from(text)))).map(|Optional(value)| value);
    match (path("tls.cert")?, path("tls.key")?) {
        (Some(cert), Some(key)) => Ok(Some(Files { cert, key })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(alone("tls.cert", "tls.key")),
        (None, Some(_)) => Err(alone("tls.key", "tls.cert")),
    }
}

fn alone(key: &'static str, other: &str) -> Wrong {
    Wrong { key, message: format!("`{key}` is set and `{other}` is not; give both, or neither") }
}
