//! What does not hold between documents after what was decided here: the rules of the space's schema
//! ([`merge_engine::rules`]), checked once for all operations of a unit of work, before it is written.
//!
//! The collections that a rule compares are read only where something was touched that it looks at, and only what the
//! sender may see: nothing else is told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use merge_engine::rules::{self, Change, Scene};
use sync_core::json::Object;
use sync_core::ports::{ChangeRow, StoreResult, Tx};
use sync_core::protocol::v1::{OperationResult, Warning};
use sync_core::schema::Rule;
use sync_core::{DocumentKey, OpId, OrganisationId, Status, UserId};

use super::live::read_live;
use super::world::World;

/// In a collection with more live documents than this, nothing is compared.
const MAX_COMPARED: i64 = 5_000;
/// The most warnings of one operation.
const MAX_WARNINGS: usize = 50;

/// By operation, what does not hold since it was decided here.
#[derive(Debug, Default)]
pub(crate) struct Warnings(HashMap<OpId, Vec<Warning>>);

impl Warnings {
    /// Checks what the changes of this unit of work led to.
    pub(crate) fn check(tx: &mut dyn Tx, world: &World, organisation_id: OrganisationId) -> StoreResult<Self> {
        let touched = touched(world);
        if touched.is_empty() {
            return Ok(Self::default());
        }
        let mut needed = rules::needs(&world.schema, &touched);
        let mut too_large = too_large(tx, world, &needed)?;
        needed.retain(|collection| !too_large.contains(*collection));
        let mut documents = BTreeMap::new();
        for collection in needed {
            if !read(tx, world, collection, &mut documents)? {
                documents.retain(|key, _| key.collection() != collection);
                too_large.insert(collection.to_owned());
            }
        }
        let told = |names: &BTreeMap<String, String>| {
            let scene = Scene { schema: &world.schema, documents: &documents, touched: &touched, names };
            let mut warnings = rules::check(&scene);
            warnings.retain(|warning| !compares(world, warning, &too_large) && is_for(world, warning));
            warnings
        };
        let mut warnings = told(&BTreeMap::new());
        if warnings.iter().any(|warning| matches!(world.schema.rules.get(warning.rule), Some(Rule::OnePlace { .. }))) {
            warnings = told(&names(tx, world, organisation_id)?);
        }
        Ok(Self::by_operation(world, warnings))
    }

    /// The operation that a warning belongs to is the last that touched one of its causes where the rule looks.
    fn by_operation(world: &World, warnings: Vec<rules::Warning>) -> Self {
        let mut all = Self::default();
        if warnings.is_empty() {
            return all;
        }
        let mut changes: HashMap<&DocumentKey, Vec<(&ChangeRow, Object)>> = HashMap::new();
        for change in &world.staged {
            changes.entry(&change.key).or_default().push((change, change.before.object()));
        }
        for warning in warnings {
            let Some(rule) = world.schema.rules.get(warning.rule) else { continue };
            let touches = |change: &ChangeRow, before: &Object| {
                !change.was_live || rules::watched(rule, change.key.collection()).iter().any(|field| before.contains_key(*field))
            };
            let of_causes = warning.causes.iter().filter_map(|key| changes.get(key)).flatten();
            let last = of_causes.filter(|(change, before)| touches(change, before)).max_by_key(|(change, _)| change.version);
            let Some((change, _)) = last else { continue };
            let told = all.0.entry(change.by.op_id).or_default();
            if told.len() < MAX_WARNINGS {
                let documents = warning.documents.iter().map(Into::into).collect();
                told.push(Warning { code: warning.code, detail: warning.detail, documents });
            }
        }
        all
    }

    /// Tells them with the results of the operations that were decided here.
    pub(crate) fn tell<'a>(mut self, results: impl Iterator<Item = &'a mut OperationResult>) {
        for result in results.filter(|result| result.held && result.status != Status::Duplicate) {
            result.warnings.extend(self.0.remove(&result.op_id).unwrap_or_default());
        }
    }
}

/// What became of the documents that were changed here and that a rule knows, as the sender may see them.
fn touched(world: &World) -> BTreeMap<DocumentKey, Change> {
    let is_watched = |key: &&DocumentKey| world.schema.rules.iter().any(|rule| !rules::watched(rule, key.collection()).is_empty());
    let changed: BTreeSet<&DocumentKey> = world.staged.iter().map(|change| &change.key).filter(is_watched).collect();
    let change = |key: &DocumentKey| {
        let doc = world.visible(key).filter(|doc| doc.is_live())?;
        let (before, was_live) = world.at_first(key, doc);
        Some((key.clone(), Change { before: was_live.then_some(before), after: Some(doc.body.clone()) }))
    };
    changed.into_iter().filter_map(change).collect()
}

/// The collections among these of which there is too much. Where only one's own documents are seen, those that there are
/// beside them count for nothing: they are counted as they are read.
fn too_large(tx: &mut dyn Tx, world: &World, needed: &BTreeSet<&str>) -> StoreResult<BTreeSet<String>> {
    if needed.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for sum in tx.load_sums(world.space_id)?.into_iter().filter(|sum| sum.audience.includes(world.role)) {
        *counts.entry(sum.collection).or_default() += sum.documents;
    }
    Ok(counts
        .into_iter()
        .filter(|(collection, count)| *count > MAX_COMPARED && needed.contains(collection.as_str()))
        .filter(|(collection, _)| world.view.own_field(collection).is_none())
        .map(|(name, _)| name)
        .collect())
}

fn compares(world: &World, warning: &rules::Warning, collections: &BTreeSet<String>) -> bool {
    let rule = world.schema.rules.get(warning.rule);
    rule.is_some_and(|rule| rules::compared(rule).into_iter().any(|collection| collections.contains(collection)))
}

/// Whether the sender may read all that a warning was had from.
fn is_for(world: &World, warning: &rules::Warning) -> bool {
    let Some(rule) = world.schema.rules.get(warning.rule) else { return false };
    let collections: BTreeSet<&str> = warning.documents.iter().map(DocumentKey::collection).collect();
    collections.into_iter().filter_map(|name| Some((name, world.schema.collections.get(name)?))).all(|(name, collection)| {
        let mut fields = rules::watched(rule, name).into_iter().chain(collection.label.as_deref());
        fields.all(|field| world.view.reads(name, field, None))
    })
}

/// Reads what is compared; `false` where that is too much.
fn read(tx: &mut dyn Tx, world: &World, collection: &str, documents: &mut BTreeMap<DocumentKey, Object>) -> StoreResult<bool> {
    let mut count = 0;
    read_live(tx, world, collection, &mut |key, _, body| {
        count += 1;
        // what was changed here is told as it is now, or not at all
        if !world.touched.contains(&key)
            && let Ok(body) = serde_json::from_str(body)
        {
            documents.insert(key, body);
        }
        if count > MAX_COMPARED { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

/// The names of the space's members, by the ids that documents call them by.
fn names(tx: &mut dyn Tx, world: &World, organisation_id: OrganisationId) -> StoreResult<BTreeMap<String, String>> {
    let members: Vec<UserId> = tx.list_members(world.space_id)?.into_iter().map(|member| member.user_id).collect();
    Ok(tx.load_users(organisation_id, &members)?.into_iter().map(|user| (user.user_id.to_string(), user.name)).collect())
}
