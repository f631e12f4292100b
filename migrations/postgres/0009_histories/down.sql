ALTER TABLE changes DROP CONSTRAINT changes_pkey;
ALTER TABLE changes ADD PRIMARY KEY (space_id, key, version);
ALTER TABLE changes DROP COLUMN previous;
