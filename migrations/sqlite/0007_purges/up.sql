-- Devices of former members that said that they dropped their copy of a space.
CREATE TABLE purges (
    purge_id        BLOB    NOT NULL,
    device_id       BLOB    NOT NULL,
    organisation_id BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    space_id        BLOB    NOT NULL,
    purged_at       INTEGER,
    documents       INTEGER NOT NULL,
    assets          INTEGER NOT NULL,
    outbox_left     INTEGER NOT NULL,
    recorded_at     INTEGER NOT NULL,
    receipt         TEXT    NOT NULL,
    PRIMARY KEY (purge_id, device_id)
) STRICT, WITHOUT ROWID;

-- What an explanation can't rebuild: the rules under which an operation was decided, and its stamp's milliseconds where
-- they are not those of decided_at.
ALTER TABLE operations ADD COLUMN policy_version INTEGER;
ALTER TABLE operations ADD COLUMN corrected_at INTEGER;
