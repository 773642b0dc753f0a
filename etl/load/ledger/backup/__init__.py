"""The whole ledger in one file, and the way back. Enter by `copies`."""
