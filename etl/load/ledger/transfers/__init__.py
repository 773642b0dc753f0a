"""What the ledger keeps of transfers: the transfer, its groups and rows, units with new keys, rollbacks."""
