//! Whether a push is decided while its sender waits for the answer, or goes into the queue.

use queue::sizing::{Route, route};

use crate::Service;
use crate::load::Pressure;
use crate::push::Taking;

impl Service {
    /// What becomes of a push of so many operations and bytes: over the budget of size or time it goes into the queue.
    pub(crate) fn taking_of(&self, operations: usize, bytes: usize) -> Taking {
        let pressure = Pressure::of(&self.store.load()).thousandths();
        let estimated_ms = self.recorder.pace().estimate_ms(operations);
        match route(operations, bytes, estimated_ms, pressure, &self.queue.config.inline) {
            Route::Inline => Taking::Decide,
            Route::Queue => Taking::Queue { staged: false },
        }
    }
}
