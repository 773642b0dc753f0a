"""Reads the CRM: which units a run takes (`scope`, `changes`), the frames of a shard, one unit, a transfer.

Enter by `source` for a snapshot, `scope` for the units of a run, `shard` and `single_unit` for their frames.
"""
