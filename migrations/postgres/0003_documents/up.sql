-- Documents as they stand, and tombstones. No foreign key to spaces: each row of each push would pay for it.
CREATE TABLE documents (
    space_id         BYTEA NOT NULL,
    key              TEXT COLLATE "C" NOT NULL,
    version          BIGINT NOT NULL,
    created          BIGINT NOT NULL,
    live_since       BIGINT NOT NULL,
    deleted          BOOLEAN NOT NULL,
    body             BYTEA NOT NULL,
    fields           BYTEA NOT NULL,
    by_user_id       BYTEA NOT NULL,
    by_device_id     BYTEA NOT NULL,
    by_op_id         BYTEA NOT NULL,
    changed_at       BIGINT NOT NULL,
    foreign_version  BIGINT NOT NULL,
    audience         INTEGER NOT NULL,
    audience_ever    INTEGER NOT NULL,
    audience_version BIGINT NOT NULL,
    open_conflicts   INTEGER NOT NULL,
    PRIMARY KEY (space_id, key)
) WITH (fillfactor = 90);
CREATE UNIQUE INDEX documents_by_version ON documents (space_id, version);

-- The change log of each space.
CREATE TABLE changes (
    space_id        BYTEA NOT NULL,
    key             TEXT COLLATE "C" NOT NULL,
    version         BIGINT NOT NULL,
    was_live        BOOLEAN NOT NULL,
    before          BYTEA NOT NULL,
    by_user_id      BYTEA NOT NULL,
    by_device_id    BYTEA NOT NULL,
    by_op_id        BYTEA NOT NULL,
    changed_at      BIGINT NOT NULL,
    PRIMARY KEY (space_id, key, version)
);

-- Checksums of the live documents; sum is an unsigned number's 64 bits.
CREATE TABLE collection_sums (
    space_id        BYTEA NOT NULL,
    collection      TEXT COLLATE "C" NOT NULL,
    audience        INTEGER NOT NULL,
    documents       BIGINT NOT NULL,
    sum             BIGINT NOT NULL,
    PRIMARY KEY (space_id, collection, audience)
) WITH (fillfactor = 60);
