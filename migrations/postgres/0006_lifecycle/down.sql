DROP INDEX documents_tombstones;
DROP TABLE graves;
DROP TABLE presented_cursors;
DROP TABLE former_epochs;
ALTER TABLE server_keys DROP COLUMN retired_at;
ALTER TABLE space_heads DROP COLUMN history_from;
ALTER TABLE space_heads DROP COLUMN kept_from;
