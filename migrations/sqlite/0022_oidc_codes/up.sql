-- A login by a provider that was begun is in its `state`, and nowhere else. What is kept is which states were used, and the
-- codes that apps were given; a hash is the SHA-256 of one.
DROP TABLE oidc_attempts;

CREATE TABLE oidc_codes (
    hash            BLOB    NOT NULL PRIMARY KEY,
    challenge       TEXT NOT NULL,
    user_id         BLOB    NOT NULL,
    expires_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oidc_codes_by_end ON oidc_codes (expires_at);

CREATE TABLE oidc_used_states (
    state_id        BLOB    NOT NULL PRIMARY KEY,
    expires_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oidc_used_states_by_end ON oidc_used_states (expires_at);
