DROP TABLE audit_checkpoints;
DROP TABLE audit_tiles;
DROP TABLE audit_trees;
DROP INDEX audit_records_waiting;
DROP INDEX audit_records_of_space;
DROP INDEX audit_records_of_user;
DROP INDEX audit_records_about;
ALTER TABLE audit_records RENAME TO later_audit_records;
CREATE TABLE audit_records (
    record_id       BLOB    NOT NULL PRIMARY KEY,
    organisation_id BLOB    NOT NULL,
    space_id        BLOB,
    at              INTEGER NOT NULL,
    user_id         BLOB    NOT NULL,
    device_id       BLOB,
    action          TEXT    NOT NULL,
    subject         BLOB    NOT NULL,
    reason          BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_records_about ON audit_records (organisation_id, subject, at);
INSERT INTO audit_records (record_id, organisation_id, space_id, at, user_id, device_id, action, subject, reason)
SELECT record_id, organisation_id, space_id, at, user_id, device_id, action, subject, reason FROM later_audit_records
WHERE user_id IS NOT NULL AND subject IS NOT NULL;
DROP TABLE later_audit_records;
