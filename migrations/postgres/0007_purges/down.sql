ALTER TABLE operations DROP COLUMN corrected_at;
ALTER TABLE operations DROP COLUMN policy_version;
DROP TABLE purges;
