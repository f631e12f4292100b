-- A second lock beside the server's own checks: the database itself shows a transaction only what its scope allows. Each
-- transaction says with its BEGIN for whom it is: rejoin.scope (installation, organisation or member), rejoin.organisation
-- and rejoin.member (ids in hexadecimal digits). Without a scope it sees nothing.

-- The role as which servers work. It owns nothing, so that no policy passes it by. Who may not create roles is told by
-- `rejoin doctor` what to run; until then the owner works itself, to whom the policies are forced all the same.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rejoin_app') THEN
        CREATE ROLE rejoin_app NOLOGIN NOBYPASSRLS;
    END IF;
    IF NOT pg_has_role(current_user, 'rejoin_app', 'MEMBER') THEN
        EXECUTE format('GRANT rejoin_app TO %I', current_user);
    END IF;
EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
END $$;

CREATE FUNCTION rejoin_installation() RETURNS BOOLEAN LANGUAGE sql STABLE
    AS $$ SELECT coalesce(current_setting('rejoin.scope', true), '') = 'installation' $$;

CREATE FUNCTION rejoin_organisation() RETURNS BYTEA LANGUAGE sql STABLE
    AS $$ SELECT decode(current_setting('rejoin.organisation', true), 'hex') $$;

CREATE FUNCTION rejoin_member() RETURNS BYTEA LANGUAGE sql STABLE
    AS $$ SELECT decode(current_setting('rejoin.member', true), 'hex') $$;

-- The spaces of the scope: all of an organisation's, or those in which a member is one now. It reads the memberships as
-- its owner, with a scope of its own, whatever the statement that asks filters by.
CREATE FUNCTION rejoin_spaces() RETURNS SETOF BYTEA LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET rejoin.scope = 'installation' SET search_path FROM CURRENT
    AS $$
BEGIN
    IF coalesce(rejoin_member(), '') = '' THEN
        RETURN QUERY SELECT s.space_id FROM spaces AS s WHERE s.organisation_id = rejoin_organisation();
    ELSE
        RETURN QUERY SELECT m.space_id FROM members AS m JOIN spaces AS s ON s.space_id = m.space_id
            WHERE m.user_id = rejoin_member() AND m.removed_at IS NULL AND s.status <> 'deleted' AND s.organisation_id = rejoin_organisation();
    END IF;
END $$;

-- The same, with the spaces that a member left or that were deleted: what of them is told to former members.
CREATE FUNCTION rejoin_known_spaces() RETURNS SETOF BYTEA LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET rejoin.scope = 'installation' SET search_path FROM CURRENT
    AS $$
BEGIN
    IF coalesce(rejoin_member(), '') = '' THEN
        RETURN QUERY SELECT s.space_id FROM spaces AS s WHERE s.organisation_id = rejoin_organisation();
    ELSE
        RETURN QUERY SELECT m.space_id FROM members AS m JOIN spaces AS s ON s.space_id = m.space_id
            WHERE m.user_id = rejoin_member() AND s.organisation_id = rejoin_organisation();
    END IF;
END $$;

-- Whether a space is of the scope's organisation and has no member yet: then its first may be written.
CREATE FUNCTION rejoin_is_new(space BYTEA) RETURNS BOOLEAN LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET rejoin.scope = 'installation' SET search_path FROM CURRENT
    AS $$
BEGIN
    RETURN EXISTS (SELECT FROM spaces AS s WHERE s.space_id = space AND s.organisation_id = rejoin_organisation())
        AND NOT EXISTS (SELECT FROM members AS m WHERE m.space_id = space);
END $$;

-- Whose a login is.
CREATE FUNCTION rejoin_owns(session BYTEA) RETURNS BOOLEAN LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET rejoin.scope = 'installation' SET search_path FROM CURRENT
    AS $$
BEGIN
    RETURN EXISTS (SELECT FROM sessions AS s WHERE s.session_id = session AND s.organisation_id = rejoin_organisation()
        AND (coalesce(rejoin_member(), '') = '' OR s.user_id = rejoin_member()));
