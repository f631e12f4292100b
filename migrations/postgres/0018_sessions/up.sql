-- How often somebody lately failed to log in. A key is the SHA-256 of an account, a network, or both: 32 bytes that name
-- nobody. Rows go an hour after the last try, or thirty days after the last success.
CREATE TABLE login_tries (
    key             BYTEA NOT NULL PRIMARY KEY,
    tries           INTEGER NOT NULL,
    tried_at        BIGINT NOT NULL,
    known_until     BIGINT,
    kept_until      BIGINT NOT NULL
);
CREATE INDEX login_tries_by_end ON login_tries (kept_until);
-- a new password ends somebody's other sessions
CREATE INDEX sessions_of_user ON sessions (user_id);
