//! What `assisted` decides beyond the schema.

use crate::Mode;
use crate::merger::{Merger, Pick, Sides};

/// A decision without asking, where a policy that holds without a schema, or experience, gives one.
pub(crate) fn decide(merger: &mut Merger<'_>, sides: Sides<'_>) -> Option<Pick> {
    if merger.context.mode != Mode::Assisted {
        return None;
    }
    let _ = sides;
    None
}
