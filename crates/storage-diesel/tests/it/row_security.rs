//! The second lock: with the application's filters switched off, the database itself shows nobody else's rows.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use sync_core::ports::{Scope, Store, Tx};
use sync_core::{OrganisationId, SpaceId, UserId};
use uuid::Uuid;

use crate::support::{PgConnection, PostgresDatabase, PostgresFixture, cluster};

/// An organisation, a space, a user, a device, a login.
struct Somebody {
    organisation: u128,
    space: u128,
    user: u128,
    login: u128,
}

/// A member of one space; somebody of the same organisation, who is a member of another; and one of another organisation.
const ANA: Somebody = Somebody { organisation: 1, space: 11, user: 21, login: 31 };
const BO: Somebody = Somebody { organisation: 1, space: 12, user: 22, login: 32 };
const CY: Somebody = Somebody { organisation: 2, space: 13, user: 23, login: 33 };

/// What says whose a row is.
const TENANT_COLUMNS: &str = "('organisation_id', 'space_id', 'user_id', 'session_id', 'device_id')";

fn hex(number: u128) -> String {
    format!("'\\x{number:032x}'::bytea")
}

/// Every table with a column that says whose a row is: found in the catalogue, so that a new one is held to this as well.
fn tables(conn: &mut PgConnection) -> Vec<String> {
    let query = format!(
        "SELECT DISTINCT table_name::text FROM information_schema.columns WHERE table_schema = 'public' AND column_name IN {TENANT_COLUMNS} \
         ORDER BY 1"
    );
    let mut tables: Vec<String> = sql::<Text>(&query).load(conn).unwrap();
    // what refers to a space is written after it
    tables.sort_by_key(|table| (table != "spaces", table.clone()));
    tables
}

/// Table, column, type, whether it is generated.
type Column = (String, String, String, bool);

fn columns(conn: &mut PgConnection) -> Vec<Column> {
    let query = "SELECT table_name::text, column_name::text, data_type::text, is_generated = 'ALWAYS' FROM information_schema.columns \
                 WHERE table_schema = 'public' ORDER BY table_name, ordinal_position";
    sql::<(Text, Text, Text, Bool)>(query).load(conn).unwrap()
}

/// A row of somebody's in a table, whatever its columns are.
fn insert(conn: &mut PgConnection, columns: &[Column], table: &str, of: &Somebody, number: usize) {
    let own: Vec<&Column> = columns.iter().filter(|(name, _, _, generated)| name == table && !generated).collect();
    let value = |(_, name, kind, _): &&Column| match (name.as_str(), kind.as_str()) {
        ("organisation_id", _) => hex(of.organisation),
        ("space_id", _) => hex(of.space),
        ("user_id", _) => hex(of.user),
        ("session_id", _) => hex(of.login),
        ("device_id", _) => hex(of.user + 100),
        ("removed_at", _) => "NULL".into(),
        ("status" | "state", _) => "'active'".into(),
        (_, "bytea") => format!("decode(md5('{table} {name} {number}'), 'hex')"),
        (_, "text") => format!("'{table} {name} {number}'"),
        (_, "boolean") => "false".into(),
        _ => number.to_string(),
    };
    let names: Vec<&str> = own.iter().map(|(_, name, ..)| name.as_str()).collect();
    let values: Vec<String> = own.iter().map(value).collect();
    conn.batch_execute(&format!("INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT DO NOTHING", names.join(", "), values.join(", ")))
        .unwrap();
}

/// What only the installation itself looks at, for nobody has logged in yet.
const OF_NOBODY: [&str; 4] = ["oidc_codes", "oidc_links", "oidc_providers", "oidc_used_states"];

/// A row of each of the three in every table; of some, an organisation has one.
fn fill(conn: &mut PgConnection) -> Vec<String> {
    let (tables, columns) = (tables(conn), columns(conn));
    assert!(tables.len() > 25, "{tables:?}");
    for table in &tables {
        for (number, of) in [&ANA, &BO, &CY].into_iter().enumerate() {
            insert(conn, &columns, table, of, number);
        }
    }
    // a login, for one, is of no space
    conn.batch_execute("UPDATE audit_records SET space_id = NULL").unwrap();
    tables
}

