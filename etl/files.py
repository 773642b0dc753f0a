"""Files that appear whole or not at all, that only their owner may read, and that are what was written.

A folder of tables holds one file, named by its hash, with the tables as Arrow files one behind the other, and a
manifest with row counts, places and hashes. The manifest is written last: without a manifest there are no tables. Of
two writers at once the last whole one counts, and neither is in the other's way.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from etl.errors import StagingError

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST = "manifest.json"
NO_RIGHTS = {errno.EACCES, errno.EPERM, errno.EROFS}
NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


def unwritable(error: Exception) -> str | None:
    """Which file or folder refuses, and why, in words; None for every other error: this one is no defect."""
    if not isinstance(error, OSError) or error.errno not in NO_RIGHTS | NO_SPACE:
        return None
    if error.filename is None and error.errno in NO_RIGHTS:  # no file: a connection, for example
        return None
    return f"{error.filename or 'A file'} cannot be written or read ({error.strerror})."


def write_whole(path: Path, content: bytes | Callable[[BinaryIO], object]) -> Path:
    """Writes a file (mode 0600) under another name, syncs it and gives it its name.

    ``content``: the bytes, or a function that writes them. Where writing breaks off, the old file stays as it was.
    """
    _write(path, content)
    _sync_folder(path.parent)
    return path


def write_tables(folder: Path, tables: Mapping[str, pa.Table], **about: Any) -> None:
    """Writes these tables as a whole, in place of those that an earlier try wrote there.

    ``about``: more facts for the manifest, as JSON. The folder is made where it is missing, for its owner alone. Raises
    `OSError`.
    """
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    contents = [_as_file(table) for table in tables.values()]
    hashes = [hashlib.sha256(content).hexdigest() for content in contents]
    ends = list(accumulate(content.size for content in contents))
    file_name = f"tables.{hashlib.sha256(''.join(hashes).encode()).hexdigest()[:16]}.arrow"
    _write(folder / file_name, lambda file: file.writelines(contents))
    listed = {
        name: {"rows": table.num_rows, "sha256": sha256, "at": end - content.size, "size": content.size}
        for (name, table), content, sha256, end in zip(tables.items(), contents, hashes, ends, strict=True)
    }
    write_whole(folder / MANIFEST, json.dumps({**about, "file": file_name, "tables": listed}, indent=1).encode())
    _sync_folder(folder.parent)


def has_tables(folder: Path) -> bool:
    """Whether the tables of a folder are there as a whole."""
    return (folder / MANIFEST).exists()


def read_manifest(folder: Path) -> dict[str, Any]:
    """``file``, ``tables`` (name -> rows, sha256, at, size), and what was said about them.

    Raises `StagingError` where there is none.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        raise StagingError(
            f"{folder} has no manifest: the step that stages it has not finished. Run it again."
        ) from None
    if "file" not in manifest:
        raise StagingError(f"{folder} was staged by an older version of Planbridge. Start a new run.")
    return manifest


def read_table(folder: Path, name: str, manifest: Mapping[str, Any]) -> pa.Table:
    """One table. Raises `StagingError` where it is missing or is not what was written."""
    import pyarrow as pa

    try:
        listed = manifest["tables"][name]
        path = folder / manifest["file"]
        with path.open("rb") as file:
            file.seek(listed["at"])
            content = file.read(listed["size"])
    except (OSError, KeyError):
        raise StagingError(f"{folder} lacks {name}. Run the step that stages it again.") from None
    if hashlib.sha256(content).hexdigest() != listed["sha256"]:
        raise StagingError(f"{path} is not what was staged: it has been changed. Run the step again.")
    return pa.ipc.open_file(pa.BufferReader(content)).read_all()


def _as_file(table: pa.Table) -> pa.Buffer:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _write(path: Path, content: bytes | Callable[[BinaryIO], object]) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
