use sync_core::Timestamp;
use sync_core::ports::{OidcCode, OidcLink, OidcProvider, OidcRows, StoreError, StoreResult};

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

    fn is_oidc_state_used(&mut self, state_id: &[u8; 32]) -> StoreResult<bool> {
        Ok(self.state.oidc_used_states.contains_key(state_id))
    }

    fn use_oidc_state(&mut self, state_id: &[u8; 32], until: Timestamp) -> StoreResult<bool> {
        let used = &mut self.writable()?.oidc_used_states;
        let is_new = !used.contains_key(state_id);
        if is_new {
            used.put(*state_id, until);
        }
        Ok(is_new)
    }

    fn insert_oidc_code(&mut self, code: &OidcCode) -> StoreResult<()> {
        let codes = &mut self.writable()?.oidc_codes;
        if codes.contains_key(&code.hash) {
            return Err(StoreError::Refused("the code exists".into()));
        }
        codes.put(code.hash, code.clone());
        Ok(())
    }

    fn take_oidc_code(&mut self, hash: &[u8; 32]) -> StoreResult<Option<OidcCode>> {
        let codes = &mut self.writable()?.oidc_codes;
        let taken = codes.get(hash).cloned();
        codes.remove(hash);
        Ok(taken)
    }

    fn drop_oidc_codes(&mut self, before: Timestamp) -> StoreResult<()> {
        let state = self.writable()?;
        let over: Vec<_> = state.oidc_codes.values().filter(|code| code.expires_at < before).map(|code| code.hash).collect();
        for hash in over {
            state.oidc_codes.remove(&hash);
        }
        let over: Vec<_> = state.oidc_used_states.iter().filter(|(_, until)| **until < before).map(|(id, _)| *id).collect();
        for id in over {
            state.oidc_used_states.remove(&id);
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
