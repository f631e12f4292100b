-- Row security is PostgreSQL's; SQLite has none. A file is one process's, whose own checks stand.
SELECT 1;
