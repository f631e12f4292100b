DROP TABLE members;
DROP TABLE space_heads;
DROP TABLE spaces;
