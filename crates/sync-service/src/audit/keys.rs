//! The keys that sign checkpoints. They are kept outside of the database: whoever runs the service hands them over.

use std::sync::{Arc, PoisonError, RwLock};

use audit_log::Keyring;
use sync_core::{Code, Problem};

use crate::Service;

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
