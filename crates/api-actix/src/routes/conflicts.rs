//! `/api/offline/conflict`: what waits for an answer, one answer for many, answers taken back, and what was learned.

use actix_web::http::Method;
use actix_web::web;
use serde::Deserialize;
use sync_core::conflict::ConflictKind;
use sync_core::ports::ConflictFilter as Only;
use sync_core::protocol::v1::inbox::{AnswerAllRequest, PutPreferenceRequest, UndoRequest};
use sync_core::{Code, ConflictId, DocumentKey, Problem, Role, SpaceId, Timestamp, UserId};
use sync_service::{Assigned, ConflictFilter, ConflictQuery, PreferenceQuery};

use super::{endpoint, mount, page_size};
use crate::call::{Answered, Call, no_content, ok};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/offline/conflict", vec![endpoint(Method::GET, list), endpoint(Method::POST, answer_all)]);
    // before the conflict of any id
    let preferences = vec![endpoint(Method::GET, preferences), endpoint(Method::PUT, put_preference), endpoint(Method::DELETE, forget)];
    mount(cfg, "/api/offline/conflict/preferences", preferences);
    mount(cfg, "/api/offline/conflict/{conflict_id}", vec![endpoint(Method::GET, get)]);
    mount(cfg, "/api/offline/conflict/{conflict_id}/undo", vec![endpoint(Method::POST, undo)]);
    mount(cfg, "/api/offline/conflict/{conflict_id}/reveal", vec![endpoint(Method::POST, reveal)]);
}

#[derive(Deserialize)]
struct Page {
    space: Option<String>,
    #[serde(default)]
    state: State,
    collection: Option<String>,
    document: Option<String>,
    kind: Option<ConflictKind>,
    assigned: Option<String>,
    who: Option<UserId>,
    opened_after: Option<Timestamp>,
    opened_before: Option<Timestamp>,
    deadline_before: Option<Timestamp>,
    automatic: Option<bool>,
    limit: Option<u64>,
    after: Option<ConflictId>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum State {
    #[default]
    Open,
    Resolved,
    All,
}

impl Page {
    fn into_query(self) -> Result<ConflictQuery, Problem> {
        let document = match (&self.document, &self.collection) {
            (None, _) => None,
            (Some(id), Some(collection)) => Some(DocumentKey::new(collection, id).ok_or_else(|| nameless("document"))?),
            (Some(_), None) => return Err(Problem::new(Code::Malformed, "the query: document needs its collection beside it")),
        };
        let only = Only {
            // a document of a group may be of another collection than the group's first
            collection: self.collection.filter(|_| document.is_none()),
            document,
            kind: self.kind,
            asks: Vec::new(),
            who: self.who,
            opened_from: self.opened_after,
            opened_before: self.opened_before,
            deadline_before: self.deadline_before,
            automatic: self.automatic,
        };
        Ok(ConflictQuery {
            // as in a path: what is no UUID names a space that nobody has
            space: self.space.map(|text| text.parse().unwrap_or(SpaceId(uuid::Uuid::nil()))),
            state: match self.state {
                State::Open => ConflictFilter::Open,
                State::Resolved => ConflictFilter::Resolved,
                State::All => ConflictFilter::All,
            },
            assigned: self.assigned.as_deref().map(assigned).transpose()?,
            only,
            limit: page_size(self.limit),
            after: self.after,
        })
    }
}

fn nameless(parameter: &str) -> Problem {
    Problem::new(Code::Malformed, format!("the query: collection and {parameter} are no names that a document may have"))
}

/// `me`, `role:NAME` or `user:UUID`.
fn assigned(text: &str) -> Result<Assigned, Problem> {
    match text.split_once(':') {
        None if text == "me" => Ok(Assigned::Me),
        Some(("role", name)) if Role::parse(name).is_some() => Ok(Assigned::To(text.to_owned())),
        Some(("user", id)) if id.parse::<UserId>().is_ok() => Ok(Assigned::To(text.to_owned())),
        _ => {
            let detail = format!("the query: assigned is to be me, role:NAME or user:UUID, and not {text:?}");
            Err(Problem::new(Code::Malformed, detail))
        }
    }
}

async fn list(call: Call) -> Answered {
    let caller = call.caller().await?;
    let query = call.query::<Page>()?.into_query()?;
    ok(&call.service().list_conflicts(&caller, query).await?)
}

async fn get(call: Call) -> Answered {
    let caller = call.caller().await?;
    ok(&call.service().load_conflict(&caller, ConflictId(call.path_id("conflict_id"))).await?)
}

async fn answer_all(call: Call) -> Answered {
    let caller = call.caller().await?;
    let request: AnswerAllRequest = call.json().await?;
    ok(&call.service().answer_all(&caller, request).await?)
}

async fn reveal(call: Call) -> Answered {
    let caller = call.caller().await?;
    let request = call.json().await?;
    ok(&call.service().reveal_conflict(&caller, ConflictId(call.path_id("conflict_id")), request).await?)
}

async fn undo(call: Call) -> Answered {
    let caller = call.caller().await?;
    let request: UndoRequest = call.json().await?;
    ok(&call.service().undo_answer(&caller, ConflictId(call.path_id("conflict_id")), request.op_id).await?)
}

#[derive(Deserialize)]
struct PreferencePage {
    scope: Option<String>,
    limit: Option<u64>,
    after: Option<String>,
}

async fn preferences(call: Call) -> Answered {
    let caller = call.caller().await?;
    let page: PreferencePage = call.query()?;
    let scope = page.scope.unwrap_or_else(|| PreferenceQuery::default().scope);
    let query = PreferenceQuery { scope, limit: page_size(page.limit), after: page.after };
    ok(&call.service().list_preferences(&caller, query).await?)
}

async fn put_preference(call: Call) -> Answered {
    let caller = call.caller().await?;
    let request: PutPreferenceRequest = call.json().await?;
    ok(&call.service().put_preference(&caller, request).await?)
}

#[derive(Deserialize)]
struct Forgotten {
    scope: Option<String>,
    context: Option<String>,
    all: Option<bool>,
}

async fn forget(call: Call) -> Answered {
    let caller = call.caller().await?;
    let Forgotten { scope, context, all } = call.query()?;
    if context.is_none() && all != Some(true) {
        let detail = "the query: name a context, or say all=true to forget every one of the scope";
        return Err(Problem::new(Code::Malformed, detail).into());
    }
    let scope = scope.unwrap_or_else(|| PreferenceQuery::default().scope);
    call.service().forget_preferences(&caller, &scope, context).await?;
    no_content()
}
