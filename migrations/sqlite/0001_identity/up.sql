-- Who may come in: tenants, people, their devices and logins. Ids are 16 bytes, instants Unix milliseconds.
CREATE TABLE organisations (
    organisation_id BLOB    NOT NULL PRIMARY KEY,
    name            TEXT    NOT NULL UNIQUE,
    created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    user_id         BLOB    NOT NULL PRIMARY KEY,
    organisation_id BLOB    NOT NULL,
    email           TEXT    NOT NULL UNIQUE,
    name            TEXT    NOT NULL,
    password_hash   TEXT    NOT NULL,
    admin           INTEGER NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
    device_id       BLOB    NOT NULL PRIMARY KEY,
    organisation_id BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    name            TEXT    NOT NULL,
    platform        TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    seen_at         INTEGER NOT NULL,
    revoked_at      INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_of_user ON devices (user_id);

-- refresh_hash, previous_hash and salt are 32 bytes
CREATE TABLE sessions (
    session_id      BLOB    NOT NULL PRIMARY KEY,
    organisation_id BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    device_id       BLOB    NOT NULL,
    refresh_hash    BLOB    NOT NULL,
    previous_hash   BLOB,
    salt            BLOB    NOT NULL,
    rotated_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    ended_at        INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_device ON sessions (device_id);

CREATE TABLE access_tokens (
    hash            BLOB    NOT NULL PRIMARY KEY,
    session_id      BLOB    NOT NULL,
    expires_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX access_tokens_by_end ON access_tokens (expires_at);

CREATE TABLE server_keys (
    purpose         TEXT    NOT NULL,
    number          INTEGER NOT NULL,
    secret          BLOB    NOT NULL,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (purpose, number)
) STRICT, WITHOUT ROWID;
