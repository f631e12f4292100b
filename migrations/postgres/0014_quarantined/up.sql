-- What of a device waits for a lead is counted with its status. Few operations ever do.
CREATE INDEX operations_quarantined ON operations (device_id) WHERE status = 'quarantined';
