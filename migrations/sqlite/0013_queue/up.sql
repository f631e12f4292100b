-- Operations that were accepted and are not decided yet; what came of one is a row of operations, and never before.
-- phase is what the state means for an index: it stays the same while a worker has the item. key and group_id are UTF-8 as
-- bytes, as they are in operations. With row ids, because payloads are long.
CREATE TABLE queue_items (
    organisation_id BLOB    NOT NULL,
    op_id           BLOB    NOT NULL,
    identity        BLOB    NOT NULL,
    space_id        BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    device_id       BLOB    NOT NULL,
    batch_id        BLOB    NOT NULL,
    seq             INTEGER NOT NULL,
    key             BLOB    NOT NULL,
    group_id        BLOB,
    lane            INTEGER NOT NULL,
    rank            INTEGER NOT NULL,
    state           TEXT    NOT NULL,
    waits_for       BLOB,
    attempts        INTEGER NOT NULL,
    not_before      INTEGER,
    fence           INTEGER,
    size_bytes      INTEGER NOT NULL,
    accepted_at     INTEGER NOT NULL,
    code            TEXT,
    problem         BLOB,
    payload         BLOB    NOT NULL,
    original        BLOB,
    phase           TEXT    NOT NULL GENERATED ALWAYS AS (CASE WHEN state IN ('ready', 'leased') THEN 'line' ELSE state END) STORED,
    PRIMARY KEY (op_id, organisation_id)
) STRICT;
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
    space_id        BLOB    NOT NULL PRIMARY KEY,
    organisation_id BLOB    NOT NULL,
    next_seq        INTEGER NOT NULL,
    fence           INTEGER NOT NULL,
    leased_by       BLOB,
    leased_until    INTEGER,
    due_at          INTEGER,
    rank            INTEGER NOT NULL,
    served          INTEGER NOT NULL,
    served_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_spaces_due ON queue_spaces (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX queue_spaces_leased ON queue_spaces (leased_by) WHERE leased_by IS NOT NULL;

-- Requests whose operations went into the queue.
CREATE TABLE queue_batches (
    batch_id        BLOB    NOT NULL PRIMARY KEY,
    organisation_id BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    device_id       BLOB    NOT NULL,
    sent_at         INTEGER,
    received_at     INTEGER NOT NULL,
    epochs          BLOB    NOT NULL,
    atomic          INTEGER NOT NULL,
    state           TEXT    NOT NULL,
    operations      INTEGER NOT NULL,
    bytes           INTEGER NOT NULL,
    decided         INTEGER NOT NULL,
    decided_bytes   INTEGER NOT NULL,
    finished_at     INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_batches_of_device ON queue_batches (device_id, received_at);
CREATE INDEX queue_batches_open ON queue_batches (received_at) WHERE state = 'open';
CREATE INDEX queue_batches_refused ON queue_batches (received_at) WHERE state = 'refused';
CREATE INDEX queue_batches_atomic ON queue_batches (received_at) WHERE atomic;
CREATE INDEX queue_batches_finished ON queue_batches (finished_at) WHERE finished_at IS NOT NULL;

-- How the queue went, by minute and node, and added up by hour.
CREATE TABLE queue_figures (
    organisation_id BLOB    NOT NULL,
    step_s          INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    lane            INTEGER NOT NULL,
    node_id         BLOB    NOT NULL,
    body            BLOB    NOT NULL,
    PRIMARY KEY (organisation_id, step_s, at, lane, node_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_figures_by_time ON queue_figures (step_s, at);

-- Work on many items that goes on in the background.
CREATE TABLE queue_tasks (
    task_id         BLOB    NOT NULL PRIMARY KEY,
    organisation_id BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    created_at      INTEGER NOT NULL,
    step            INTEGER NOT NULL,
    finished_at     INTEGER,
    body            BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_tasks_by_end ON queue_tasks (finished_at, created_at);

-- What devices told of themselves, and what was measured.
CREATE TABLE device_states (
    device_id       BLOB    NOT NULL PRIMARY KEY,
    organisation_id BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    seen_at         INTEGER NOT NULL,
    body            BLOB    NOT NULL
) STRICT;
CREATE INDEX device_states_of_user ON device_states (user_id);

-- Tickets that open a socket, hashed: each is good once.
CREATE TABLE tickets (
    hash            BLOB    NOT NULL PRIMARY KEY,
    session_id      BLOB    NOT NULL,
    expires_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tickets_by_end ON tickets (expires_at);

-- What somebody did to the work of others. Rows are only ever added. subject and reason are UTF-8 as bytes: a person's text
-- may hold U+0000, which PostgreSQL's texts may not.
CREATE TABLE audit_records (
    record_id       BLOB    NOT NULL PRIMARY KEY,
    organisation_id BLOB    NOT NULL,
    space_id        BLOB,
    at              INTEGER NOT NULL,
    user_id         BLOB    NOT NULL,
    device_id       BLOB,
    action          TEXT    NOT NULL,
    subject         BLOB    NOT NULL,
    reason          BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_records_about ON audit_records (organisation_id, subject, at);

-- Of an operation that waited in the queue: when it arrived, and how often a worker took it.
ALTER TABLE operations ADD COLUMN received_at INTEGER;
ALTER TABLE operations ADD COLUMN attempts INTEGER;
