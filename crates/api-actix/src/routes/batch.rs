//! `/api/offline/queue/batch`: many operations at once.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};
use actix_web::web;
use serde::Deserialize;
use sync_core::limits::{MAX_BATCH_BYTES, MAX_BATCH_OPERATIONS, MAX_BODY_BYTES, MAX_LINE_BYTES};
use sync_core::protocol::v1::{BatchAnswer, SyncRequest, read_operation_line};
use sync_core::{BatchId, Code, Problem, Timestamp};
use sync_service::queue::batch::{BatchHead, BatchWriter};

use super::{endpoint, mount};
use crate::call::{Answered, Call, ok};
use crate::lines::{Line, LineReader};
use crate::problem::ApiError;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/offline/queue/batch", vec![endpoint(Method::POST, take)]);
    mount(cfg, "/api/offline/queue/batch/{batch_id}", vec![endpoint(Method::GET, progress)]);
}

/// What the query says of a batch.
#[derive(Deserialize)]
struct Query {
    mode: Option<String>,
    space: Option<String>,
    schema: Option<u32>,
    sent_at: Option<String>,
    epoch: Option<String>,
}

async fn progress(call: Call) -> Answered {
    let caller = call.caller().await?;
    ok(&call.service().batch_progress(&caller, BatchId(call.path_id("batch_id"))).await?)
}

async fn take(call: Call) -> Answered {
    // many are read a part at a time: it takes room for a part, and none for work
    let _room = call.admit().await?;
    let caller = call.caller().await?;
    let query: Query = call.query()?;
    let head = head_of(&query)?;
    if !call.carries_lines() {
        let request = call.read(MAX_BODY_BYTES, SyncRequest::parse).await?;
        let head = BatchHead { sent_at: request.sent_at.or(head.sent_at), epochs: request.epochs, ..head };
        let mut writer = call.service().open_batch(&caller, head).await?;
        for operation in request.operations {
            writer.take(operation, 0).await?;
        }
        return Ok(answered(&writer.finish().await?));
    }
    let mut lines = call.lines(MAX_BATCH_BYTES)?;
    let mut writer = call.service().open_batch(&caller, head).await?;
    match take_lines(&mut lines, &mut writer, &query).await {
        Ok(()) => Ok(answered(&writer.finish().await?)),
        Err(error) => {
            let told = broken_off(&error, &writer);
            writer.break_off().await?;
            Err(told)
        }
    }
}

/// Accepted, to be decided; or nothing was taken, which is no error of the request as such.
fn answered(answer: &BatchAnswer) -> HttpResponse {
    let status = if answer.state == "refused" { StatusCode::OK } else { StatusCode::ACCEPTED };
    HttpResponse::build(status).json(answer)
}

fn head_of(query: &Query) -> Result<BatchHead, Problem> {
    let malformed = |detail: &str, name: &str| Problem::new(Code::Malformed, detail).at(format!("/{name}"));
    let atomic = match query.mode.as_deref() {
        None | Some("each") => false,
        Some("all") => true,
        Some(_) => return Err(malformed("mode is all (nothing is taken unless everything can be) or each", "mode")),
    };
    let instant = |text: &String| Timestamp::parse(text).ok_or_else(|| malformed("sent_at is the device's time as in RFC 3339", "sent_at"));
    let sent_at = query.sent_at.as_ref().map(instant).transpose()?;
    let mut epochs = BTreeMap::new();
    if let Some(epoch) = &query.epoch {
        let space_id = query.space.as_ref().and_then(|space| space.parse().ok());
        epochs.insert(space_id.ok_or_else(|| malformed("epoch is that of space, which is missing", "epoch"))?, epoch.clone());
    }
    Ok(BatchHead { atomic, sent_at, epochs })
}

/// Reads the lines and hands them on a part at a time.
async fn take_lines(lines: &mut LineReader, writer: &mut BatchWriter, query: &Query) -> Result<(), ApiError> {
    while let Some(line) = lines.next().await? {
        if writer.lines() >= MAX_BATCH_OPERATIONS {
            let detail = format!("a batch has at most {MAX_BATCH_OPERATIONS} operations; send the rest in another");
            return Err(Problem::new(Code::TooLarge, detail).into());
        }
        let (read, bytes) = match &line {
            Line::Whole(line) => (read_operation_line(line, query.space.as_deref(), query.schema), line.len()),
            Line::TooLong => {
                (Err(Problem::new(Code::TooLarge, format!("a line has at most {MAX_LINE_BYTES} bytes; split the operation"))), 0)
            }
        };
        match read {
            Ok(operation) => writer.take(operation, bytes).await?,
            Err(problem) => writer.refuse_line(problem),
        }
    }
    Ok(())
}

/// What is told when a batch ends before its end.
fn broken_off(error: &ApiError, writer: &BatchWriter) -> ApiError {
    let problem = error.problem();
    let detail = format!("{} The batch broke off after {} lines: {}", problem.detail, writer.lines(), writer.what_stands());
    ApiError::from(Problem { detail, ..problem.clone() })
}
