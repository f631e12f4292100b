//! Purges: a device confirms that it dropped its copy of a space that was taken away.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::json;
use sync_core::ports::{Device, Purge, ServerKey, SpaceAccess, StoreResult, Tx, Wipe};
use sync_core::protocol::v1::{PurgedRequest, PurgedResponse};
use sync_core::{Code, Problem, SpaceId, Timestamp, UserId};
use uuid::Uuid;

use crate::access::{self, Standing, require_session};
use crate::audit::{self, Act};
use crate::digest::sha256;
use crate::{Caller, Service, ServiceError, ServiceResult};

pub(crate) const PURPOSE: &str = "purge-receipt";

impl Service {
    /// Records that the caller's device dropped a space, once; every confirmation gets the same receipt. Allowed when
    /// access is gone: that is what it is for.
    ///
    /// # Errors
    /// `unknown_purge` for one that was not told to this user for this space; the store's.
    pub async fn purged(&self, caller: &Caller, request: PurgedRequest) -> ServiceResult<PurgedResponse> {
        let (caller, now) = (*caller, self.now());
        let ids = request.purge_id.parse::<Uuid>().ok().zip(request.space_id.parse::<SpaceId>().ok());
        let (purge_id, space_id) = ids.ok_or_else(unknown_purge)?;
        let mut secret = [0; 32];
        self.entropy.fill(&mut secret);
        let entropy = Arc::clone(&self.entropy);
        let new_key = ServerKey { purpose: PURPOSE.into(), number: 1, secret, created_at: now, retired_at: None };
        let work = move |tx: &mut dyn Tx| {
            require_session(tx, &caller)?;
            if let Some(known) = tx.load_purges(caller.device_id, &[purge_id])?.into_iter().find(|known| is_of(known, &caller, space_id)) {
                return Ok(answer(&known));
            }
            let standing = access::load(tx, &caller, &[space_id])?.remove(&space_id);
            let Some(Standing::Former(_)) = standing.filter(|standing| told(standing, purge_id)) else {
                return Err(unknown_purge().into());
            };
            let key = signing_key(tx, &new_key)?;
            let mut purge = purge_by(&caller, (purge_id, space_id), &request, now);
            purge.receipt = receipt(&key, &purge);
            tx.insert_purge(&purge)?;
            let left = json!({"documents": purge.documents, "assets": purge.assets, "outbox_left": purge.outbox_left});
            let act = Act::by(&caller, "purge.confirm").in_space(space_id).about(&purge_id).with(left);
            audit::write(tx, &*entropy, now, [act])?;
            // somebody else's confirmation of the same device may have come first
            let stored = tx.load_purges(caller.device_id, &[purge_id])?.pop();
            Ok(answer(stored.as_ref().unwrap_or(&purge)))
        };
        self.decide(caller.write(), work).await
    }
}

impl Service {
    /// Records that a device dropped everything, as it was ordered; every confirmation gets the same receipt.
    ///
    /// # Errors
    /// `unknown_purge` for another order; the store's.
    pub async fn wiped(&self, caller: &Caller, request: PurgedRequest) -> ServiceResult<PurgedResponse> {
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        let purge_id = request.purge_id.parse::<Uuid>().map_err(|_| unknown_purge())?;
        let mut secret = [0; 32];
        self.entropy.fill(&mut secret);
        let new_key = ServerKey { purpose: PURPOSE.into(), number: 1, secret, created_at: now, retired_at: None };
        let work = move |tx: &mut dyn Tx| {
            let device = tx.lock_device(caller.device_id)?.ok_or_else(unknown_purge)?;
            let order = device.wipe.clone().filter(|wipe| wipe.purge_id == purge_id).ok_or_else(unknown_purge)?;
            if let Some(known) = tx.load_purges(caller.device_id, &[purge_id])?.pop() {
                return Ok(answer(&known));
            }
            let key = signing_key(tx, &new_key)?;
            let mut purge = purge_by(&caller, (purge_id, SpaceId(Uuid::nil())), &request, now);
            purge.receipt = receipt(&key, &purge);
            tx.insert_purge(&purge)?;
            let wipe = Wipe { confirmed_at: Some(now), outbox_left: Some(purge.outbox_left), ..order };
            tx.put_device_hold(&Device { wipe: Some(wipe), ..device })?;
            audit::write(tx, &*entropy, now, [Act::by(&caller, "device.wiped").about(&caller.device_id)])?;
            Ok(answer(&purge))
        };
        self.decide(caller.write(), work).await
    }
}

