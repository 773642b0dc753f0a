"""The guards: what is implausible in a run stops it before its first write. Enter by `extract` and `documents`."""
