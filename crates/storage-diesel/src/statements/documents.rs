//! Documents, the change log, sums.

use std::ops::ControlFlow;

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Text};
use sync_core::ports::{ChangeRow, CollectionSum, DocumentPage, DocumentRow, DocumentRows, History, LiveDocument, LivePage, StoreResult};
use sync_core::{DocumentKey, SpaceId};

use super::dialect;
use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::{ChangeRecord, DocumentRecord, SumRecord};
use crate::schema::{changes, collection_sums, documents};
use crate::values::Utf8;

diesel::infix_operator!(BitAnd, " & ", Integer);

/// The columns of [`DocumentRecord`].
macro_rules! document {
    () => {
        (
            documents::key,
            documents::version,
            (documents::created, documents::live_since, documents::deleted),
            documents::body,
            documents::fields,
            (documents::by_user_id, documents::by_device_id, documents::by_op_id),
            documents::changed_at,
            documents::foreign_version,
            documents::audience,
            documents::audience_ever,
            documents::audience_version,
            documents::open_conflicts,
        )
    };
}

/// The live documents of a page, by key.
macro_rules! live {
    ($page:ident) => {
        documents::table
            .filter(documents::space_id.eq($page.space_id.as_bytes().as_slice()))
            .filter(documents::key.gt($page.after))
            .filter(documents::key.lt($page.before))
            .filter(documents::deleted.eq(false))
            .filter(BitAnd::new(documents::audience, $page.seen_by.bits().into_sql::<Integer>()).ne(0))
            .order(documents::key)
            .limit($page.limit)
    };
}

/// The rows of a page, unordered.
macro_rules! page {
    ($page:ident) => {
        documents::table
            .filter(documents::space_id.eq($page.space_id.as_bytes().as_slice()))
            .filter(documents::version.gt($page.above))
            .filter(
                // in the view: live, or its deletion is news
                BitAnd::new(documents::audience, $page.seen_by.bits().into_sql::<Integer>())
                    .ne(0)
                    .and(documents::deleted.eq(false).or(documents::version.gt($page.deleted_above)))
                    // out of it: its leaving is news
                    .or(BitAnd::new(documents::audience, $page.seen_by.bits().into_sql::<Integer>())
                        .eq(0)
                        .and(BitAnd::new(documents::audience_ever, $page.seen_by.bits().into_sql::<Integer>()).ne(0))
                        .and(documents::version.gt($page.deleted_above))
                        .and(documents::audience_version.gt($page.left_above))),
            )
            .limit($page.limit)
    };
}

