//! Damage, to find out what it does to others.

use diesel::prelude::*;
use sync_core::{DocumentKey, SpaceId};

use super::refused;
use crate::open::{Target, target};
use crate::postgres::connect;
use crate::schema::documents;
use crate::sqlite::connect_to_write;
use crate::threads::apart;
use crate::{DatabaseConfig, OpenError, PostgresConfig};

/// What no version of Rejoin can read.
const DAMAGED: &[u8] = b"{";

/// Makes a document unreadable; how many there were.
macro_rules! damage {
    ($conn:expr, $space_id:expr, $key:expr) => {{
        let document = documents::table.find(($space_id.as_bytes().as_slice(), $key.as_str()));
        diesel::update(document).set(documents::body.eq(DAMAGED)).execute($conn).map_err(refused)?
    }};
}

/// Makes documents of a space unreadable. Nobody else may have the database open.
///
/// # Errors
/// [`OpenError`] when the database refuses it, or has not all of them.
pub fn damage_documents(database: &DatabaseConfig, space_id: SpaceId, keys: &[DocumentKey]) -> Result<(), OpenError> {
    let changed = apart(|| match target(&database.url)? {
        Target::Sqlite(path) => {
            let mut conn = connect_to_write(path.as_ref(), database.busy_timeout_ms)?;
            keys.iter().try_fold(0, |changed, key| Ok::<_, OpenError>(changed + damage!(&mut conn, space_id, key)))
        }
        Target::Postgres => {
            let mut conn = connect(&PostgresConfig::new(&database.url))?;
            keys.iter().try_fold(0, |changed, key| Ok::<_, OpenError>(changed + damage!(&mut conn, space_id, key)))
        }
    })?;
    if changed == keys.len() { Ok(()) } else { Err(refused(format!("only {changed} of {} documents are there", keys.len()))) }
}
