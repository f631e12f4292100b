DROP TABLE operation_groups;
DROP TABLE operations;
