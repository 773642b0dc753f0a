"""Files of ours that cannot be written: for somebody to mend, and no defect."""

from __future__ import annotations

import errno

RIGHTS = {errno.EACCES, errno.EPERM, errno.EROFS}
SPACE = {errno.ENOSPC, errno.EDQUOT}


def unwritable(error: Exception) -> str | None:
    """Which file or folder refuses, and why, in words; None for every other error."""
    if not isinstance(error, OSError) or error.errno not in RIGHTS | SPACE:
        return None
    if error.filename is None and error.errno in RIGHTS:  # no file: a connection, for example
        return None
    return f"{error.filename or 'A file'} cannot be written or read ({error.strerror})."
