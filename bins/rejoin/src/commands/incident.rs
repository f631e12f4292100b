//! `rejoin incident`: holding an organisation or a device, on the database itself. Servers find it within two seconds.

use serde_json::json;
use sync_core::protocol::v1::incident::{HoldRequest, IncidentReport, IncidentStatus};
use sync_core::{DeviceId, OrganisationId, Timestamp};
use sync_service::incident::Authority;

use super::{load_user, with};
use crate::cli::IncidentCommand;
use crate::failure::Failure;
use crate::logging;
use crate::output::{Table, print, print_json};
use crate::server::Backend;
use crate::settings::Settings;

/// Deals with an incident.
pub(crate) fn run(settings: &Settings, command: IncidentCommand) -> Result<(), Failure> {
    logging::start(settings);
    with(Backend::open_existing(settings)?, async |backend| manage(backend, command).await)
}

async fn manage(backend: &Backend, command: IncidentCommand) -> Result<(), Failure> {
    match command {
        IncidentCommand::Lock { organisation, read_only, device, reason, json } => {
            let state = Some(if read_only { "read_only" } else { "locked" }.to_owned());
            let request = HoldRequest { state, device_id: device, reason };
            let organisation_id = load(backend, &organisation).await?;
            let status = backend.service().hold(&Authority::Operator(Vec::new()), organisation_id, request).await?;
            told(&status, device.map(|device_id| (device_id, "suspended")), json)
        }
        IncidentCommand::Unlock { organisation, by, device, json } => unlock(backend, &organisation, &by, (device, json)).await,
        IncidentCommand::Report { organisation, device, since, json } => report(backend, &organisation, device, (since, json)).await,
    }
}

async fn load(backend: &Backend, organisation: &str) -> Result<OrganisationId, Failure> {
    Ok(backend.service().load_tenant(organisation).await?.organisation_id)
}

async fn unlock(backend: &Backend, organisation: &str, by: &[String], (device, as_json): (Option<DeviceId>, bool)) -> Result<(), Failure> {
    let organisation_id = load(backend, organisation).await?;
    let mut owners = Vec::new();
    for email in by {
        owners.push(load_user(backend, email).await?.user_id);
    }
    let operator = Authority::Operator(owners);
    if let Some(device_id) = device {
        backend.service().let_device_go(&operator, organisation_id, device_id, None).await?;
        let status = backend.service().incident_status(&operator, organisation_id).await?;
        return told(&status, Some((device_id, "let go")), as_json);
    }
    told(&backend.service().let_tenant_go(&operator, organisation_id).await?, None, as_json)
}

fn told(status: &IncidentStatus, device: Option<(DeviceId, &str)>, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return print_json(&json!(status));
    }
    let mut text = format!("{} is {}\n", status.name, status.state);
    if let Some((device_id, done)) = device {
        text = format!("{text}the device {device_id} is {done}\n");
    }
    if status.unlock.is_some() {
        text.push_str("one owner wants it to go on; another has to confirm it\n");
    }
    print(&text)
}

async fn report(
    backend: &Backend,
    organisation: &str,
    device: Option<DeviceId>,
    (since, as_json): (Option<Timestamp>, bool),
) -> Result<(), Failure> {
    let organisation_id = load(backend, organisation).await?;
    let operator = Authority::Operator(Vec::new());
    let status = backend.service().incident_status(&operator, organisation_id).await?;
    let report = backend.service().incident_report(&operator, organisation_id, device, since.unwrap_or_default()).await?;
    if as_json {
        return print_json(&json!({"status": status, "report": report}));
    }
    told(&status, None, false)?;
    print(&table_of(&report).render())?;
    if report.complete {
        return Ok(());
    }
    let read = report.operations;
    print(&format!("not complete: {read} operations were read and there are more; narrow it with --device or --since\n"))
}

fn table_of(report: &IncidentReport) -> Table<9> {
    let mut table = Table::new(["device", "space", "collection", "operations", "documents", "statuses", "fields", "first", "last"]);
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    for device in &report.devices {
        for touched in &device.touched {
            let statuses: Vec<String> = touched.statuses.iter().map(|(status, count)| format!("{status} {count}")).collect();
            table.row([
                device.device_id.to_string(),
                touched.space_id.to_string(),
                touched.collection.clone(),
                touched.operations.to_string(),
                touched.documents.to_string(),
                statuses.join(", "),
                touched.fields.join(", "),
                time(device.first_at),
                time(device.last_at),
            ]);
        }
    }
    table
}
