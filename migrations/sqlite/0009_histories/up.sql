-- The change log lies in the order of its versions, so that a push appends to it; each change names the one of its document
-- before it. Documents have row ids: what WITHOUT ROWID keeps in an index page is a quarter of it at most, and a document
-- above that would take a page more.
CREATE TABLE changes_new (
    space_id        BLOB    NOT NULL,
    key             TEXT    NOT NULL,
    version         INTEGER NOT NULL,
    was_live        INTEGER NOT NULL,
    before          BLOB    NOT NULL,
    by_user_id      BLOB    NOT NULL,
    by_device_id    BLOB    NOT NULL,
    by_op_id        BLOB    NOT NULL,
    changed_at      INTEGER NOT NULL,
    previous        INTEGER NOT NULL,
    PRIMARY KEY (space_id, version)
) STRICT, WITHOUT ROWID;
INSERT INTO changes_new (space_id, version, previous, key, was_live, before, by_user_id, by_device_id, by_op_id, changed_at)
    SELECT space_id, version, LAG(version, 1, 0) OVER (PARTITION BY space_id, key ORDER BY version), key, was_live, before,
        by_user_id, by_device_id, by_op_id, changed_at
    FROM changes;
DROP TABLE changes;
ALTER TABLE changes_new RENAME TO changes;

CREATE TABLE documents_new (
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
) STRICT;
INSERT INTO documents_new (space_id, key, version, created, live_since, deleted, body, fields, by_user_id, by_device_id, by_op_id, changed_at,
    foreign_version, audience, audience_ever, audience_version, open_conflicts)
    SELECT space_id, key, version, created, live_since, deleted, body, fields, by_user_id, by_device_id, by_op_id, changed_at,
    foreign_version, audience, audience_ever, audience_version, open_conflicts
    FROM documents ORDER BY space_id, key;
DROP TABLE documents;
ALTER TABLE documents_new RENAME TO documents;
CREATE UNIQUE INDEX documents_by_version ON documents (space_id, version);
CREATE INDEX documents_tombstones ON documents (space_id, version) WHERE deleted;