impl DocumentRows for Rows<'_> {
    fn load_documents(&mut self, space_id: SpaceId, keys: &[DocumentKey]) -> StoreResult<Vec<DocumentRow>> {
        self.load_each(keys, |conn, keys| -> QueryResult<Vec<DocumentRecord>> {
            documents::table
                .filter(documents::space_id.eq(space_id.as_bytes().as_slice()))
                .filter(dialect::any_of!(documents::key, keys.iter().map(|key| key.as_str())))
                .select(document!())
                .load(conn)
        })
    }

    fn put_documents(&mut self, space_id: SpaceId, rows: &[DocumentRow]) -> StoreResult<()> {
        let bulk = Insert::<documents::table, _>::into("documents", rows, Taken::Replace)
            .key(documents::space_id, |_| space_id.as_bytes())
            .key(documents::key, |row| row.key.as_str())
            .column(documents::version, |row| row.version)
            .column(documents::created, |row| row.presence.created)
            .column(documents::live_since, |row| row.presence.live_since)
            .column(documents::deleted, |row| row.presence.deleted)
            .column(documents::body, |row| row.body.as_str().as_bytes())
            .column(documents::fields, |row| row.fields.as_slice())
            .column(documents::by_user_id, |row| row.by.user_id.as_bytes())
            .column(documents::by_device_id, |row| row.by.device_id.as_bytes())
            .column(documents::by_op_id, |row| row.by.op_id.as_bytes())
            .column(documents::changed_at, |row| row.at.millis())
            .column(documents::foreign_version, |row| row.foreign_version)
            .column(documents::audience, |row| row.audience.bits())
            .column(documents::audience_ever, |row| row.audience_ever.bits())
            .column(documents::audience_version, |row| row.audience_version)
            .column(documents::open_conflicts, |row| row.open_conflicts)
            .build();
        self.insert(&bulk).map(drop)
    }

    fn list_documents(&mut self, page: DocumentPage) -> StoreResult<Vec<DocumentRow>> {
        self.load(|conn| -> QueryResult<Vec<DocumentRecord>> { page!(page).order(documents::version).select(document!()).load(conn) })
    }

    fn visit_live(&mut self, page: LivePage<'_>, visit: &mut dyn FnMut(LiveDocument<'_>) -> ControlFlow<()>) -> StoreResult<()> {
        self.send(|conn| {
            if page.bodies {
                let narrow = live!(page).select((documents::key, documents::version, documents::body));
                for row in narrow.load_iter::<(String, i64, Utf8), DefaultLoadingMode>(conn)? {
                    let (key, version, body) = row?;
                    if visit(LiveDocument { key: &key, version, body: &body.0 }).is_break() {
                        break;
                    }
                }
            } else {
                let narrow = live!(page).select((documents::key, documents::version));
                for row in narrow.load_iter::<(String, i64), DefaultLoadingMode>(conn)? {
                    let (key, version) = row?;
                    if visit(LiveDocument { key: &key, version, body: "" }).is_break() {
                        break;
                    }
                }
            }
            Ok(())
        })
    }

    fn count_documents(&mut self, page: DocumentPage) -> StoreResult<i64> {
        self.send(|conn| CountRows(page!(page).select(documents::version)).get_result(conn))
    }

    fn insert_changes(&mut self, space_id: SpaceId, rows: &[ChangeRow]) -> StoreResult<()> {
        let bulk = Insert::<changes::table, _>::into("changes", rows, Taken::Fail)
            .key(changes::space_id, |_| space_id.as_bytes())
            .key(changes::version, |row| row.version)
            .column(changes::previous, |row| row.previous)
            .column(changes::key, |row| row.key.as_str())
            .column(changes::was_live, |row| row.was_live)
            .column(changes::before, |row| row.before.as_str().as_bytes())
            .column(changes::by_user_id, |row| row.by.user_id.as_bytes())
            .column(changes::by_device_id, |row| row.by.device_id.as_bytes())
            .column(changes::by_op_id, |row| row.by.op_id.as_bytes())
            .column(changes::changed_at, |row| row.at.millis())
            .build();
        self.insert(&bulk).map(drop)
    }

    fn list_changes(&mut self, space_id: SpaceId, histories: &[History]) -> StoreResult<Vec<ChangeRow>> {
        let mut rows = Vec::new();
        for histories in dialect::parts(histories) {
            let query = ListChanges {
                space_id: space_id.as_bytes(),
                from: histories.iter().map(|history| history.from).collect(),
                above: histories.iter().map(|history| history.above).collect(),
            };
            rows.extend(self.load(|conn| -> QueryResult<Vec<ChangeRecord>> { query.load(conn) })?);
        }
        Ok(rows)
    }

    fn load_sums(&mut self, space_id: SpaceId) -> StoreResult<Vec<CollectionSum>> {
        use collection_sums::{audience, collection, documents, sum};
        self.load(|conn| -> QueryResult<Vec<SumRecord>> {
            collection_sums::table
                .filter(collection_sums::space_id.eq(space_id.as_bytes().as_slice()))
                .select((collection, audience, documents, sum))
                .load(conn)
        })
    }

    fn put_sums(&mut self, space_id: SpaceId, sums: &[CollectionSum]) -> StoreResult<()> {
        let bulk = Insert::<collection_sums::table, _>::into("collection_sums", sums, Taken::Replace)
            .key(collection_sums::space_id, |_| space_id.as_bytes())
            .key(collection_sums::collection, |row| &row.collection)
            .key(collection_sums::audience, |row| row.audience.bits())
            .column(collection_sums::documents, |row| row.documents)
            .column(collection_sums::sum, |row| row.sum.cast_signed())
            .build();
        self.insert(&bulk).map(drop)
    }
}

/// How many rows a query has, its LIMIT included: the query stops there.
#[derive(Debug, Clone, Copy, QueryId)]
pub(super) struct CountRows<Q>(pub(super) Q);

impl<Q, DB> QueryFragment<DB> for CountRows<Q>
where
    DB: diesel::backend::Backend,
    Q: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("SELECT COUNT(*) FROM (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") AS counted");
        Ok(())
    }
}

impl<Q> Query for CountRows<Q> {
    type SqlType = BigInt;
}

impl<Q> RunQueryDsl<super::Conn> for CountRows<Q> {}

/// Walks the change log from each document's last change to the one before it, and so on. The log lies in the order of
/// its versions, which makes it cheap to write: it is written with every push, and walked back only where somebody's base
/// is old.
#[derive(Debug)]
struct ListChanges<'a> {
    space_id: &'a [u8],
    from: Vec<i64>,
    above: Vec<i64>,
}

impl QueryId for ListChanges<'_> {
    type QueryId = ListChanges<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<super::Backend> for ListChanges<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, super::Backend>) -> QueryResult<()> {
        out.push_sql("WITH RECURSIVE history (place, above) AS (");
        dialect::pairs(&mut out, &self.from, &self.above)?;
        out.push_sql(
            " UNION ALL SELECT \"changes\".\"previous\", \"history\".\"above\" FROM \"history\" \
             JOIN \"changes\" ON \"changes\".\"version\" = \"history\".\"place\" AND \"changes\".\"space_id\" = ",
        );
        out.push_bind_param::<Binary, _>(&self.space_id)?;
        out.push_sql(
            " WHERE \"changes\".\"previous\" > \"history\".\"above\") \
             SELECT \"version\", \"previous\", \"key\", \"was_live\", \"before\", \"by_user_id\", \"by_device_id\", \"by_op_id\", \
             \"changed_at\" FROM \"history\" JOIN \"changes\" ON \"version\" = \"place\" AND \"version\" > \"above\" \
             AND \"space_id\" = ",
        );
        out.push_bind_param::<Binary, _>(&self.space_id)?;
        out.push_sql(" ORDER BY \"key\", \"version\" DESC");
        Ok(())
    }
}

impl Query for ListChanges<'_> {
    type SqlType = (BigInt, BigInt, Text, Bool, Binary, (Binary, Binary, Binary), BigInt);
}

impl RunQueryDsl<super::Conn> for ListChanges<'_> {}
