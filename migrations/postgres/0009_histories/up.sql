-- The change log lies in the order of its versions, so that a push appends to it; each change names the one of its document
-- before it.
ALTER TABLE changes ADD COLUMN previous BIGINT;
UPDATE changes SET previous = found.previous
    FROM (SELECT space_id, version, LAG(version, 1, 0::BIGINT) OVER (PARTITION BY space_id, key ORDER BY version) AS previous
        FROM changes) AS found
    WHERE changes.space_id = found.space_id AND changes.version = found.version;
ALTER TABLE changes ALTER COLUMN previous SET NOT NULL;
ALTER TABLE changes DROP CONSTRAINT changes_pkey;
ALTER TABLE changes ADD PRIMARY KEY (space_id, version);
