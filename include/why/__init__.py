"""``make why UNIT=… FIELD=…``: where a value at a vendor comes from and what was decided about it, from the ledger."""
