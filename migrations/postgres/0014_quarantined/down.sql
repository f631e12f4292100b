DROP INDEX operations_quarantined;
