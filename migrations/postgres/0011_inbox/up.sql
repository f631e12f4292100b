-- What conflicts are found by: a list goes through one space's, a round of maintenance through those whose deadline is next.
CREATE TABLE conflicts (
    conflict_id     BYTEA NOT NULL PRIMARY KEY,
    organisation_id BYTEA NOT NULL,
    space_id        BYTEA NOT NULL,
    collection      TEXT COLLATE "C" NOT NULL,
    kind            TEXT COLLATE "C" NOT NULL,
    open            BOOLEAN NOT NULL,
    automatic       BOOLEAN NOT NULL,
    asks            TEXT COLLATE "C" NOT NULL,
    ours_by         BYTEA,
    theirs_by       BYTEA NOT NULL,
    opened_at       BIGINT NOT NULL,
    deadline_at     BIGINT
);
-- U+0000, which PostgreSQL reads in no string, is in none of what is read here.
INSERT INTO conflicts
    SELECT links.conflict_id, links.organisation_id, links.space_id, body ->> 'collection', body ->> 'kind', body ->> 'state' = 'open', FALSE,
        ' role:lead ', decode(replace(body #>> '{ours_by,user_id}', '-', ''), 'hex'),
        decode(replace(body #>> '{theirs_by,user_id}', '-', ''), 'hex'),
        round(extract(epoch FROM (body ->> 'created_at')::timestamptz) * 1000)::BIGINT, NULL
    FROM (SELECT DISTINCT conflict_id, organisation_id, space_id FROM conflict_links) AS links
    JOIN (SELECT space_id, key, regexp_replace(convert_from(body, 'UTF8'), '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g')::json AS body
            FROM documents WHERE key >= '_conflicts/' AND key < '_conflicts0')
        AS stored ON stored.space_id = links.space_id AND stored.key = '_conflicts/' || encode(links.conflict_id, 'hex')::uuid::text;
CREATE INDEX conflicts_of_space ON conflicts (space_id, conflict_id);
CREATE INDEX conflicts_open ON conflicts (space_id, conflict_id) WHERE open;
CREATE INDEX conflicts_due ON conflicts (deadline_at, conflict_id) WHERE open AND deadline_at IS NOT NULL;
DROP INDEX conflict_links_of_space;

-- What people chose, counted by context, and the rules that they switched on.
CREATE TABLE preferences (
    organisation_id BYTEA NOT NULL,
    scope           TEXT COLLATE "C" NOT NULL,
    context         TEXT COLLATE "C" NOT NULL,
    ours            BIGINT NOT NULL,
    theirs          BIGINT NOT NULL,
    base            BIGINT NOT NULL,
    value           BIGINT NOT NULL,
    last_at         BIGINT NOT NULL,
    PRIMARY KEY (organisation_id, scope, context)
);
CREATE TABLE preference_rules (
    organisation_id BYTEA NOT NULL,
    user_id         BYTEA NOT NULL,
    scope           TEXT COLLATE "C" NOT NULL,
    context         TEXT COLLATE "C" NOT NULL,
    choose          TEXT COLLATE "C" NOT NULL,
    since           BIGINT NOT NULL,
    PRIMARY KEY (organisation_id, user_id, scope, context)
);
