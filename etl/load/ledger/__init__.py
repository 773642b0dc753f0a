"""The pipeline's own database: what was sent, to which vendor record, by which run. SQLite or PostgreSQL.

`store` opens it; `tables` has its tables and the views that outsiders rely on; each other module reads and writes one
kind of row: `runs`, `links`, `intents`, `locks`, `findings`, …
"""
