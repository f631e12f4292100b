DROP TABLE conflict_links;
