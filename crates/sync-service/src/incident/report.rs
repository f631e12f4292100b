//! What was touched, by which device, since when: from what is stored of every operation that was decided, with what shifts
//! moved, and from the records of answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use sync_core::ports::{AuditFilter, AuditRecord, ChangeRow, History, Scope, StoreResult, StoredOperation, Tx};
use sync_core::protocol::v1::incident::{IncidentReport, TouchedCollection, TouchedDevice};
use sync_core::{DeviceId, OpId, OrganisationId, SpaceId, Timestamp};

use super::Authority;
use crate::audit;
use crate::push::working::Told;
use crate::{Service, ServiceResult};

/// Operations that are read at a time.
const PAGE: i64 = 1_000;
/// Operations that one report is about, at most; it says when there were more.
const MOST: usize = 200_000;

impl Service {
    /// What was touched in an organisation since an instant, by one device or by all.
    ///
    /// # Errors
    /// `forbidden` unless an owner asks; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn incident_report(
        &self,
        by: &Authority,
        organisation_id: OrganisationId,
        device_id: Option<DeviceId>,
        since: Timestamp,
    ) -> ServiceResult<IncidentReport> {
        self.record_report(by, organisation_id, device_id, since).await?;
        let (about, mut found) = ((organisation_id, device_id, since), Found::default());
        let after = self.add_operations(by, about, &mut found).await?;
        for action in ANSWERS {
            self.add_answers(by, about, action, &mut found).await?;
        }
        let known: Vec<DeviceId> = found.devices.keys().copied().collect();
        let names = move |tx: &mut dyn Tx| tx.load_devices(organisation_id, &known);
        let names = self.store.transact(Scope::Organisation(organisation_id).read(), names).await?;
        let names = names.into_iter().map(|device| (device.device_id, device.name)).collect();
        Ok(found.told(about, &names, (after, self.now())))
    }
}

/// The records of answers to questions.
const ANSWERS: [&str; 2] = ["conflict.resolve", "conflict.undo"];

/// What the intents among these operations moved.
fn moved_by(tx: &mut dyn Tx, page: &[StoredOperation]) -> StoreResult<Vec<(SpaceId, ChangeRow)>> {
    let mut histories: BTreeMap<SpaceId, Vec<History>> = BTreeMap::new();
    for (row, told) in page.iter().filter_map(|row| Some((row, Told::of(row)?))) {
        let changes = told.touched().map(|(_, version)| History { from: version, above: version - 1 });
        histories.entry(row.space_id).or_default().extend(changes);
    }
    let mut moved = Vec::new();
    for (space_id, histories) in histories {
        moved.extend(tx.list_changes(space_id, &histories)?.into_iter().map(|change| (space_id, change)));
    }
    Ok(moved)
}

impl Service {
    /// Adds the operations that were decided, page by page. Where they go on, if they were too many.
    async fn add_operations(
        &self,
        by: &Authority,
        (organisation_id, device_id, since): (OrganisationId, Option<DeviceId>, Timestamp),
        found: &mut Found,
    ) -> ServiceResult<Option<OpId>> {
        let mut after = None;
        while found.operations < MOST {
            let by = by.clone();
            let work = move |tx: &mut dyn Tx| {
                by.check(tx, organisation_id)?;
                let page = tx.list_decided(organisation_id, device_id, since, after, PAGE)?;
                let moved = moved_by(tx, &page)?;
                Ok((page, moved))
            };
            let (page, moved): (Vec<StoredOperation>, _) = self.decide(Scope::Organisation(organisation_id).read(), work).await?;
            for row in &page {
                found.add(row);
            }
            for (space_id, change) in &moved {
                found.add_change(*space_id, change);
            }
            after = page.last().map(|row| row.op_id);
            if i64::try_from(page.len()).is_ok_and(|rows| rows < PAGE) {
                return Ok(None);
            }
        }
        Ok(after)
    }

    /// Adds the documents that answers were about, page by page.
    async fn add_answers(
        &self,
        by: &Authority,
        (organisation_id, device_id, since): (OrganisationId, Option<DeviceId>, Timestamp),
        action: &str,
        found: &mut Found,
    ) -> ServiceResult<()> {
        let filter = AuditFilter { device_id, action: Some(action.to_owned()), from: Some(since), ..AuditFilter::default() };
        let mut below = None;
        loop {
            let (by, filter) = (by.clone(), filter.clone());
            let work = move |tx: &mut dyn Tx| {
                by.check(tx, organisation_id)?;
                Ok(tx.list_audit_records(organisation_id, &filter, below, PAGE)?)
            };
            let page: Vec<AuditRecord> = self.decide(Scope::Organisation(organisation_id).read(), work).await?;
            for record in &page {
                found.add_answer(record);
            }
            below = page.last().map(|record| record.record_id);
            if i64::try_from(page.len()).is_ok_and(|rows| rows < PAGE) {
                return Ok(());
            }
        }
    }

