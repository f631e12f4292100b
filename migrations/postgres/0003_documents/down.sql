DROP TABLE collection_sums;
DROP TABLE changes;
DROP TABLE documents;
