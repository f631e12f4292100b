DO $$
DECLARE
    name TEXT;
BEGIN
    FOR name IN SELECT tablename FROM pg_policies WHERE schemaname = current_schema() AND policyname = 'of_scope' LOOP
        EXECUTE format('DROP POLICY of_scope ON %I', name);
        EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY', name);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rejoin_app') THEN
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I REVOKE ALL ON TABLES FROM rejoin_app', current_schema());
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM rejoin_app', current_schema());
        EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM rejoin_app', current_schema());
    END IF;
END $$;
DROP FUNCTION rejoin_owns(BYTEA);
DROP FUNCTION rejoin_is_new(BYTEA);
DROP FUNCTION rejoin_known_spaces();
DROP FUNCTION rejoin_spaces();
DROP FUNCTION rejoin_member();
DROP FUNCTION rejoin_organisation();
DROP FUNCTION rejoin_installation();
