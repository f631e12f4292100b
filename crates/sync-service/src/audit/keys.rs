//! The keys that sign checkpoints. They are kept outside of the database: whoever runs the service hands them over.

use std::sync::{Arc, PoisonError, RwLock};

use audit_log::{Keyring, VerifyingKey};
use serde_json::json;
use sync_core::ports::{Access, Tx};
use sync_core::{Code, Problem};

use super::{Act, write_for_all};
use crate::{Service, ServiceResult};

/// The keys that this process has, if any.
#[derive(Debug, Default)]
pub(crate) struct Keys(RwLock<Option<Arc<Keyring>>>);

impl Keys {
    pub(super) fn get(&self) -> Option<Arc<Keyring>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Service {
    /// From now on the newest secret key of these signs checkpoints, and all of them count. A service without keys keeps the
    /// log all the same, and vouches for nothing.
    pub fn use_audit_keys(&self, keys: Keyring) {
        *self.audit_keys.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
    }

    /// Records in the log of every organisation that a key is to sign checkpoints, by its public half. Keys are kept outside
    /// of the database, so that this and the effect are no one transaction: it is recorded first, and only then the key is put
    /// where servers find it. Where that fails, the logs name a key that never signed, and that is all; the other way round a
    /// key could sign of which no log knows.
    ///
    /// # Errors
    /// The store's: the key is not to be used then.
    pub async fn record_audit_key(&self, key: &VerifyingKey) -> ServiceResult<()> {
        let (now, entropy, line) = (self.now(), Arc::clone(&self.entropy), key.line());
        let work = move |tx: &mut dyn Tx| {
            let line = line.trim_end();
            write_for_all(tx, &*entropy, now, |organisation_id| {
                Act::of(organisation_id, "keys.rotate_audit").with(json!({"operator": true, "key": line}))
            })
        };
        Ok(self.store.transact(Access::Write, work).await?)
    }

    /// The keys, where one of them signs.
    pub(super) fn signing_keys(&self) -> Result<Arc<Keyring>, Problem> {
        let missing = || {
            let detail =
                "this server has no key that signs checkpoints of the audit log; whoever runs it names a file of keys in audit.key_file";
            Problem::new(Code::Unavailable, detail)
        };
        self.audit_keys.get().filter(|keys| keys.signer().is_some()).ok_or_else(missing)
    }
}
