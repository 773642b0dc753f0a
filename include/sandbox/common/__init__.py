"""What both vendors' sandboxes share: the server, the database, faults, counters, limits, records and pages."""