fn count(conn: &mut PgConnection, table: &str, filter: &str) -> i64 {
    sql::<BigInt>(&format!("SELECT count(*) FROM {table} WHERE {filter}")).get_result(conn).unwrap()
}

/// Begins a transaction of the server's role in somebody's name.
fn begin(conn: &mut PgConnection, of: &Somebody) {
    let (organisation, member) = (of.organisation, of.user);
    conn.batch_execute(&format!(
        "BEGIN; SET LOCAL ROLE rejoin_app; SET LOCAL rejoin.scope = 'member'; SET LOCAL rejoin.organisation = '{organisation:032x}'; \
         SET LOCAL rejoin.member = '{member:032x}'"
    ))
    .unwrap();
}

fn has(columns: &[Column], table: &str, column: &str) -> bool {
    columns.iter().any(|(name, own, ..)| name == table && own == column)
}

/// Rows of other spaces, or, where a table knows none, of other organisations; or of others' logins.
fn foreign(columns: &[Column], table: &str) -> String {
    if table == "audit_records" {
        format!("user_id <> {}", hex(ANA.user))
    } else if has(columns, table, "space_id") {
        format!("space_id <> {}", hex(ANA.space))
    } else if has(columns, table, "organisation_id") {
        format!("organisation_id <> {}", hex(ANA.organisation))
    } else {
        format!("session_id <> {}", hex(ANA.login))
    }
}

#[test]
fn every_table_of_tenants_is_locked_for_its_owner_too() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::migrated(&cluster);
    let mut conn = database.connection();
    for table in tables(&mut conn) {
        let query = format!(
            "SELECT relrowsecurity AND relforcerowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid), \
             pg_get_userbyid(relowner)::text <> 'rejoin_app' FROM pg_class WHERE oid = '{table}'::regclass"
        );
        let (locked, foreign): (bool, bool) = sql::<(Bool, Bool)>(&query).get_result(&mut conn).unwrap();
        assert!(locked, "{table} has rows of tenants and no policy that is forced; write one in a migration");
        assert!(foreign, "{table} belongs to the role as which servers work");
    }
}

#[test]
fn without_any_filter_nothing_of_others_is_shown_or_changed() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::migrated(&cluster);
    let mut conn = database.connection();
    let (tables, columns) = (fill(&mut conn), columns(&mut conn));
    for table in &tables {
        let own = !OF_NOBODY.contains(&table.as_str());
        let others = if own { foreign(&columns, table) } else { "true".into() };
        assert!(count(&mut conn, table, &others) > 0, "{table}: there is something to hide");
        begin(&mut conn, &ANA);
        assert_eq!(count(&mut conn, table, "true") > 0, own, "{table}: what is one's own is shown, and nothing that is nobody's");
        assert_eq!(count(&mut conn, table, &others), 0, "{table} shows what is others'");
        let column = columns.iter().find(|(name, _, _, generated)| name == table && !generated).map(|(_, name, ..)| name).unwrap();
        let shown = count(&mut conn, table, "true");
        assert_eq!(
            changed(&mut conn, &format!("UPDATE {table} SET {column} = {column}")),
            shown,
            "{table}: what is not shown is not changed"
        );
        conn.batch_execute("ROLLBACK").unwrap();
    }
}

/// How many rows a statement changed.
fn changed(conn: &mut PgConnection, statement: &str) -> i64 {
    let query = format!("WITH changed AS ({statement} RETURNING 1) SELECT count(*) FROM changed");
    diesel::sql_query(query).get_result::<Count>(conn).unwrap().count
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[test]
fn nobody_writes_into_what_is_others() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::migrated(&cluster);
    let mut conn = database.connection();
    let (tables, columns) = (fill(&mut conn), columns(&mut conn));
    for table in tables.iter().filter(|table| !["spaces", "space_heads"].contains(&table.as_str()) && !OF_NOBODY.contains(&table.as_str()))
    {
        begin(&mut conn, &ANA);
        let names: Vec<&str> =
            columns.iter().filter(|(name, _, _, generated)| name == table && !generated).map(|(_, name, ..)| name.as_str()).collect();
        // a row of Cy's, under another key
        let values = names.iter().map(|name| match *name {
            "organisation_id" => hex(CY.organisation),
            "space_id" => hex(CY.space),
            "session_id" => hex(CY.login),
            "user_id" => hex(CY.user),
            name => format!("\"{name}\""),
        });
        let copy =
            format!("INSERT INTO {table} ({}) SELECT {} FROM {table} LIMIT 1", names.join(", "), values.collect::<Vec<_>>().join(", "));
        let outcome = conn.batch_execute(&copy);
        assert!(outcome.is_err_and(|error| error.to_string().contains("row-level security")), "{table} takes a row for another tenant");
        conn.batch_execute("ROLLBACK").unwrap();
    }
}

