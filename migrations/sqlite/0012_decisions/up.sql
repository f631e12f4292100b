-- How each place that two sides changed was decided, and what became a change request: compact JSON, for explanations.
-- Nothing where nobody met. Let go of with the payload.
ALTER TABLE operations ADD COLUMN decisions BLOB;
