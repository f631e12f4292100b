CREATE TABLE spaces (
    space_id        BLOB    NOT NULL PRIMARY KEY,
    organisation_id BLOB    NOT NULL,
    name            TEXT    NOT NULL,
    event_date      TEXT,
    time_zone       TEXT,
    status          TEXT    NOT NULL,
    schema          TEXT,
    created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The head of a space's log, narrow because each push updates it.
CREATE TABLE space_heads (
    space_id        BLOB    NOT NULL PRIMARY KEY REFERENCES spaces (space_id),
    epoch           BLOB    NOT NULL,
    head            INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    space_id        BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    role            TEXT    NOT NULL,
    removed_at      INTEGER,
    purge_id        BLOB,
    PRIMARY KEY (space_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_of_user ON members (user_id, space_id);