    /// Records that somebody is told what others did, before they are.
    async fn record_report(
        &self,
        by: &Authority,
        organisation_id: OrganisationId,
        device_id: Option<DeviceId>,
        since: Timestamp,
    ) -> ServiceResult<()> {
        let (by, now, entropy) = (by.clone(), self.now(), Arc::clone(&self.entropy));
        let work = move |tx: &mut dyn Tx| {
            by.check(tx, organisation_id)?;
            let act = by.act(organisation_id, "incident.report").about(&organisation_id);
            Ok(audit::write(tx, &*entropy, now, [act.with(json!({"device_id": device_id, "since": since}))])?)
        };
        self.decide(super::terms(organisation_id), work).await
    }
}

/// What was found so far.
#[derive(Default)]
struct Found {
    operations: usize,
    devices: BTreeMap<DeviceId, OfDevice>,
}

#[derive(Default)]
struct OfDevice {
    users: BTreeSet<sync_core::UserId>,
    span: Option<(Timestamp, Timestamp)>,
    collections: BTreeMap<(SpaceId, String), Touched>,
}

#[derive(Default)]
struct Touched {
    operations: u64,
    documents: BTreeSet<String>,
    statuses: BTreeMap<&'static str, u64>,
    fields: BTreeSet<String>,
}

impl Found {
    fn add(&mut self, row: &StoredOperation) {
        self.operations += 1;
        let device = self.devices.entry(row.device_id).or_default();
        device.users.insert(row.user_id);
        let (first, last) = device.span.unwrap_or((row.decided_at, row.decided_at));
        device.span = Some((first.min(row.decided_at), last.max(row.decided_at)));
        let (collection, document) = row.key.split_once('/').unwrap_or((&row.key, ""));
        let touched = device.collections.entry((row.space_id, collection.to_owned())).or_default();
        touched.operations += 1;
        // what an intent is about is told by its changes
        touched.documents.extend(Some(document.to_owned()).filter(|document| !document.is_empty()));
        *touched.statuses.entry(row.status.as_str()).or_default() += 1;
        let payload = row.payload.object();
        let patch = payload.get("patch").and_then(|patch| patch.as_object());
        touched.fields.extend(patch.into_iter().flat_map(|patch| patch.keys().cloned()));
    }

    /// A document that was changed with an operation.
    fn add_change(&mut self, space_id: SpaceId, change: &ChangeRow) {
        let device = self.devices.entry(change.by.device_id).or_default();
        device.users.insert(change.by.user_id);
        let touched = device.collections.entry((space_id, change.key.collection().to_owned())).or_default();
        touched.documents.insert(change.key.id().to_owned());
        touched.fields.extend(change.before.object().into_iter().map(|(name, _)| name));
    }

    /// The documents that the answers of a record were about.
    fn add_answer(&mut self, record: &AuditRecord) {
        let (Some(device_id), Some(space_id)) = (record.device_id, record.space_id) else { return };
        let details = record.details.as_ref().map(sync_core::json::RawJson::object).unwrap_or_default();
        let device = self.devices.entry(device_id).or_default();
        device.users.extend(record.user_id);
        for result in list_of(details.get("results")) {
            for part in list_of(result.get("documents")).chain([result]) {
                let key = part.get("document").and_then(Value::as_str).and_then(|key| key.split_once('/'));
                let Some((collection, document)) = key else { continue };
                let touched = device.collections.entry((space_id, collection.to_owned())).or_default();
                touched.documents.insert(document.to_owned());
                touched.fields.extend(list_of(part.get("fields")).filter_map(Value::as_str).map(str::to_owned));
            }
        }
    }

    fn told(
        self,
        (organisation_id, device_id, since): (OrganisationId, Option<DeviceId>, Timestamp),
        names: &BTreeMap<DeviceId, String>,
        (more, until): (Option<OpId>, Timestamp),
    ) -> IncidentReport {
        let device = |(device_id, of): (DeviceId, OfDevice)| TouchedDevice {
            device_id,
            name: names.get(&device_id).cloned(),
            users: of.users.into_iter().collect(),
            first_at: of.span.map(|(first, _)| first),
            last_at: of.span.map(|(_, last)| last),
            touched: of.collections.into_iter().map(collection).collect(),
        };
        IncidentReport {
            organisation_id,
            device_id,
            since,
            until,
            operations: self.operations,
            complete: more.is_none(),
            devices: self.devices.into_iter().map(device).collect(),
        }
    }
}

fn list_of(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn collection(((space_id, collection), touched): ((SpaceId, String), Touched)) -> TouchedCollection {
    TouchedCollection {
        space_id,
        collection,
        operations: touched.operations,
        documents: touched.documents.len(),
        statuses: touched.statuses,
        fields: touched.fields.into_iter().collect(),
    }
}
