DROP INDEX sessions_of_user;
DROP TABLE login_tries;
