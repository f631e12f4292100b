-- Which documents each conflict names.
CREATE TABLE conflict_links (
    conflict_id     BYTEA NOT NULL,
    key             TEXT COLLATE "C" NOT NULL,
    organisation_id BYTEA NOT NULL,
    space_id        BYTEA NOT NULL,
    open            BOOLEAN NOT NULL,
    PRIMARY KEY (conflict_id, key)
);
CREATE INDEX conflict_links_open ON conflict_links (space_id, key) WHERE open;
CREATE INDEX conflict_links_of_space ON conflict_links (space_id, conflict_id);
