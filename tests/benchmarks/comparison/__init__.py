"""Two other ways to make the documents of a shard, to measure the transform against.

Both read the frames of a shard as Parquet (``<name>.parquet``, figures as scaled int64) and give for each unit with a
head one JSON text ``{"clientA", "clientB", "assets", "liabilities"}`` in the shape of the Profiles API.
"""
