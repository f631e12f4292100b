-- Who may come in: tenants, people, their devices and logins. Ids are 16 bytes, instants Unix milliseconds.
CREATE TABLE organisations (
    organisation_id BYTEA NOT NULL PRIMARY KEY,
    name            TEXT COLLATE "C" NOT NULL UNIQUE,
    created_at      BIGINT NOT NULL
);

CREATE TABLE users (
    user_id         BYTEA NOT NULL PRIMARY KEY,
    organisation_id BYTEA NOT NULL,
    email           TEXT COLLATE "C" NOT NULL UNIQUE,
    name            TEXT COLLATE "C" NOT NULL,
    password_hash   TEXT COLLATE "C" NOT NULL,
    admin           BOOLEAN NOT NULL,
    created_at      BIGINT NOT NULL
);

CREATE TABLE devices (
    device_id       BYTEA NOT NULL PRIMARY KEY,
    organisation_id BYTEA NOT NULL,
    user_id         BYTEA NOT NULL,
    name            TEXT COLLATE "C" NOT NULL,
    platform        TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    seen_at         BIGINT NOT NULL,
    revoked_at      BIGINT
) WITH (fillfactor = 80);
CREATE INDEX devices_of_user ON devices (user_id);

-- refresh_hash, previous_hash and salt are 32 bytes
CREATE TABLE sessions (
    session_id      BYTEA NOT NULL PRIMARY KEY,
    organisation_id BYTEA NOT NULL,
    user_id         BYTEA NOT NULL,
    device_id       BYTEA NOT NULL,
    refresh_hash    BYTEA NOT NULL,
    previous_hash   BYTEA,
    salt            BYTEA NOT NULL,
    rotated_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    ended_at        BIGINT
) WITH (fillfactor = 70);
CREATE INDEX sessions_of_device ON sessions (device_id);

CREATE TABLE access_tokens (
    hash            BYTEA NOT NULL PRIMARY KEY,
    session_id      BYTEA NOT NULL,
    expires_at      BIGINT NOT NULL
);
CREATE INDEX access_tokens_by_end ON access_tokens (expires_at);

CREATE TABLE server_keys (
    purpose         TEXT COLLATE "C" NOT NULL,
    number          INTEGER NOT NULL,
    secret          BYTEA NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (purpose, number)
);
