-- The life of a space's log: what is kept of it, who has read how far, and which logs it was before.

-- A floor or a run's beginning below kept_from can't be served: tombstones up to it are graves. A base below
-- history_from is not known any more: changes up to it are gone.
ALTER TABLE space_heads ADD COLUMN kept_from INTEGER NOT NULL DEFAULT 0;
ALTER TABLE space_heads ADD COLUMN history_from INTEGER NOT NULL DEFAULT 0;

-- Set when a newer key signs in its place: from then on it only verifies.
ALTER TABLE server_keys ADD COLUMN retired_at INTEGER;

-- Former epochs of a log, and until which version each shares the present one.
CREATE TABLE former_epochs (
    space_id        BLOB    NOT NULL,
    epoch           BLOB    NOT NULL,
    shared_until    INTEGER NOT NULL,
    ended_at        INTEGER NOT NULL,
    PRIMARY KEY (space_id, epoch)
) STRICT, WITHOUT ROWID;

-- The floor of the last cursor that a device showed.
CREATE TABLE presented_cursors (
    space_id        BLOB    NOT NULL,
    device_id       BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    floor           INTEGER NOT NULL,
    presented_at    INTEGER NOT NULL,
    PRIMARY KEY (space_id, device_id)
) STRICT, WITHOUT ROWID;

-- What is left of a document whose tombstone is gone: its id must not come back by itself. The audience is kept, so that
-- nobody learns of what they could never see.
CREATE TABLE graves (
    space_id        BLOB    NOT NULL,
    key             TEXT    NOT NULL,
    version         INTEGER NOT NULL,
    audience        INTEGER NOT NULL,
    PRIMARY KEY (space_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX documents_tombstones ON documents (space_id, version) WHERE deleted;
