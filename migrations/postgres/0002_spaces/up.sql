CREATE TABLE spaces (
    space_id        BYTEA NOT NULL PRIMARY KEY,
    organisation_id BYTEA NOT NULL,
    name            TEXT COLLATE "C" NOT NULL,
    event_date      TEXT COLLATE "C",
    time_zone       TEXT COLLATE "C",
    status          TEXT COLLATE "C" NOT NULL,
    schema          TEXT COLLATE "C",
    created_at      BIGINT NOT NULL
);

-- The head of a space's log, narrow because each push updates it.
CREATE TABLE space_heads (
    space_id        BYTEA NOT NULL PRIMARY KEY REFERENCES spaces (space_id),
    epoch           BYTEA NOT NULL,
    head            BIGINT NOT NULL
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE members (
    space_id        BYTEA NOT NULL,
    user_id         BYTEA NOT NULL,
    role            TEXT COLLATE "C" NOT NULL,
    removed_at      BIGINT,
    purge_id        BYTEA,
    PRIMARY KEY (space_id, user_id)
);
CREATE INDEX members_of_user ON members (user_id, space_id);
