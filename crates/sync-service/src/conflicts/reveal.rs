//! Showing a sensitive value of a question to somebody who may read it and asks for it by name: an act of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use sync_core::conflict::{Conflict, DisputedField};
use sync_core::ports::Tx;
use sync_core::protocol::v1::inbox::RevealPlaceRequest;
use sync_core::{Code, ConflictId, Problem};

use super::{find, tell, unknown_conflict};
use crate::audit::{self, Act};
use crate::{Caller, Service, ServiceResult};

impl Service {
    /// A place of a question with its values, for somebody who reads them. That they looked is recorded, in the transaction
    /// that reads it.
    ///
    /// # Errors
    /// `unknown_conflict`, also where the question is not about that place; `forbidden` where the caller is told only that
    /// it differs; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn reveal_conflict(
        &self,
        caller: &Caller,
        conflict_id: ConflictId,
        request: RevealPlaceRequest,
    ) -> ServiceResult<DisputedField> {
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        let work = move |tx: &mut dyn Tx| {
            let Some((access, conflict)) = find(tx, &caller, conflict_id)? else { return Err(unknown_conflict().into()) };
            let conflict = tell(tx, &caller, vec![(&access, conflict)], &mut BTreeMap::new())?.pop().ok_or_else(unknown_conflict)?;
            let (document, field) = place(conflict, &request).ok_or_else(|| {
                let detail = "the question is not about this place of that document, as far as you see it";
                Problem::new(Code::UnknownConflict, detail).at("/field")
            })?;
            if field.masked {
                return Err(audit::may_not().into());
            }
            let act = Act::by(&caller, "field.reveal")
                .in_space(access.space.space_id)
                .about(&conflict_id)
                .because(request.reason.as_deref())
                .with(json!({"document": document, "field": request.field}));
            audit::write(tx, &*entropy, now, [act])?;
            Ok(field)
        };
        self.decide(caller.write(), work).await
    }
}

/// The place that is asked for, with the document that it is of. Of a group, without a document, it is the first that has it.
fn place(conflict: Conflict, request: &RevealPlaceRequest) -> Option<(String, DisputedField)> {
    let own = (format!("{}/{}", conflict.collection, conflict.document_id), conflict.fields);
    let parts = conflict.documents.into_iter().map(|part| (format!("{}/{}", part.collection, part.document_id), part.fields));
    let of_document = |name: &String| request.document.as_ref().is_none_or(|document| document == name);
    let mut places = std::iter::once(own).chain(parts).filter(|(name, _)| of_document(name));
    places.find_map(|(name, mut fields)| Some((name, fields.remove(&request.field)?)))
}
