-- Providers of identity of organisations (OpenID Connect), logins by them that are under way, and whom they mean by whom.
CREATE TABLE oidc_providers (
    name            TEXT    NOT NULL PRIMARY KEY,
    organisation_id BLOB    NOT NULL,
    issuer          TEXT    NOT NULL,
    client_id       TEXT    NOT NULL,
    client_secret   TEXT,
    public_url      TEXT    NOT NULL,
    return_to       TEXT    NOT NULL,
    by_email        INTEGER NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- a hash is the SHA-256 of a secret that is good once
CREATE TABLE oidc_attempts (
    hash            BLOB    NOT NULL PRIMARY KEY,
    provider        TEXT    NOT NULL,
    nonce           TEXT    NOT NULL,
    verifier        TEXT    NOT NULL,
    challenge       TEXT    NOT NULL,
    return_to       TEXT,
    user_id         BLOB,
    expires_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oidc_attempts_by_end ON oidc_attempts (expires_at);

CREATE TABLE oidc_links (
    issuer          TEXT    NOT NULL,
    subject         TEXT    NOT NULL,
    organisation_id BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    linked_at       INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
