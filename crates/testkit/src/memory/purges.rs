use sync_core::DeviceId;
use sync_core::ports::{Purge, PurgeRows, StoreResult};
use uuid::Uuid;

use super::MemoryTx;

impl PurgeRows for MemoryTx<'_> {
    fn insert_purge(&mut self, purge: &Purge) -> StoreResult<()> {
        let state = self.writable()?;
        let place = (purge.purge_id, purge.device_id);
        if !state.purges.contains_key(&place) {
            state.purges.put(place, purge.clone());
        }
        Ok(())
    }

    fn load_purges(&mut self, device_id: DeviceId, purge_ids: &[Uuid]) -> StoreResult<Vec<Purge>> {
        Ok(self.state.purges.values().filter(|row| row.device_id == device_id && purge_ids.contains(&row.purge_id)).cloned().collect())
    }
}
