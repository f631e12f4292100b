//! `rejoin queue`: what waits to be decided, and what to do about what failed, on the database itself.

mod stats;

use std::future::poll_fn;
use std::io::IsTerminal as _;

use serde_json::{Value, json};
use sync_core::OpId;
use sync_core::protocol::v1::queue::{BulkFilter, BulkRequest, DiscardRequest, PendingItem, RetryRequest};
use sync_service::Caller;
use sync_service::queue::{BulkAction, MAX_PENDING, PendingQuery};

use super::{in_the_name_of, load_user, with};
use crate::cli::{QueueCommand, QueueFilterArgs};
use crate::failure::Failure;
use crate::logging;
use crate::output::{Table, bytes, print, print_bytes, print_json};
use crate::server::Backend;
use crate::settings::Settings;

/// Looks at the queue, and works on what failed.
pub(crate) fn run(settings: &Settings, command: QueueCommand) -> Result<(), Failure> {
    logging::start(settings);
    with(Backend::open_existing(settings)?, async |backend| manage(backend, command).await)
}

async fn manage(backend: &Backend, command: QueueCommand) -> Result<(), Failure> {
    match command {
        QueueCommand::Stats { user, hours, json } => {
            let caller = caller(backend, &user).await?;
            stats::show(backend, &caller, hours, json).await
        }
        QueueCommand::List { user, filter, state, limit, json } => {
            let caller = caller(backend, &user).await?;
            list(backend, &caller, BulkFilter { state, ..filter.into() }, (limit, json)).await
        }
        QueueCommand::Show { user, op_id, json } => {
            let caller = caller(backend, &user).await?;
            show(backend, &caller, op_id, json).await
        }
        QueueCommand::Retry { user, op_id: Some(op_id), at, patch, reason, json, .. } => {
            let patch = patch.as_deref().map(read_patch).transpose()?;
            let caller = caller(backend, &user).await?;
            retry(backend, &caller, (op_id, RetryRequest { at, patch, reason, ..RetryRequest::default() }), json).await
        }
        QueueCommand::Retry { user, filter, reason, preview, json, .. } => {
            let caller = caller(backend, &user).await?;
            many(backend, &caller, BulkAction::Retry, (filter.into(), reason, preview), json).await
        }
        QueueCommand::Discard { user, op_id: Some(op_id), reason, json, .. } => {
            let caller = caller(backend, &user).await?;
            backend.service().discard_operation(&caller, op_id, DiscardRequest { reason }).await?;
            report(json, &json!({"op_id": op_id, "discarded": true}), &format!("{op_id} is discarded\n"))
        }
        QueueCommand::Discard { user, filter, reason, preview, json, .. } => {
            let caller = caller(backend, &user).await?;
            many(backend, &caller, BulkAction::Discard, (filter.into(), reason, preview), json).await
        }
        QueueCommand::Export { user, filter, state } => {
            let caller = caller(backend, &user).await?;
            export(backend, &caller, BulkFilter { state, ..filter.into() }).await
        }
    }
}

async fn retry(backend: &Backend, caller: &Caller, (op_id, request): (OpId, RetryRequest), as_json: bool) -> Result<(), Failure> {
    let told = backend.service().retry_operation(caller, op_id, request).await?;
    report(as_json, &json!(told), &format!("{op_id} is {} ({})\n", told.status.as_str(), told.state.unwrap_or("decided")))
}

async fn caller(backend: &Backend, email: &str) -> Result<Caller, Failure> {
    Ok(in_the_name_of(&load_user(backend, email).await?))
}

impl From<QueueFilterArgs> for BulkFilter {
    fn from(given: QueueFilterArgs) -> Self {
        let QueueFilterArgs { space, device, batch, lane, code } = given;
        Self { space_id: space, device_id: device, batch_id: batch, lane, reason: code, ..Self::default() }
    }
}

fn report(as_json: bool, document: &Value, words: &str) -> Result<(), Failure> {
    if as_json { print_json(document) } else { print(words) }
}

