"""The pipeline's own database: the truth about what was sent, to whom, by which run.

`store` opens it; `runs`, `links`, `deliveries`, `locks` and `findings` are its organs; `tables` is its shape and the
views that outsiders rely on. Works on SQLite and on PostgreSQL.
"""
