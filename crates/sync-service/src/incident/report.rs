//! What was touched, by which device, since when: from what is stored of every operation that was decided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;
use sync_core::ports::{Scope, StoredOperation, Tx};
use sync_core::protocol::v1::incident::{IncidentReport, TouchedCollection, TouchedDevice};
use sync_core::{DeviceId, OpId, OrganisationId, SpaceId, Timestamp};

use super::Authority;
use crate::audit;
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
        let (mut after, mut found) = (None, Found::default());
        while found.operations < MOST {
            let by = by.clone();
            let work = move |tx: &mut dyn Tx| {
                by.check(tx, organisation_id)?;
                Ok(tx.list_decided(organisation_id, device_id, since, after, PAGE)?)
            };
            let page: Vec<StoredOperation> = self.decide(Scope::Organisation(organisation_id).read(), work).await?;
            for row in &page {
                found.add(row);
            }
            after = page.last().map(|row| row.op_id);
            if i64::try_from(page.len()).is_ok_and(|rows| rows < PAGE) {
                after = None;
                break;
            }
        }
        let known: Vec<DeviceId> = found.devices.keys().copied().collect();
        let names = move |tx: &mut dyn Tx| tx.load_devices(organisation_id, &known);
        let names = self.store.transact(Scope::Organisation(organisation_id).read(), names).await?;
        let names = names.into_iter().map(|device| (device.device_id, device.name)).collect();
        Ok(found.told((organisation_id, device_id, since), &names, (after, self.now())))
    }
}

impl Service {
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
        touched.documents.insert(document.to_owned());
        *touched.statuses.entry(row.status.as_str()).or_default() += 1;
        let payload = row.payload.object();
        let patch = payload.get("patch").and_then(|patch| patch.as_object());
        touched.fields.extend(patch.into_iter().flat_map(|patch| patch.keys().cloned()));
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
