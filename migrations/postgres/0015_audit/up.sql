-- What somebody did to the work of others becomes part of the record of what anybody did.
DROP INDEX audit_records_about;
ALTER TABLE audit_records RENAME TO former_audit_records;
ALTER INDEX audit_records_pkey RENAME TO former_audit_records_pkey;

-- What was done, written in the transaction that has the effect. Rows are only ever added. The first columns are public: they
-- go into a leaf of the organisation's tree. Those from salt on can be set to null, and the commitment still fits the leaf.
-- subject, reason and details are UTF-8 as bytes: a person's text may hold U+0000, which PostgreSQL's texts may not.
CREATE TABLE audit_records (
    organisation_id BYTEA            NOT NULL,
    record_id       BYTEA            NOT NULL,
    space_id        BYTEA,
    at              BIGINT           NOT NULL,
    action          TEXT COLLATE "C" NOT NULL,
    commitment      BYTEA,
    leaf_index      BIGINT,
    salt            BYTEA,
    user_id         BYTEA,
    device_id       BYTEA,
    subject         BYTEA,
    reason          BYTEA,
    trace           TEXT COLLATE "C",
    details         BYTEA,
    PRIMARY KEY (organisation_id, record_id)
);
-- what has no place in the tree yet
CREATE INDEX audit_records_waiting ON audit_records (organisation_id, record_id) WHERE leaf_index IS NULL;
CREATE INDEX audit_records_of_space ON audit_records (space_id, record_id) WHERE space_id IS NOT NULL;
CREATE INDEX audit_records_of_user ON audit_records (user_id, record_id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_records_about ON audit_records (organisation_id, subject, record_id) WHERE subject IS NOT NULL;

INSERT INTO audit_records (organisation_id, record_id, space_id, at, action, user_id, device_id, subject, reason, details)
SELECT organisation_id, record_id, space_id, at, action, user_id, device_id, subject, reason, '{}'::bytea FROM former_audit_records;
DROP TABLE former_audit_records;

-- How far an organisation's tree goes. Its row is the sequencer's lock, and nobody else's.
CREATE TABLE audit_trees (
    organisation_id BYTEA            NOT NULL PRIMARY KEY,
    size            BIGINT           NOT NULL
);

-- The hashes of a tree, up to 256 a row (C2SP tlog-tiles).
CREATE TABLE audit_tiles (
    organisation_id BYTEA            NOT NULL,
    level           INTEGER          NOT NULL,
    tile_index      BIGINT           NOT NULL,
    hashes          BYTEA            NOT NULL,
    PRIMARY KEY (organisation_id, level, tile_index)
);

-- Signed statements about a tree (C2SP signed notes).
CREATE TABLE audit_checkpoints (
    organisation_id BYTEA            NOT NULL,
    size            BIGINT           NOT NULL,
    root            BYTEA            NOT NULL,
    at              BIGINT           NOT NULL,
    note            TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (organisation_id, size)
);
