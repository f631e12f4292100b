//! Reading what change requests lead to, in bulk.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use sync_core::document::CHANGE_REQUESTS;
use sync_core::json::Object;
use sync_core::ports::{LivePage, StoreResult, Tx};
use sync_core::{Audience, DocumentKey};

use super::{is_request, target_of};
use crate::push::world::{Doc, NewState, World};

/// Adds what change requests at hand lead to: the documents that they are about, as they were when the requests were made,
/// and the requests that the senders' chains have open. Nothing where no request is at hand.
pub(in crate::push) fn add_to(tx: &mut dyn Tx, world: &World, bases: &mut BTreeMap<DocumentKey, i64>) -> StoreResult<()> {
    let chained = world.known.values().flat_map(|known| known.overlay.requests.values());
    for key in chained.filter_map(|id| DocumentKey::new(CHANGE_REQUESTS, id)) {
        bases.entry(key).or_insert(i64::MAX);
    }
    let asked: Vec<DocumentKey> = bases.keys().filter(|key| is_request(&world.schema, key)).cloned().collect();
    if asked.is_empty() {
        return Ok(());
    }
    for row in tx.load_documents(world.space_id, &asked)? {
        let doc = Doc::of_row(&row)?;
        if let Some(target) = target_of(&doc.body) {
            let since = doc.fields.version_of("patch");
            bases.entry(target).and_modify(|base| *base = since.min(*base)).or_insert(since);
        }
    }
    Ok(())
}

/// Requests move with the audience of what they are about.
pub(in crate::push) fn move_along(tx: &mut dyn Tx, world: &mut World, moved: &BTreeSet<DocumentKey>) -> StoreResult<()> {
    if world.schema.collections.is_empty() {
        return Ok(());
    }
    let (after, before) = (format!("{CHANGE_REQUESTS}/"), format!("{CHANGE_REQUESTS}0"));
    let (space_id, seen_by) = (world.space_id, Audience::EVERYONE);
    let page = LivePage { space_id, after: &after, before: &before, seen_by, bodies: true, limit: i64::MAX };
    let mut about: Vec<DocumentKey> = Vec::new();
    tx.visit_live(page, &mut |live| {
        let target = serde_json::from_str::<Object>(live.body).ok().and_then(|body| target_of(&body));
        if target.is_some_and(|target| moved.contains(&target)) {
            about.extend(DocumentKey::from_stored(live.key.to_owned()));
        }
        ControlFlow::Continue(())
    })?;
    let unread: Vec<DocumentKey> = about.iter().filter(|key| !world.docs.contains_key(*key)).cloned().collect();
    for row in tx.load_documents(space_id, &unread)? {
        world.docs.insert(row.key.clone(), Doc::of_row(&row)?);
    }
    for key in about {
        let Some(doc) = world.docs.get(&key).filter(|doc| doc.audience != world.audience_of(&key, &doc.body)) else { continue };
        let (state, by, at) = (NewState { body: doc.body.clone(), live: doc.is_live() }, doc.by, doc.at);
        world.change(&key, state, by, at, (at.millis(), 0));
    }
    Ok(())
}
