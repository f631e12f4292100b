DROP TABLE oidc_used_states;
DROP TABLE oidc_codes;

CREATE TABLE oidc_attempts (
    hash            BYTEA   NOT NULL PRIMARY KEY,
    provider        TEXT COLLATE "C" NOT NULL,
    nonce           TEXT COLLATE "C" NOT NULL,
    verifier        TEXT COLLATE "C" NOT NULL,
    challenge       TEXT COLLATE "C" NOT NULL,
    return_to       TEXT COLLATE "C",
    user_id         BYTEA,
    expires_at      BIGINT  NOT NULL
);
CREATE INDEX oidc_attempts_by_end ON oidc_attempts (expires_at);

-- the second lock (0017): nobody but the installation itself looks at these
DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['oidc_attempts'] LOOP
        EXECUTE format('CREATE POLICY of_scope ON %I USING ((SELECT rejoin_installation()))', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
END $$;
