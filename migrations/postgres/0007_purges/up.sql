-- Devices of former members that said that they dropped their copy of a space.
CREATE TABLE purges (
    purge_id        BYTEA NOT NULL,
    device_id       BYTEA NOT NULL,
    organisation_id BYTEA NOT NULL,
    user_id         BYTEA NOT NULL,
    space_id        BYTEA NOT NULL,
    purged_at       BIGINT,
    documents       BIGINT NOT NULL,
    assets          BIGINT NOT NULL,
    outbox_left     BIGINT NOT NULL,
    recorded_at     BIGINT NOT NULL,
    receipt         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (purge_id, device_id)
);

-- What an explanation can't rebuild: the rules under which an operation was decided, and its stamp's milliseconds where
-- they are not those of decided_at.
ALTER TABLE operations ADD COLUMN policy_version INTEGER;
ALTER TABLE operations ADD COLUMN corrected_at BIGINT;
