-- A login by a provider that was begun is in its `state`, and nowhere else. What is kept is which states were used, and the
-- codes that apps were given; a hash is the SHA-256 of one.
DROP TABLE oidc_attempts;

CREATE TABLE oidc_codes (
    hash            BYTEA   NOT NULL PRIMARY KEY,
    challenge       TEXT COLLATE "C" NOT NULL,
    user_id         BYTEA   NOT NULL,
    expires_at      BIGINT  NOT NULL
);
CREATE INDEX oidc_codes_by_end ON oidc_codes (expires_at);

CREATE TABLE oidc_used_states (
    state_id        BYTEA   NOT NULL PRIMARY KEY,
    expires_at      BIGINT  NOT NULL
);
CREATE INDEX oidc_used_states_by_end ON oidc_used_states (expires_at);

-- the second lock (0017): nobody but the installation itself looks at these
DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['oidc_codes', 'oidc_used_states'] LOOP
        EXECUTE format('CREATE POLICY of_scope ON %I USING ((SELECT rejoin_installation()))', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
END $$;
