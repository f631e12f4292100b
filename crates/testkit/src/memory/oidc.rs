use sync_core::Timestamp;
use sync_core::ports::{OidcAttempt, OidcLink, OidcProvider, OidcRows, StoreError, StoreResult};

use super::MemoryTx;

impl OidcRows for MemoryTx<'_> {
    fn put_oidc_provider(&mut self, provider: &OidcProvider) -> StoreResult<()> {
        self.writable()?.oidc_providers.put(provider.name.clone(), provider.clone());
        Ok(())
    }

    fn list_oidc_providers(&mut self) -> StoreResult<Vec<OidcProvider>> {
        Ok(self.state.oidc_providers.values().cloned().collect())
    }

    fn find_oidc_provider(&mut self, name: &str) -> StoreResult<Option<OidcProvider>> {
        Ok(self.state.oidc_providers.get(name).cloned())
    }

    fn drop_oidc_provider(&mut self, name: &str) -> StoreResult<bool> {
        let providers = &mut self.writable()?.oidc_providers;
        let known = providers.contains_key(name);
        providers.remove(&name.to_owned());
        Ok(known)
    }

    fn insert_oidc_attempt(&mut self, attempt: &OidcAttempt) -> StoreResult<()> {
        let attempts = &mut self.writable()?.oidc_attempts;
        if attempts.contains_key(&attempt.hash) {
            return Err(StoreError::Refused("the login exists".into()));
        }
        attempts.put(attempt.hash, attempt.clone());
        Ok(())
    }

    fn count_oidc_attempts(&mut self, provider: &str) -> StoreResult<i64> {
        let found = self.state.oidc_attempts.values().filter(|attempt| attempt.provider == provider).count();
        Ok(i64::try_from(found).unwrap_or(i64::MAX))
    }

    fn take_oidc_attempt(&mut self, hash: &[u8; 32]) -> StoreResult<Option<OidcAttempt>> {
        let attempts = &mut self.writable()?.oidc_attempts;
        let taken = attempts.get(hash).cloned();
        attempts.remove(hash);
        Ok(taken)
    }

    fn drop_oidc_attempts(&mut self, before: Timestamp) -> StoreResult<()> {
        let attempts = &mut self.writable()?.oidc_attempts;
        let over: Vec<_> = attempts.values().filter(|attempt| attempt.expires_at < before).map(|attempt| attempt.hash).collect();
        for hash in over {
            attempts.remove(&hash);
        }
        Ok(())
    }

    fn find_oidc_link(&mut self, issuer: &str, subject: &str) -> StoreResult<Option<OidcLink>> {
        Ok(self.state.oidc_links.get(&(issuer.to_owned(), subject.to_owned())).cloned())
    }

    fn insert_oidc_link(&mut self, link: &OidcLink) -> StoreResult<bool> {
        let links = &mut self.writable()?.oidc_links;
        let key = (link.issuer.clone(), link.subject.clone());
        let free = !links.contains_key(&key);
        if free {
            links.put(key, link.clone());
        }
        Ok(free)
    }

    fn drop_oidc_link(&mut self, issuer: &str, subject: &str) -> StoreResult<bool> {
        let links = &mut self.writable()?.oidc_links;
        let key = (issuer.to_owned(), subject.to_owned());
        let known = links.contains_key(&key);
        links.remove(&key);
        Ok(known)
    }
}
