-- What a space says of itself beside its schema: who owns what, and how much is decided without asking. An object as JSON.
ALTER TABLE spaces ADD COLUMN settings BLOB;
