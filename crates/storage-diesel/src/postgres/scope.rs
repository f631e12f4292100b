//! For whom a transaction is, as row security asks (`migrations/postgres/0017_row_security`).

use sync_core::ports::{Access, Scope, Terms};

/// Makes a session work as the role that owns nothing, where the database has one that it may become: that is what a
/// superuser is held by, too.
pub(super) const BECOME: &str = "DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rejoin_app' \
    AND pg_has_role(current_user, oid, 'MEMBER') AND coalesce(has_table_privilege(oid, to_regclass('documents'), 'SELECT'), false)) \
    THEN SET ROLE rejoin_app; END IF; END $$";

/// Whether there is such a role, and the session may become it.
pub(super) const MAY_BECOME: &str = "EXISTS (SELECT FROM pg_roles WHERE rolname = 'rejoin_app' \
    AND pg_has_role(current_user, oid, 'MEMBER') AND coalesce(has_table_privilege(oid, to_regclass('documents'), 'SELECT'), false))";

/// Makes a session's transactions the installation's, where they say nothing else: a migration moves everybody's rows.
pub(super) const OF_INSTALLATION: &str = "SET rejoin.scope = 'installation'";

/// What begins a transaction and says for whom it is, in one round trip. The settings end with it.
pub(super) fn begin(terms: Terms) -> String {
    let begin = match terms.access {
        Access::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    match terms.scope {
        Scope::Installation => format!("{begin}; SET LOCAL rejoin.scope = 'installation'"),
        Scope::Organisation(organisation_id) => {
            let organisation = organisation_id.0.simple();
            format!("{begin}; SET LOCAL rejoin.scope = 'organisation'; SET LOCAL rejoin.organisation = '{organisation}'")
        }
        Scope::Member { organisation_id, user_id } => {
            let (organisation, member) = (organisation_id.0.simple(), user_id.0.simple());
            format!(
                "{begin}; SET LOCAL rejoin.scope = 'member'; SET LOCAL rejoin.organisation = '{organisation}'; \
                 SET LOCAL rejoin.member = '{member}'"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use sync_core::{OrganisationId, UserId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_transaction_says_for_whom_it_is() {
        let id = |number| Uuid::from_u128(number);
        let member = Scope::Member { organisation_id: OrganisationId(id(1)), user_id: UserId(id(2)) };
        let said = begin(member.write());
        assert!(said.starts_with("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL rejoin.scope = 'member'"), "{said}");
        assert!(said.ends_with("rejoin.member = '00000000000000000000000000000002'"), "{said}");
        let said = begin(Scope::Organisation(OrganisationId(id(1))).read());
        assert!(said.contains("READ ONLY") && said.ends_with("rejoin.organisation = '00000000000000000000000000000001'"), "{said}");
        assert!(begin(Access::Read.into()).ends_with("rejoin.scope = 'installation'"));
    }
}
