DROP TABLE oidc_used_states;
DROP TABLE oidc_codes;

CREATE TABLE oidc_attempts (
    hash            BLOB    NOT NULL PRIMARY KEY,
    provider        TEXT NOT NULL,
    nonce           TEXT NOT NULL,
    verifier        TEXT NOT NULL,
    challenge       TEXT NOT NULL,
    return_to       TEXT,
    user_id         BLOB,
    expires_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oidc_attempts_by_end ON oidc_attempts (expires_at);
