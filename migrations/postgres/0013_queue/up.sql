-- Operations that were accepted and are not decided yet; what came of one is a row of operations, and never before.
-- phase is what the state means for an index: it stays the same while a worker has the item, so that taking an item changes
-- no index; half of each page is left free for the row that it becomes. key and group_id are UTF-8 as bytes, as they are in
-- operations. A queue is empty at night and long at noon: it is vacuumed by rows, not by a share of them, and what each
-- request and each worker asks names the first column of one index alone, so that a plan that was made while the table was
-- empty is still the right one when it is full.
CREATE TABLE queue_items (
    organisation_id BYTEA NOT NULL,
    op_id           BYTEA NOT NULL,
    identity        BYTEA NOT NULL,
    space_id        BYTEA NOT NULL,
    user_id         BYTEA NOT NULL,
    device_id       BYTEA NOT NULL,
    batch_id        BYTEA NOT NULL,
    seq             BIGINT NOT NULL,
    key             BYTEA NOT NULL,
    group_id        BYTEA,
    lane            INTEGER NOT NULL,
    rank            BIGINT NOT NULL,
    state           TEXT COLLATE "C" NOT NULL,
    waits_for       BYTEA,
    attempts        INTEGER NOT NULL,
    not_before      BIGINT,
    fence           BIGINT,
    size_bytes      INTEGER NOT NULL,
    accepted_at     BIGINT NOT NULL,
    code            TEXT COLLATE "C",
    problem         BYTEA,
    payload         BYTEA NOT NULL,
    original        BYTEA,
    phase           TEXT COLLATE "C" NOT NULL GENERATED ALWAYS AS (CASE WHEN state IN ('ready', 'leased') THEN 'line' ELSE state END) STORED,
    PRIMARY KEY (op_id, organisation_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
-- whose turn it is, and who stands before whom
CREATE INDEX queue_items_in_line ON queue_items (space_id, phase, rank, seq, lane);
-- what else waits on a document
CREATE INDEX queue_items_of_document ON queue_items (key, space_id);
-- for people: of an organisation, and of one of them; a device and a batch are somebody's
CREATE INDEX queue_items_in_order ON queue_items (organisation_id, space_id, rank, seq);
CREATE INDEX queue_items_of_user ON queue_items (user_id, space_id, rank, seq);
-- those below cost an item that simply waits for its turn nothing
CREATE INDEX queue_items_parked ON queue_items (organisation_id, space_id, rank, seq) WHERE phase = 'parked';
CREATE INDEX queue_items_held ON queue_items (waits_for, organisation_id) WHERE waits_for IS NOT NULL;
CREATE INDEX queue_items_delayed ON queue_items (space_id, not_before) WHERE not_before IS NOT NULL;
CREATE INDEX queue_items_staged ON queue_items (batch_id, seq) WHERE phase = 'staged';
CREATE INDEX queue_items_of_group ON queue_items (group_id, space_id) WHERE group_id IS NOT NULL;

-- The queue of a space: its row is the lock, and the lease of whoever works on it.
CREATE TABLE queue_spaces (
    space_id        BYTEA NOT NULL PRIMARY KEY,
    organisation_id BYTEA NOT NULL,
    next_seq        BIGINT NOT NULL,
    fence           BIGINT NOT NULL,
    leased_by       BYTEA,
    leased_until    BIGINT,
    due_at          BIGINT,
    rank            BIGINT NOT NULL,
    served          BIGINT NOT NULL,
    served_at       BIGINT NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX queue_spaces_due ON queue_spaces (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX queue_spaces_leased ON queue_spaces (leased_by) WHERE leased_by IS NOT NULL;

-- Requests whose operations went into the queue.
CREATE TABLE queue_batches (
    batch_id        BYTEA NOT NULL PRIMARY KEY,
    organisation_id BYTEA NOT NULL,
    user_id         BYTEA NOT NULL,
    device_id       BYTEA NOT NULL,
    sent_at         BIGINT,
    received_at     BIGINT NOT NULL,
    epochs          BYTEA NOT NULL,
    atomic          BOOLEAN NOT NULL,
    state           TEXT COLLATE "C" NOT NULL,
    operations      BIGINT NOT NULL,
    bytes           BIGINT NOT NULL,
    decided         BIGINT NOT NULL,
    decided_bytes   BIGINT NOT NULL,
    finished_at     BIGINT
) WITH (fillfactor = 50);
CREATE INDEX queue_batches_of_device ON queue_batches (device_id, received_at);
CREATE INDEX queue_batches_open ON queue_batches (received_at) WHERE state = 'open';
CREATE INDEX queue_batches_refused ON queue_batches (received_at) WHERE state = 'refused';
CREATE INDEX queue_batches_atomic ON queue_batches (received_at) WHERE atomic;
CREATE INDEX queue_batches_finished ON queue_batches (finished_at) WHERE finished_at IS NOT NULL;

-- How the queue went, by minute and node, and added up by hour.
CREATE TABLE queue_figures (
    organisation_id BYTEA NOT NULL,
    step_s          INTEGER NOT NULL,
    at              BIGINT NOT NULL,
    lane            INTEGER NOT NULL,
    node_id         BYTEA NOT NULL,
    body            BYTEA NOT NULL,
    PRIMARY KEY (organisation_id, step_s, at, lane, node_id)
);
CREATE INDEX queue_figures_by_time ON queue_figures (step_s, at);

-- Work on many items that goes on in the background.
CREATE TABLE queue_tasks (
    task_id         BYTEA NOT NULL PRIMARY KEY,
    organisation_id BYTEA NOT NULL,
    user_id         BYTEA NOT NULL,
    created_at      BIGINT NOT NULL,
    step            BIGINT NOT NULL,
    finished_at     BIGINT,
    body            BYTEA NOT NULL
);
CREATE INDEX queue_tasks_by_end ON queue_tasks (finished_at, created_at);

-- What devices told of themselves, and what was measured.
CREATE TABLE device_states (
    device_id       BYTEA NOT NULL PRIMARY KEY,
    organisation_id BYTEA NOT NULL,
    user_id         BYTEA NOT NULL,
    seen_at         BIGINT NOT NULL,
    body            BYTEA NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX device_states_of_user ON device_states (user_id);

-- Tickets that open a socket, hashed: each is good once.
CREATE TABLE tickets (
    hash            BYTEA NOT NULL PRIMARY KEY,
    session_id      BYTEA NOT NULL,
    expires_at      BIGINT NOT NULL
);
CREATE INDEX tickets_by_end ON tickets (expires_at);

-- What somebody did to the work of others. Rows are only ever added. subject and reason are UTF-8 as bytes: a person's text
-- may hold U+0000, which PostgreSQL's texts may not.
CREATE TABLE audit_records (
    record_id       BYTEA NOT NULL PRIMARY KEY,
    organisation_id BYTEA NOT NULL,
    space_id        BYTEA,
    at              BIGINT NOT NULL,
    user_id         BYTEA NOT NULL,
    device_id       BYTEA,
    action          TEXT COLLATE "C" NOT NULL,
    subject         BYTEA NOT NULL,
    reason          BYTEA
);
CREATE INDEX audit_records_about ON audit_records (organisation_id, subject, at);

-- Of an operation that waited in the queue: when it arrived, and how often a worker took it.
ALTER TABLE operations ADD COLUMN received_at BIGINT;
ALTER TABLE operations ADD COLUMN attempts INTEGER;