fn read_patch(text: &str) -> Result<sync_core::Object, Failure> {
    let read = sync_core::json::parse_strict(text.as_bytes());
    let value = read.map_err(|error| Failure::Input(format!("--patch is not JSON: {error}; correct it")))?;
    match value {
        Value::Object(patch) => Ok(patch),
        _ => Err(Failure::Input("--patch is to be a JSON object: the members as they are to be".into())),
    }
}

async fn list(backend: &Backend, caller: &Caller, filter: BulkFilter, (limit, as_json): (usize, bool)) -> Result<(), Failure> {
    let (mut items, mut after) = (Vec::new(), None);
    let totals = loop {
        let left = i64::try_from(limit - items.len()).unwrap_or(MAX_PENDING).min(MAX_PENDING);
        let query = PendingQuery { filter: filter.clone(), payload: false, limit: left, after };
        let page = backend.service().list_pending(caller, query).await?;
        items.extend(page.items);
        after = page.next;
        if after.is_none() || items.len() >= limit {
            break page.totals;
        }
    };
    if as_json {
        return print_json(&json!({"items": items, "totals": totals, "more": after.is_some()}));
    }
    let mut table = Table::new(["op_id", "lane", "state", "place", "tries", "size", "accepted", "reason", "document"]);
    for item in &items {
        table.row(cells(item));
    }
    print(&table.render())?;
    let shown = if after.is_some() && std::io::stdout().is_terminal() {
        format!(" ({} shown; --limit shows more)", items.len())
    } else {
        String::new()
    };
    print(&format!("{} in all{shown}\n", totals.items))
}

fn cells(item: &PendingItem) -> [String; 9] {
    let document = item.document_id.as_ref().map_or_else(|| item.collection.clone(), |id| format!("{}/{id}", item.collection));
    [
        item.op_id.to_string(),
        item.lane.to_string(),
        item.state.into(),
        item.position.map(|place| place.to_string()).unwrap_or_default(),
        item.attempts.to_string(),
        bytes(u64::try_from(item.size_bytes).unwrap_or(0)),
        item.accepted_at.to_string(),
        item.reason.clone().unwrap_or_default(),
        document,
    ]
}

async fn show(backend: &Backend, caller: &Caller, op_id: OpId, as_json: bool) -> Result<(), Failure> {
    let item = backend.service().load_pending(caller, op_id).await?;
    let document = json!(item);
    if as_json {
        return print_json(&document);
    }
    let mut table = Table::new(["what", "value"]);
    for (name, value) in document.as_object().into_iter().flatten().filter(|(name, _)| *name != "id") {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        table.row([name.clone(), text]);
    }
    print(&table.render())
}

/// Retries or discards all that a filter means, or tells how many there are.
async fn many(
    backend: &Backend,
    caller: &Caller,
    action: BulkAction,
    (filter, reason, preview): (BulkFilter, Option<String>, bool),
    as_json: bool,
) -> Result<(), Failure> {
    let begun = backend.service().begin_bulk(caller, action, BulkRequest { filter, preview, reason }).await?;
    let Some(task_id) = begun.task_id else {
        return report(as_json, &json!(begun), &format!("{} operations are meant; nothing was done\n", begun.count));
    };
    // a server that runs may take steps of it too
    let progress = loop {
        let progress = backend.service().load_task(caller, task_id).await?;
        if progress.finished_at.is_some() {
            break progress;
        }
        backend.service().run_queue_tasks().await?;
    };
    let words =
        format!("{}: {} of {} operations; {} were left as they are\n", progress.action, progress.done, progress.total, progress.skipped);
    let ended = progress.problem.as_ref().map(|problem| format!("it ended before it was through: {}\n", problem.detail));
    report(as_json, &json!(progress), &(words + &ended.unwrap_or_default()))
}

async fn export(backend: &Backend, caller: &Caller, filter: BulkFilter) -> Result<(), Failure> {
    let mut reader = backend.service().export_queue(caller, filter).await?;
    while let Some(lines) = poll_fn(|context| reader.poll_lines(context)).await {
        print_bytes(&lines?)?;
    }
    Ok(())
}
