//! What everybody is sent who stands at the same place of a space in the same view, made once and shared.

use sync_core::conflict::{Conflict, ConflictState};
use sync_core::document::CONFLICTS;
use sync_core::protocol::v1::{Item, ItemKind};
use sync_core::{DeviceId, SpaceId};

use super::frames::{Frame, Question};
use crate::pull::Items;

/// The end of an item that tells no echo: `echo` is the last member of the wire's type.
const NO_ECHO: &str = "false}";

/// The items of a `change`, and the questions among them.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// A JSON array.
    items: String,
    /// Where [`NO_ECHO`] stands in an item all of whose changes are of one device, and that device, in their order.
    echoes: Vec<(usize, DeviceId)>,
    /// One for each question among the items.
    pub(crate) questions: Vec<Frame>,
}

impl Batch {
    /// These items; `None` where they are more than `most_bytes`.
    pub(crate) fn make(items: &Items, space_id: SpaceId, most_bytes: usize) -> Option<Self> {
        let mut batch = Self { items: "[".into(), ..Self::default() };
        for (item, device) in items {
            batch.add(item, *device, space_id);
            if batch.items.len() > most_bytes {
                return None;
            }
        }
        batch.items.push(']');
        batch.items.shrink_to_fit();
        Some(batch)
    }

    fn add(&mut self, item: &Item, device: Option<DeviceId>, space_id: SpaceId) {
        if self.items.len() > 1 {
            self.items.push(',');
        }
        self.items.push_str(&serde_json::to_string(item).unwrap_or_default());
        if let Some(device_id) = device {
            self.echoes.push((self.items.len().saturating_sub(NO_ECHO.len()), device_id));
        }
        self.questions.extend(question(item, space_id));
    }

    /// The array as one device is sent it: `echo` tells it what it did itself.
    pub(crate) fn items_for(&self, device_id: DeviceId) -> std::borrow::Cow<'_, str> {
        let mut own = self.echoes.iter().filter(|(_, device)| *device == device_id).peekable();
        if own.peek().is_none() {
            return self.items.as_str().into();
        }
        let mut text = String::with_capacity(self.items.len());
        let mut from = 0;
        for (at, _) in own {
            text.push_str(self.items.get(from..*at).unwrap_or_default());
            text.push_str("true}");
            from = at + NO_ECHO.len();
        }
        text.push_str(self.items.get(from..).unwrap_or_default());
        text.into()
    }
}

/// What is told of a question beside its document.
fn question(item: &Item, space_id: SpaceId) -> Option<Frame> {
    if item.collection != CONFLICTS || item.kind != ItemKind::Document {
        return None;
    }
    let Conflict { conflict_id, collection, document_id, kind, state, .. } = item.document.as_ref()?.read()?;
    let question = Question { space_id, conflict_id, version: item.version, collection, document_id, kind };
    Some(match state {
        ConflictState::Open => Frame::Conflict(question),
        ConflictState::Resolved => Frame::Resolved(question),
    })
}
