"""Writes a transfer: groups of contacts move to another office, exactly once. Enter by `commit` and `rollback`."""
