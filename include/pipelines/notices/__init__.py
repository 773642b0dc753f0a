"""E-mails to stewards and operators: what has changed, as counts, ids and a link; no data of clients."""
