-- What came of each operation. No foreign keys: a refused operation may name a space that does not exist.
-- key and group_id are UTF-8 as bytes: a sender's text may hold U+0000, which PostgreSQL's texts may not.
CREATE TABLE operations (
    organisation_id BYTEA NOT NULL,
    op_id           BYTEA NOT NULL,
    identity        BYTEA NOT NULL,
    user_id         BYTEA NOT NULL,
    device_id       BYTEA NOT NULL,
    space_id        BYTEA NOT NULL,
    key             BYTEA NOT NULL,
    status          TEXT COLLATE "C" NOT NULL,
    decided_version BIGINT,
    head            BIGINT NOT NULL,
    conflict_id     BYTEA,
    decided_at      BIGINT NOT NULL,
    group_id        BYTEA,
    problem         BYTEA,
    payload         BYTEA NOT NULL,
    overlay         BYTEA,
    PRIMARY KEY (organisation_id, op_id)
);

-- The groups that were stored, so that one can be found without reading operations.
CREATE TABLE operation_groups (
    organisation_id BYTEA NOT NULL,
    user_id         BYTEA NOT NULL,
    group_id        BYTEA NOT NULL,
    PRIMARY KEY (organisation_id, user_id, group_id)
);
