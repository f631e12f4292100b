-- What holds a tenant: active, read_only or locked, since when, by whom (nobody: whoever runs the installation) and why;
-- and the first of the two owners who want it active again.
ALTER TABLE organisations ADD COLUMN state TEXT COLLATE "C" NOT NULL DEFAULT 'active';
ALTER TABLE organisations ADD COLUMN state_since BIGINT;
ALTER TABLE organisations ADD COLUMN state_by BYTEA;
ALTER TABLE organisations ADD COLUMN state_reason BYTEA;
ALTER TABLE organisations ADD COLUMN unlock_by BYTEA;
ALTER TABLE organisations ADD COLUMN unlock_at BIGINT;
CREATE INDEX organisations_by_state ON organisations (state);

-- What holds a device: it is suspended while suspended_at is set, revoked once revoked_at is; and the order to wipe it.
ALTER TABLE devices ADD COLUMN suspended_at BIGINT;
ALTER TABLE devices ADD COLUMN suspended_by BYTEA;
ALTER TABLE devices ADD COLUMN suspended_reason BYTEA;
ALTER TABLE devices ADD COLUMN wipe_id BYTEA;
ALTER TABLE devices ADD COLUMN wipe_ordered_at BIGINT;
ALTER TABLE devices ADD COLUMN wipe_confirmed_at BIGINT;
ALTER TABLE devices ADD COLUMN wipe_left BIGINT;
