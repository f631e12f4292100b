-- Documents as they stand, and tombstones. No foreign key to spaces: each row of each push would pay for it.
CREATE TABLE documents (
    space_id         BLOB    NOT NULL,
    key              TEXT    NOT NULL,
    version          INTEGER NOT NULL,
    created          INTEGER NOT NULL,
    live_since       INTEGER NOT NULL,
    deleted          INTEGER NOT NULL,
    body             BLOB    NOT NULL,
    fields           BLOB    NOT NULL,
    by_user_id       BLOB    NOT NULL,
    by_device_id     BLOB    NOT NULL,
    by_op_id         BLOB    NOT NULL,
    changed_at       INTEGER NOT NULL,
    foreign_version  INTEGER NOT NULL,
    audience         INTEGER NOT NULL,
    audience_ever    INTEGER NOT NULL,
    audience_version INTEGER NOT NULL,
    open_conflicts   INTEGER NOT NULL,
    PRIMARY KEY (space_id, key)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX documents_by_version ON documents (space_id, version);

-- The change log of each space.
CREATE TABLE changes (
    space_id        BLOB    NOT NULL,
    key             TEXT    NOT NULL,
    version         INTEGER NOT NULL,
    was_live        INTEGER NOT NULL,
    before          BLOB    NOT NULL,
    by_user_id      BLOB    NOT NULL,
    by_device_id    BLOB    NOT NULL,
    by_op_id        BLOB    NOT NULL,
    changed_at      INTEGER NOT NULL,
    PRIMARY KEY (space_id, key, version)
) STRICT, WITHOUT ROWID;

-- Checksums of the live documents; sum is an unsigned number's 64 bits.
CREATE TABLE collection_sums (
    space_id        BLOB    NOT NULL,
    collection      TEXT    NOT NULL,
    audience        INTEGER NOT NULL,
    documents       INTEGER NOT NULL,
    sum             INTEGER NOT NULL,
    PRIMARY KEY (space_id, collection, audience)
) STRICT, WITHOUT ROWID;
