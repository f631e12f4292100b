//! `rejoin oidc`.

use serde_json::json;
use sync_service::identity::OidcSettings;

use super::user::read_line;
use super::with;
use crate::cli::{OidcAdd, OidcCommand};
use crate::failure::Failure;
use crate::logging;
use crate::output::{Table, print, print_json};
use crate::server::Backend;
use crate::settings::Settings;

/// Manages providers of identity.
pub(crate) fn run(settings: &Settings, command: OidcCommand) -> Result<(), Failure> {
    logging::start(settings);
    // before the database is opened: it is waited for
    let secret = match &command {
        OidcCommand::Add(OidcAdd { client_secret_stdin: true, .. }) => {
            Some(read_line("client secret", "rejoin oidc add … --client-secret-stdin")?)
        }
        _ => None,
    };
    let backend = match &command {
        OidcCommand::Add(_) => Backend::open(settings)?,
        _ => Backend::open_existing(settings)?,
    };
    with(backend, async |backend| work(backend, command, secret).await)
}

async fn work(backend: &Backend, command: OidcCommand, client_secret: Option<String>) -> Result<(), Failure> {
    match command {
        OidcCommand::Add(add) => {
            let OidcAdd { name, organisation, issuer, client_id, public_url, return_to, by_email, .. } = add;
            let described = OidcSettings { name, organisation, issuer, client_id, client_secret, public_url, return_to, by_email };
            let redirect_uri = backend.service().add_oidc_provider(described).await?;
            print(&format!("redirect_uri {redirect_uri}\n"))
        }
        OidcCommand::List { json } => list(backend, json).await,
        OidcCommand::Remove { name } => {
            backend.service().remove_oidc_provider(&name).await?;
            print(&format!("{name} is removed\n"))
        }
        OidcCommand::Link { name, subject, email } => {
            let user_id = backend.service().link_oidc(&name, &subject, &email).await?;
            print(&format!("user_id {user_id}\n"))
        }
        OidcCommand::Unlink { name, subject } => {
            let user_id = backend.service().unlink_oidc(&name, &subject).await?;
            print(&format!("user_id {user_id}\n"))
        }
    }
}

async fn list(backend: &Backend, as_json: bool) -> Result<(), Failure> {
    let providers = backend.service().list_oidc_providers().await?;
    if as_json {
        let items = providers.into_iter().map(|provider| {
            let return_to: Vec<&str> = provider.return_to.lines().collect();
            json!({"name": provider.name, "organisation_id": provider.organisation_id, "issuer": provider.issuer,
                "client_id": provider.client_id, "has_secret": provider.client_secret.is_some(), "public_url": provider.public_url,
                "return_to": return_to, "by_email": provider.by_email, "created_at": provider.created_at.to_string()})
        });
        return print_json(&items.collect());
    }
    let mut table = Table::new(["name", "issuer", "client_id", "by_email", "organisation_id"]);
    for provider in providers {
        let by_email = if provider.by_email { "yes" } else { "no" };
        table.row([provider.name, provider.issuer, provider.client_id, by_email.into(), provider.organisation_id.to_string()]);
    }
    print(&table.render())
}
