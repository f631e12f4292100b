//! `/api/offline/audit`: what was done, and proof that nothing of it was changed.

use actix_web::http::Method;
use actix_web::web;
use serde::Deserialize;
use sync_core::{Code, DeviceId, OpId, Problem, SpaceId, Timestamp, UserId};
use sync_service::{AuditQuery, Included};
use uuid::Uuid;

use super::{endpoint, mount, page_size};
use crate::call::{Answered, Call, ok};
use crate::stream::as_lines;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/offline/audit", vec![endpoint(Method::GET, list)]);
    mount(cfg, "/api/offline/audit/checkpoint", vec![endpoint(Method::GET, checkpoint)]);
    mount(cfg, "/api/offline/audit/proof", vec![endpoint(Method::GET, proof)]);
    mount(cfg, "/api/offline/audit/export", vec![endpoint(Method::GET, export)]);
    mount(cfg, "/api/offline/audit/{record_id}", vec![endpoint(Method::GET, get)]);
    mount(cfg, "/api/offline/audit/{record_id}/reveal", vec![endpoint(Method::POST, reveal)]);
}

#[derive(Deserialize)]
struct Records {
    space: Option<SpaceId>,
    user: Option<UserId>,
    device: Option<DeviceId>,
    action: Option<String>,
    subject: Option<String>,
    op: Option<OpId>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    limit: Option<u64>,
    after: Option<Uuid>,
}

impl Records {
    fn into_query(self) -> AuditQuery {
        AuditQuery {
            space: self.space,
            user: self.user,
            device: self.device,
            action: self.action,
            subject: self.subject,
            op: self.op,
            from: self.from,
            to: self.to,
            limit: page_size(self.limit),
            after: self.after,
        }
    }
}

async fn list(call: Call) -> Answered {
    let caller = call.caller().await?;
    let query = call.query::<Records>()?.into_query();
    ok(&call.service().list_audit(&caller, query).await?)
}

async fn get(call: Call) -> Answered {
    let caller = call.caller().await?;
    ok(&call.service().get_audit(&caller, call.path_id("record_id")).await?)
}

async fn reveal(call: Call) -> Answered {
    let caller = call.caller().await?;
    let request = call.json().await?;
    ok(&call.service().reveal_audit(&caller, call.path_id("record_id"), request).await?)
}

/// What an export takes: everything that the filter means.
#[derive(Deserialize)]
struct Exported {
    space: Option<SpaceId>,
    user: Option<UserId>,
    device: Option<DeviceId>,
    action: Option<String>,
    subject: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

async fn export(call: Call) -> Answered {
    let caller = call.caller().await?;
    let Exported { space, user, device, action, subject, from, to } = call.query()?;
    let query = AuditQuery { space, user, device, action, subject, from, to, ..AuditQuery::default() };
    Ok(as_lines(&call, call.service().export_audit(&caller, query).await?))
}

#[derive(Deserialize)]
struct Size {
    size: Option<u64>,
}

async fn checkpoint(call: Call) -> Answered {
    let caller = call.caller().await?;
    let Size { size } = call.query()?;
    ok(&call.service().audit_checkpoint(&caller, size).await?)
}

#[derive(Deserialize)]
struct Proof {
    record: Option<Uuid>,
    index: Option<u64>,
    size: Option<u64>,
    from: Option<u64>,
    to: Option<u64>,
}

/// That something is in the tree, or that it begins with an earlier one.
async fn proof(call: Call) -> Answered {
    let caller = call.caller().await?;
    match call.query()? {
        Proof { record: Some(record_id), index: None, size, from: None, to: None } => {
            ok(&call.service().audit_inclusion(&caller, Included::Record(record_id), size).await?)
        }
        Proof { record: None, index: Some(index), size, from: None, to: None } => {
            ok(&call.service().audit_inclusion(&caller, Included::Index(index), size).await?)
        }
        Proof { record: None, index: None, size: None, from: Some(from), to } => {
            ok(&call.service().audit_consistency(&caller, from, to).await?)
        }
        _ => {
            let detail = "the query: give record or index for a proof that it is there, or from, and to if not to the end, for a proof that nothing before was changed";
            Err(Problem::new(Code::Malformed, detail).into())
        }
    }
}
