//! The documents that rules look at, by collection and id.

use std::collections::BTreeMap;

use serde_json::Value;
use sync_core::json::Object;
use sync_core::{DocumentKey, Schema};

use super::{Change, Scene};

/// A live document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Card<'a> {
    pub(super) key: &'a DocumentKey,
    pub(super) body: &'a Object,
    change: Option<&'a Change>,
}

impl<'a> Card<'a> {
    /// Whether it was touched in one of these fields, or is new.
    pub(super) fn is_touched(&self, fields: &[&str]) -> bool {
        self.change.is_some_and(|change| change.is_seen_by(fields))
    }

    /// As it was before it was touched; `None` where it was not, or was not there.
    pub(super) fn before(&self) -> Option<&'a Object> {
        self.change.and_then(|change| change.before.as_ref())
    }

    pub(super) fn text(&self, field: &str) -> Option<&'a str> {
        self.body.get(field).and_then(Value::as_str)
    }
}

/// All live documents at hand.
pub(super) struct Board<'a> {
    pub(super) schema: &'a Schema,
    pub(super) names: &'a BTreeMap<String, String>,
    cards: BTreeMap<&'a str, Vec<Card<'a>>>,
}

impl<'a> Board<'a> {
    pub(super) fn new(scene: &Scene<'a>) -> Self {
        let others = scene.documents.iter().filter(|(key, _)| !scene.touched.contains_key(*key));
        let others = others.map(|(key, body)| Card { key, body, change: None });
        let touched = scene.touched.iter();
        let touched = touched.filter_map(|(key, change)| Some(Card { key, body: change.after.as_ref()?, change: Some(change) }));
        let mut cards: BTreeMap<&str, Vec<Card<'_>>> = BTreeMap::new();
        for card in others.chain(touched) {
            cards.entry(card.key.collection()).or_default().push(card);
        }
        for list in cards.values_mut() {
            list.sort_by_key(|card| card.key);
        }
        Self { schema: scene.schema, names: scene.names, cards }
    }

    /// The documents of a collection, by id.
    pub(super) fn of(&self, collection: &str) -> &[Card<'a>] {
        self.cards.get(collection).map_or(&[], Vec::as_slice)
    }
}

/// Something that does not hold, and the documents that it is about.
pub(super) struct Finding<'a> {
    pub(super) detail: String,
    pub(super) cards: Vec<Card<'a>>,
}
