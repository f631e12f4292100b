//! `rejoin device`: an organisation's devices, for whoever runs the installation. It tells no server: servers refuse a
//! device from the commit on, and find within two seconds whose connections are to be closed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_core::ports::User;
use sync_core::protocol::v1::identity::{DeviceItem, WipeItem};
use sync_core::protocol::v1::incident::HoldRequest;
use sync_core::{Code, DeviceId, OrganisationId, Problem, UserId};
use sync_service::incident::Authority;
use sync_service::{ServiceError, ServiceResult};

use super::user::load_accounts;
use super::{load_user, with};
use crate::cli::{DeviceArgs, DeviceCommand};
use crate::failure::Failure;
use crate::logging;
use crate::output::{Table, print, print_json};
use crate::server::Backend;
use crate::settings::Settings;

/// Deals with devices.
pub(crate) fn run(settings: &Settings, command: DeviceCommand) -> Result<(), Failure> {
    logging::start(settings);
    with(Backend::open_existing(settings)?, async |backend| manage(backend, command).await)
}

async fn manage(backend: &Backend, command: DeviceCommand) -> Result<(), Failure> {
    match command {
        DeviceCommand::List { organisation, user, json } => list(backend, &organisation, user.as_deref(), json).await,
        DeviceCommand::Revoke(device) => act(backend, Act::Take { wipe: false }, &device).await,
        DeviceCommand::Suspend(device) => act(backend, Act::Suspend, &device).await,
        DeviceCommand::Resume(device) => act(backend, Act::Resume, &device).await,
        DeviceCommand::Wipe(device) => act(backend, Act::Take { wipe: true }, &device).await,
    }
}

/// What is done to a device.
#[derive(Debug, Clone, Copy)]
enum Act {
    Take { wipe: bool },
    Suspend,
    Resume,
}

/// People by id, with their emails.
type People = BTreeMap<UserId, String>;

/// The organisation of a name, and who belongs to it.
async fn enter(backend: &Backend, organisation: &str) -> Result<(OrganisationId, People), Failure> {
    let organisation_id = backend.service().load_tenant(organisation).await?.organisation_id;
    let users = load_accounts(backend).await?.into_iter().map(|account| account.user);
    let own = users.filter(|user| user.organisation_id == organisation_id);
    Ok((organisation_id, own.map(|user| (user.user_id, user.email)).collect()))
}

async fn list(backend: &Backend, organisation: &str, user: Option<&str>, as_json: bool) -> Result<(), Failure> {
    let (organisation_id, mut people) = enter(backend, organisation).await?;
    if let Some(email) = user {
        let User { user_id, .. } = member(backend, (organisation, organisation_id), email).await?;
        people.retain(|id, _| *id == user_id);
    }
    let operator = Authority::Operator(Vec::new());
    let devices = backend.service().list_devices_of(&operator, organisation_id, people.keys().copied().collect()).await?;
    if as_json {
        return print_json(&devices.iter().map(|(user_id, device)| told(device, *user_id, &people)).collect());
    }
    let mut table = Table::new(["device_id", "email", "name", "platform", "state", "last seen", "wipe"]);
    for (user_id, device) in devices {
        table.row([
            device.device_id.to_string(),
            people.get(&user_id).cloned().unwrap_or_default(),
            device.name,
            device.platform,
            device.state.to_owned(),
            device.seen_at.to_string(),
            device.wipe.as_ref().map(wiped).unwrap_or_default(),
        ]);
    }
    print(&table.render())
}

