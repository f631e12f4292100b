ALTER TABLE spaces DROP COLUMN settings;
