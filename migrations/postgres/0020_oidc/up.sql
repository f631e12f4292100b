-- Providers of identity of organisations (OpenID Connect), logins by them that are under way, and whom they mean by whom.
CREATE TABLE oidc_providers (
    name            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organisation_id BYTEA   NOT NULL,
    issuer          TEXT COLLATE "C" NOT NULL,
    client_id       TEXT COLLATE "C" NOT NULL,
    client_secret   TEXT COLLATE "C",
    public_url      TEXT COLLATE "C" NOT NULL,
    return_to       TEXT COLLATE "C" NOT NULL,
    by_email        BOOLEAN NOT NULL,
    created_at      BIGINT NOT NULL
);

-- a hash is the SHA-256 of a secret that is good once
CREATE TABLE oidc_attempts (
    hash            BYTEA   NOT NULL PRIMARY KEY,
    provider        TEXT COLLATE "C" NOT NULL,
    nonce           TEXT COLLATE "C" NOT NULL,
    verifier        TEXT COLLATE "C" NOT NULL,
    challenge       TEXT COLLATE "C" NOT NULL,
    return_to       TEXT COLLATE "C",
    user_id         BYTEA,
    expires_at      BIGINT NOT NULL
);
CREATE INDEX oidc_attempts_by_end ON oidc_attempts (expires_at);

CREATE TABLE oidc_links (
    issuer          TEXT COLLATE "C" NOT NULL,
    subject         TEXT COLLATE "C" NOT NULL,
    organisation_id BYTEA   NOT NULL,
    user_id         BYTEA   NOT NULL,
    linked_at       BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);

-- the second lock (0017): nobody but the installation itself looks at these
DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['oidc_providers', 'oidc_attempts', 'oidc_links'] LOOP
        EXECUTE format('CREATE POLICY of_scope ON %I USING ((SELECT rejoin_installation()))', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
END $$;