async fn act(backend: &Backend, act: Act, args: &DeviceArgs) -> Result<(), Failure> {
    let DeviceArgs { device_id, organisation, reason, by, json: as_json } = args;
    let (organisation_id, people) = enter(backend, organisation).await?;
    let owner = match by {
        Some(email) => Some(owner(backend, (organisation, organisation_id), email).await?),
        None => None,
    };
    let operator = Authority::Operator(owner.into_iter().collect());
    let before = find(backend, &operator, (organisation, organisation_id), (&people, *device_id)).await?.1;
    if before.state == "revoked" && !matches!(act, Act::Take { .. }) {
        return Err(Failure::Failed(format!(
            "{device_id} was revoked, which is for good: it can be neither suspended nor resumed; whoever has it logs in anew, and it is another device"
        )));
    }
    done(backend, act, (&operator, organisation_id), (*device_id, reason)).await.map_err(|error| named(error, organisation))?;
    let (user_id, after) = find(backend, &operator, (organisation, organisation_id), (&people, *device_id)).await?;
    if *as_json {
        return print_json(&told(&after, user_id, &people));
    }
    let email = people.get(&user_id).map_or("nobody", String::as_str);
    let order = after.wipe.as_ref().map(|order| format!("; the order to drop what it holds: {}", wiped(order))).unwrap_or_default();
    print(&format!("the device {device_id} of {email} is {}{order}\n", after.state))
}

async fn done(
    backend: &Backend,
    act: Act,
    (by, organisation_id): (&Authority, OrganisationId),
    (device_id, reason): (DeviceId, &str),
) -> ServiceResult<()> {
    let service = backend.service();
    match act {
        Act::Take { wipe } => service.take_device(by, organisation_id, device_id, (wipe, reason)).await.map(drop),
        Act::Suspend => {
            let request = HoldRequest { state: None, device_id: Some(device_id), reason: reason.to_owned() };
            service.hold(by, organisation_id, request).await.map(drop)
        }
        Act::Resume => service.let_device_go(by, organisation_id, device_id, Some(reason)).await,
    }
}

/// A device of the organisation, and whose it is.
async fn find(
    backend: &Backend,
    by: &Authority,
    (organisation, organisation_id): (&str, OrganisationId),
    (people, device_id): (&People, DeviceId),
) -> Result<(UserId, DeviceItem), Failure> {
    let devices = backend.service().list_devices_of(by, organisation_id, people.keys().copied().collect()).await?;
    devices.into_iter().find(|(_, device)| device.device_id == device_id).ok_or_else(|| unknown(organisation))
}

fn unknown(organisation: &str) -> Failure {
    Failure::Failed(format!(
        "there is no such device in {organisation}, so nothing was done; `rejoin device list --organisation '{organisation}'` names those that there are"
    ))
}

fn named(error: ServiceError, organisation: &str) -> Failure {
    match error {
        ServiceError::Problem(Problem { code: Code::UnknownDevice, .. }) => unknown(organisation),
        error => error.into(),
    }
}

/// Somebody of the organisation.
async fn member(backend: &Backend, (organisation, organisation_id): (&str, OrganisationId), email: &str) -> Result<User, Failure> {
    let user = load_user(backend, email).await?;
    if user.organisation_id == organisation_id {
        return Ok(user);
    }
    Err(Failure::Failed(format!("{email} belongs to another organisation than {organisation}; `rejoin user list` tells who belongs where")))
}

/// An owner of the organisation, on whose word something is done.
async fn owner(backend: &Backend, organisation: (&str, OrganisationId), email: &str) -> Result<UserId, Failure> {
    let user = member(backend, organisation, email).await?;
    if user.admin {
        return Ok(user.user_id);
    }
    Err(Failure::Failed(format!("{email} is no owner, an admin of the organisation, so nothing was done; name one with --by, or nobody")))
}

fn told(device: &DeviceItem, user_id: UserId, people: &People) -> Value {
    let mut item = json!(device);
    if let Some(members) = item.as_object_mut() {
        // which one asks is no question here
        members.remove("current");
        members.insert("user_id".into(), json!(user_id));
        members.insert("email".into(), json!(people.get(&user_id)));
    }
    item
}

fn wiped(order: &WipeItem) -> String {
    match (order.confirmed_at, order.outbox_left) {
        (None, _) => format!("given {}, not confirmed yet", order.ordered_at),
        (Some(at), Some(left)) if left > 0 => format!("confirmed {at}; {left} operations were never sent"),
        (Some(at), _) => format!("confirmed {at}"),
    }
}
