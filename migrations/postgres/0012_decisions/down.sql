ALTER TABLE operations DROP COLUMN decisions;