#[test]
fn without_a_scope_there_is_nothing() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::migrated(&cluster);
    let mut conn = database.connection();
    let tables = fill(&mut conn);
    conn.batch_execute("SET ROLE rejoin_app").unwrap();
    for table in &tables {
        assert_eq!(count(&mut conn, table, "true"), 0, "{table}");
        conn.batch_execute("BEGIN; SET LOCAL rejoin.scope = 'installation'").unwrap();
        assert!(count(&mut conn, table, "true") > 1, "{table}: the installation sees all");
        conn.batch_execute("COMMIT").unwrap();
        assert_eq!(count(&mut conn, table, "true"), 0, "{table}: a scope ends with its transaction");
    }
}

/// The port's own methods, asked for others' rows as a faulty check of rights would.
#[test]
fn a_store_that_is_asked_for_others_rows_has_none() {
    let Some(cluster) = cluster() else { return };
    let fixture = PostgresFixture::new(&cluster);
    let mut conn = fixture.database.connection();
    fill(&mut conn);
    conn.batch_execute("UPDATE documents SET key = 'notes/a', fields = '{}', body = '{}'; UPDATE members SET role = 'lead'").unwrap();
    let (organisation, space) =
        (|of: &Somebody| OrganisationId(Uuid::from_u128(of.organisation)), |of: &Somebody| SpaceId(Uuid::from_u128(of.space)));
    let user = |of: &Somebody| UserId(Uuid::from_u128(of.user));
    let ask = |scope: Scope, of: &Somebody| {
        let (organisation_id, space_id, user_id) = (organisation(of), space(of), user(of));
        let work = move |tx: &mut dyn Tx| {
            let members = tx.list_members(space_id)?.len();
            let users = tx.load_users(organisation_id, &[user_id])?.len();
            let heads = tx.list_heads(&[space_id])?.len();
            let documents = tx.list_history(space_id, 9)?.len();
            Ok([members, users, heads, documents])
        };
        let store: &dyn Store = &fixture;
        pollster::block_on(store.transact(scope.read(), work)).unwrap()
    };
    let member = Scope::Member { organisation_id: organisation(&ANA), user_id: user(&ANA) };
    assert_eq!(ask(member, &ANA), [1, 1, 1, 1]);
    assert_eq!(ask(member, &BO), [0, 1, 0, 0], "the directory is the organisation's");
    assert_eq!(ask(member, &CY), [0; 4]);
    let tenant = Scope::Organisation(organisation(&ANA));
    assert_eq!((ask(tenant, &BO), ask(tenant, &CY)), ([1, 1, 1, 1], [0; 4]));
    assert_eq!(ask(Scope::Installation, &CY), [1, 1, 1, 1]);
}

#[test]
fn a_former_member_still_hands_in_what_they_made() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::migrated(&cluster);
    let mut conn = database.connection();
    fill(&mut conn);
    conn.batch_execute(&format!("UPDATE members SET removed_at = 1 WHERE user_id = {}", hex(ANA.user))).unwrap();
    begin(&mut conn, &ANA);
    for table in ["documents", "changes", "collection_sums", "graves", "conflicts"] {
        assert_eq!(count(&mut conn, table, "true"), 0, "{table}");
    }
    for table in ["spaces", "space_heads", "members", "operations"] {
        assert_eq!(count(&mut conn, table, "true"), 1, "{table}: what tells them that they left");
    }
    let copy = "INSERT INTO operations SELECT (o).* FROM (SELECT o FROM operations AS o LIMIT 1) AS found";
    let again = conn.batch_execute(copy).unwrap_err().to_string();
    assert!(again.contains("duplicate key"), "the policy lets it pass: {again}");
}
