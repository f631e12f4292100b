//! `rejoin user`.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use serde_json::json;
use sync_core::ports::{Access, Account};
use sync_core::protocol::v1::identity::AddUserRequest;

use super::{load_user, with};
use crate::cli::{UserAdd, UserCommand, UserPassword};
use crate::failure::Failure;
use crate::logging;
use crate::output::{Table, print, print_json};
use crate::server::Backend;
use crate::settings::Settings;

/// How many people are read at a time.
const PAGE: i64 = 1_000;

/// Manages people.
pub(crate) fn run(settings: &Settings, command: UserCommand) -> Result<(), Failure> {
    logging::start(settings);
    match command {
        UserCommand::Add(add) => {
            let password = read_password()?;
            with(Backend::open(settings)?, async |backend| add_user(backend, add, password).await)
        }
        UserCommand::Password(UserPassword { email, .. }) => {
            let password = read_password()?;
            with(Backend::open_existing(settings)?, async |backend| reset_password(backend, &email, &password).await)
        }
        UserCommand::List { json } => with(Backend::open_existing(settings)?, async |backend| list_users(backend, json).await),
    }
}

/// Everybody who may log in, by id.
pub(super) async fn load_accounts(backend: &Backend) -> Result<Vec<Account>, Failure> {
    let (mut accounts, mut after) = (Vec::new(), None);
    loop {
        let page = backend.store().transact(Access::Read, move |tx| tx.list_accounts(after, PAGE)).await;
        let page = page.map_err(|error| Failure::Failed(error.to_string()))?;
        let Some(last) = page.last() else { return Ok(accounts) };
        after = Some(last.user.user_id);
        accounts.extend(page);
    }
}

async fn list_users(backend: &Backend, as_json: bool) -> Result<(), Failure> {
    let mut accounts = load_accounts(backend).await?;
    accounts.sort_by(|left, right| (&left.organisation, &left.user.email).cmp(&(&right.organisation, &right.user.email)));
    if as_json {
        let items = accounts.iter().map(|Account { user, organisation }| {
            json!({"user_id": user.user_id, "email": user.email, "name": user.name, "organisation_id": user.organisation_id,
                "organisation": organisation, "admin": user.admin, "created_at": user.created_at.to_string()})
        });
        return print_json(&items.collect());
    }
    let mut table = Table::new(["email", "name", "organisation", "admin", "user_id"]);
    for Account { user, organisation } in accounts {
        table.row([user.email, user.name, organisation, if user.admin { "yes" } else { "no" }.into(), user.user_id.to_string()]);
    }
    print(&table.render())
}

async fn add_user(backend: &Backend, add: UserAdd, password: String) -> Result<(), Failure> {
    let UserAdd { email, organisation, name, admin, .. } = add;
    let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
    let request = AddUserRequest { email: email.clone(), password, name };
    let added = backend.service().bootstrap_user(&organisation, request, admin).await?;
    let user = load_user(backend, &email).await?;
    print(&format!("user_id {}\norganisation_id {}\n", added.user_id, user.organisation_id))
}

async fn reset_password(backend: &Backend, email: &str, password: &str) -> Result<(), Failure> {
    match backend.service().reset_password(email, password).await? {
        0 => print("the password is set; nobody was logged in with the old one\n"),
        1 => print("the password is set; one login was ended\n"),
        count => print(&format!("the password is set; {count} logins were ended\n")),
    }
}

fn read_password() -> Result<String, Failure> {
    read_line("password", "rejoin user … --password-stdin")
}

/// The first line of standard input.
pub(super) fn read_line(what: &str, command: &str) -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        // whether this can be written makes no difference
        let _ = write!(io::stderr(), "the {what}, as you type it here it is shown: ");
    }
    let mut line = String::new();
    let unreadable = |error| Failure::Input(format!("standard input can't be read: {error}; write the {what} to it"));
    io::stdin().lock().read_line(&mut line).map_err(unreadable)?;
    let line = line.trim_end_matches(['\r', '\n']);
    if line.is_empty() {
        return Err(Failure::Input(format!("there is no {what} on standard input; write it there, as in `{command} < FILE`")));
    }
    Ok(line.to_owned())
}