/// A purge as a device tells it, without its receipt.
fn purge_by(caller: &Caller, (purge_id, space_id): (Uuid, SpaceId), request: &PurgedRequest, now: Timestamp) -> Purge {
    Purge {
        purge_id,
        device_id: caller.device_id,
        organisation_id: caller.organisation_id,
        user_id: caller.user_id,
        space_id,
        purged_at: request.purged_at.as_deref().and_then(Timestamp::parse),
        documents: request.documents.into(),
        assets: request.assets.into(),
        outbox_left: request.outbox_left.into(),
        recorded_at: now,
        receipt: String::new(),
    }
}

fn unknown_purge() -> Problem {
    Problem::new(Code::UnknownPurge, "no such purge was told to you for this space; send the purge_id and the space_id as pull told them")
}

fn is_of(purge: &Purge, caller: &Caller, space_id: SpaceId) -> bool {
    purge.user_id == caller.user_id && purge.space_id == space_id
}

fn told(standing: &Standing, purge_id: Uuid) -> bool {
    matches!(standing, Standing::Former(access) if purge_of(access) == purge_id)
}

fn answer(purge: &Purge) -> PurgedResponse {
    PurgedResponse { purge_id: purge.purge_id, recorded_at: purge.recorded_at, receipt: purge.receipt.clone() }
}

/// The purge that a former member is told of. A deleted space takes everybody's access at once: there each user's purge
/// is derived from both ids, and nobody else's.
pub(crate) fn purge_of(access: &SpaceAccess) -> Uuid {
    access.member.purge_id.unwrap_or_else(|| derived(access.space.space_id, access.member.user_id))
}

fn derived(space_id: SpaceId, user_id: UserId) -> Uuid {
    let hash = sha256(&[b"rejoin-purge/1".as_slice(), space_id.as_bytes(), user_id.as_bytes()].concat());
    hash.first_chunk::<16>().map(|bytes| uuid::Builder::from_custom_bytes(*bytes).into_uuid()).unwrap_or_default()
}

/// The purges that a device confirmed, of those that these former members are told of.
pub(crate) fn confirmed(tx: &mut dyn Tx, caller: &Caller, former: &[&SpaceAccess]) -> StoreResult<Vec<Uuid>> {
    if former.is_empty() {
        return Ok(Vec::new());
    }
    let told: Vec<Uuid> = former.iter().map(|access| purge_of(access)).collect();
    Ok(tx.load_purges(caller.device_id, &told)?.into_iter().map(|purge| purge.purge_id).collect())
}

fn signing_key(tx: &mut dyn Tx, new_key: &ServerKey) -> ServiceResult<ServerKey> {
    if let Some(key) = tx.list_server_keys(PURPOSE)?.pop() {
        return Ok(key);
    }
    tx.insert_server_key(new_key)?;
    let missing = || ServiceError::from(sync_core::ports::StoreError::Busy("the key of receipts vanished".into()));
    tx.list_server_keys(PURPOSE)?.pop().ok_or_else(missing)
}

/// What was recorded, with the number of the key and a signature over both: base64url.
fn receipt(key: &ServerKey, purge: &Purge) -> String {
    let mut text = key.number.to_be_bytes().to_vec();
    for id in [purge.purge_id.as_bytes(), purge.device_id.as_bytes(), purge.user_id.as_bytes(), purge.space_id.as_bytes()] {
        text.extend_from_slice(id);
    }
    let purged_at = purge.purged_at.map_or(0, Timestamp::millis);
    for number in [purge.recorded_at.millis(), purged_at, purge.documents, purge.assets, purge.outbox_left] {
        text.extend_from_slice(&number.to_be_bytes());
    }
    let signed = [b"rejoin-purged/1".as_slice(), &text].concat();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key.secret), &signed);
    text.extend_from_slice(tag.as_ref());
    URL_SAFE_NO_PAD.encode(text)
}
