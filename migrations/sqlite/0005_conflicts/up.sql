-- Which documents each conflict names.
CREATE TABLE conflict_links (
    conflict_id     BLOB    NOT NULL,
    key             TEXT    NOT NULL,
    organisation_id BLOB    NOT NULL,
    space_id        BLOB    NOT NULL,
    open            INTEGER NOT NULL,
    PRIMARY KEY (conflict_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX conflict_links_open ON conflict_links (space_id, key) WHERE open;
CREATE INDEX conflict_links_of_space ON conflict_links (space_id, conflict_id);
