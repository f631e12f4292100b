DROP TABLE audit_checkpoints;
DROP TABLE audit_tiles;
DROP TABLE audit_trees;
DROP INDEX audit_records_waiting;
DROP INDEX audit_records_of_space;
DROP INDEX audit_records_of_user;
DROP INDEX audit_records_about;
ALTER TABLE audit_records RENAME TO later_audit_records;
ALTER INDEX audit_records_pkey RENAME TO later_audit_records_pkey;
CREATE TABLE audit_records (
    record_id       BYTEA            NOT NULL PRIMARY KEY,
    organisation_id BYTEA            NOT NULL,
    space_id        BYTEA,
    at              BIGINT           NOT NULL,
    user_id         BYTEA            NOT NULL,
    device_id       BYTEA,
    action          TEXT COLLATE "C" NOT NULL,
    subject         BYTEA            NOT NULL,
    reason          BYTEA
);
CREATE INDEX audit_records_about ON audit_records (organisation_id, subject, at);
INSERT INTO audit_records (record_id, organisation_id, space_id, at, user_id, device_id, action, subject, reason)
SELECT record_id, organisation_id, space_id, at, user_id, device_id, action, subject, reason FROM later_audit_records
WHERE user_id IS NOT NULL AND subject IS NOT NULL;
DROP TABLE later_audit_records;
