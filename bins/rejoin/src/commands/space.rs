//! `rejoin space`.

use serde_json::json;
use sync_core::protocol::v1::spaces::{CreateSpaceRequest, PutMemberRequest};

use super::{in_the_name_of, load_user, read_schema, with};
use crate::cli::{SpaceAdd, SpaceCommand};
use crate::failure::Failure;
use crate::logging;
use crate::output::{Table, print, print_json};
use crate::server::Backend;
use crate::settings::Settings;

/// Manages spaces.
pub(crate) fn run(settings: &Settings, command: SpaceCommand) -> Result<(), Failure> {
    logging::start(settings);
    with(Backend::open_existing(settings)?, async |backend| manage(backend, command).await)
}

async fn manage(backend: &Backend, command: SpaceCommand) -> Result<(), Failure> {
    match command {
        SpaceCommand::Add(add) => add_space(backend, add).await,
        SpaceCommand::List { user, json } => list_spaces(backend, &user, json).await,
        SpaceCommand::Member { space_id, email, role, lead } => {
            let lead = load_user(backend, &lead).await?;
            let user = load_user(backend, &email).await?;
            let member = backend.service().put_member(&in_the_name_of(&lead), space_id, user.user_id, PutMemberRequest { role }).await?;
            print(&format!("{} is {} in {space_id}\n", member.email, member.role.as_str()))
        }
    }
}

async fn add_space(backend: &Backend, add: SpaceAdd) -> Result<(), Failure> {
    let SpaceAdd { name, lead, event_date, time_zone, schema } = add;
    let schema = schema.as_deref().map(read_schema).transpose()?;
    let lead = load_user(backend, &lead).await?;
    let request = CreateSpaceRequest { name, event_date, time_zone, schema, settings: None };
    let space = backend.service().create_space(&in_the_name_of(&lead), request).await?;
    print(&format!("space_id {}\n", space.space_id))
}

async fn list_spaces(backend: &Backend, email: &str, as_json: bool) -> Result<(), Failure> {
    let caller = in_the_name_of(&load_user(backend, email).await?);
    let (mut spaces, mut after) = (Vec::new(), None);
    loop {
        let page = backend.service().list_spaces(&caller, None, after).await?;
        spaces.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    if as_json {
        let items = spaces.iter().map(|space| {
            json!({"space_id": space.space_id, "name": space.name, "event_date": space.event_date, "time_zone": space.time_zone,
                "role": space.role, "status": space.status})
        });
        return print_json(&items.collect());
    }
    let mut table = Table::new(["space_id", "date", "role", "status", "name"]);
    for space in spaces {
        let date = space.event_date.unwrap_or_default();
        table.row([space.space_id.to_string(), date, space.role.as_str().into(), space.status.to_string(), space.name]);
    }
    print(&table.render())
}
