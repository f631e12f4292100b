-- What came of each operation. No foreign keys: a refused operation may name a space that does not exist.
-- key and group_id are UTF-8 as bytes: a sender's text may hold U+0000, which PostgreSQL's texts may not.
CREATE TABLE operations (
    organisation_id BLOB    NOT NULL,
    op_id           BLOB    NOT NULL,
    identity        BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    device_id       BLOB    NOT NULL,
    space_id        BLOB    NOT NULL,
    key             BLOB    NOT NULL,
    status          TEXT    NOT NULL,
    decided_version INTEGER,
    head            INTEGER NOT NULL,
    conflict_id     BLOB,
    decided_at      INTEGER NOT NULL,
    group_id        BLOB,
    problem         BLOB,
    payload         BLOB    NOT NULL,
    overlay         BLOB,
    PRIMARY KEY (organisation_id, op_id)
) STRICT, WITHOUT ROWID;

-- The groups that were stored, so that one can be found without reading operations.
CREATE TABLE operation_groups (
    organisation_id BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    group_id        BLOB    NOT NULL,
    PRIMARY KEY (organisation_id, user_id, group_id)
) STRICT, WITHOUT ROWID;
