-- What conflicts are found by: a list goes through one space's, a round of maintenance through those whose deadline is next.
CREATE TABLE conflicts (
    conflict_id     BLOB    NOT NULL PRIMARY KEY,
    organisation_id BLOB    NOT NULL,
    space_id        BLOB    NOT NULL,
    collection      TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    open            INTEGER NOT NULL,
    automatic       INTEGER NOT NULL,
    asks            TEXT    NOT NULL,
    ours_by         BLOB,
    theirs_by       BLOB    NOT NULL,
    opened_at       INTEGER NOT NULL,
    deadline_at     INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO conflicts
    SELECT links.conflict_id, links.organisation_id, links.space_id, body ->> 'collection', body ->> 'kind', body ->> 'state' = 'open', 0,
        ' role:lead ', unhex(replace(body ->> '$.ours_by.user_id', '-', '')), unhex(replace(body ->> '$.theirs_by.user_id', '-', '')),
        CAST(round(unixepoch(body ->> 'created_at', 'subsec') * 1000) AS INTEGER), NULL
    FROM (SELECT DISTINCT conflict_id, organisation_id, space_id FROM conflict_links) AS links
    JOIN (SELECT space_id, key, CAST(body AS TEXT) AS body FROM documents) AS stored
        ON stored.space_id = links.space_id AND stored.key = '_conflicts/' || lower(
            substr(hex(links.conflict_id), 1, 8) || '-' || substr(hex(links.conflict_id), 9, 4) || '-' || substr(hex(links.conflict_id), 13, 4)
            || '-' || substr(hex(links.conflict_id), 17, 4) || '-' || substr(hex(links.conflict_id), 21));
CREATE INDEX conflicts_of_space ON conflicts (space_id, conflict_id);
CREATE INDEX conflicts_open ON conflicts (space_id, conflict_id) WHERE open;
CREATE INDEX conflicts_due ON conflicts (deadline_at, conflict_id) WHERE open AND deadline_at IS NOT NULL;
DROP INDEX conflict_links_of_space;

-- What people chose, counted by context, and the rules that they switched on.
CREATE TABLE preferences (
    organisation_id BLOB    NOT NULL,
    scope           TEXT    NOT NULL,
    context         TEXT    NOT NULL,
    ours            INTEGER NOT NULL,
    theirs          INTEGER NOT NULL,
    base            INTEGER NOT NULL,
    value           INTEGER NOT NULL,
    last_at         INTEGER NOT NULL,
    PRIMARY KEY (organisation_id, scope, context)
) STRICT, WITHOUT ROWID;
CREATE TABLE preference_rules (
    organisation_id BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    scope           TEXT    NOT NULL,
    context         TEXT    NOT NULL,
    choose          TEXT    NOT NULL,
    since           INTEGER NOT NULL,
    PRIMARY KEY (organisation_id, user_id, scope, context)
) STRICT, WITHOUT ROWID;
