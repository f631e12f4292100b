DROP TABLE server_keys;
DROP TABLE access_tokens;
DROP TABLE sessions;
DROP TABLE devices;
DROP TABLE users;
DROP TABLE organisations;
