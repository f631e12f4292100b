//! Reading whole collections, for what is said of all that is in them.

use std::ops::ControlFlow;

use sync_core::json::Object;
use sync_core::ports::{LivePage, StoreResult, Tx};
use sync_core::{Audience, DocumentKey};

use super::world::World;

/// Live documents read at a time.
const PAGE: i64 = 5_000;

/// Visits the live documents of a collection that the sender may see, page by page. Whether the visitor saw all of them.
pub(crate) fn read_live(
    tx: &mut dyn Tx,
    world: &World,
    collection: &str,
    visit: &mut dyn FnMut(DocumentKey, i64, &str) -> ControlFlow<()>,
) -> StoreResult<bool> {
    if world.view.is_closed(collection) {
        return Ok(true);
    }
    let names_readers = world.view.own_field(collection).is_some();
    // `0` is the character after `/`
    let (mut after, before) = (format!("{collection}/"), format!("{collection}0"));
    loop {
        let (mut rows, mut last, mut whole) = (0, None, true);
        let page = LivePage {
            space_id: world.space_id,
            after: &after,
            before: &before,
            seen_by: Audience::of([world.role]),
            bodies: true,
            limit: PAGE,
        };
        tx.visit_live(page, &mut |live| {
            rows += 1;
            last = Some(live.key.to_owned());
            let is_seen = !names_readers
                || serde_json::from_str::<Object>(live.body).is_ok_and(|body| world.view.sees_body(collection, Audience::EVERYONE, &body));
            let key = DocumentKey::from_stored(live.key.to_owned()).filter(|_| is_seen);
            let flow = key.map_or(ControlFlow::Continue(()), |key| visit(key, live.version, live.body));
            whole = flow.is_continue();
            flow
        })?;
        match last.filter(|_| whole && rows == PAGE) {
            Some(last) => after = last,
            None => return Ok(whole),
        }
    }
}
