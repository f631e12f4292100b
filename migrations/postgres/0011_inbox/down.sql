DROP TABLE preference_rules;
DROP TABLE preferences;
DROP TABLE conflicts;
CREATE INDEX conflict_links_of_space ON conflict_links (space_id, conflict_id);