END $$;

DO $$
DECLARE
    every TEXT := '(SELECT rejoin_installation())';
    own TEXT := 'organisation_id = (SELECT rejoin_organisation())';
    mine TEXT := 'user_id = (SELECT rejoin_member())';
    -- what is of no space is shown to the organisation's own work
    whole TEXT := '(SELECT coalesce(rejoin_member(), '''') = '''')';
    inside TEXT := 'space_id IN (SELECT rejoin_spaces())';
    known TEXT := 'space_id IN (SELECT rejoin_known_spaces())';
    name TEXT;
BEGIN
    -- what lies in a space
    FOREACH name IN ARRAY ARRAY['documents', 'changes', 'collection_sums', 'former_epochs', 'presented_cursors', 'graves'] LOOP
        EXECUTE format('CREATE POLICY of_scope ON %I USING (%s OR %s)', name, every, inside);
    END LOOP;
    EXECUTE format('CREATE POLICY of_scope ON conflicts USING (%s OR (%s AND %s))', every, own, inside);
    -- what a former member is told of a space, or comes by
    FOREACH name IN ARRAY ARRAY['conflict_links', 'queue_spaces'] LOOP
        EXECUTE format('CREATE POLICY of_scope ON %I USING (%s OR (%s AND %s))', name, every, own, known);
    END LOOP;
    -- what somebody sent is theirs as well, wherever they sent it
    FOREACH name IN ARRAY ARRAY['operations', 'queue_items', 'purges'] LOOP
        EXECUTE format('CREATE POLICY of_scope ON %I USING (%s OR (%s AND (%s OR %s)))', name, every, own, mine, inside);
    END LOOP;
    EXECUTE format('CREATE POLICY of_scope ON audit_records USING (%s OR (%s AND (%s OR %s OR %s)))', every, own, mine, inside, whole);
    -- the tenant's own
    FOREACH name IN ARRAY ARRAY['organisations', 'users', 'devices', 'sessions', 'operation_groups', 'preferences', 'preference_rules',
        'queue_batches', 'queue_figures', 'queue_tasks', 'device_states', 'audit_trees', 'audit_tiles', 'audit_checkpoints'] LOOP
        EXECUTE format('CREATE POLICY of_scope ON %I USING (%s OR %s)', name, every, own);
    END LOOP;
    -- of a login
    FOREACH name IN ARRAY ARRAY['access_tokens', 'tickets'] LOOP
        EXECUTE format('CREATE POLICY of_scope ON %I USING (%s OR rejoin_owns(session_id))', name, every);
    END LOOP;
    -- a space is made before it has a member
    EXECUTE format('CREATE POLICY of_scope ON spaces USING (%s OR (%s AND %s)) WITH CHECK (%1$s OR %2$s)', every, own, known);
    EXECUTE format('CREATE POLICY of_scope ON space_heads USING (%s OR %s) WITH CHECK (%1$s OR %2$s OR rejoin_is_new(space_id))', every, known);
    EXECUTE format('CREATE POLICY of_scope ON members USING (%s OR %s OR %s)
        WITH CHECK (%1$s OR %2$s OR (%3$s AND (%4$s OR rejoin_is_new(space_id))))', every, inside, mine, known);
    FOR name IN SELECT DISTINCT tablename FROM pg_policies WHERE schemaname = current_schema() AND policyname = 'of_scope' LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
    -- tables that later migrations make are granted by them
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rejoin_app') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO rejoin_app', current_schema());
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO rejoin_app', current_schema());
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO rejoin_app', current_schema());
        -- rows of these are only ever added, or get their place
        REVOKE DELETE ON audit_records, audit_tiles, audit_checkpoints, audit_trees FROM rejoin_app;
        IF to_regclass('__diesel_schema_migrations') IS NOT NULL THEN
            REVOKE INSERT, UPDATE, DELETE ON __diesel_schema_migrations FROM rejoin_app;
        END IF;
    END IF;
END $$;
