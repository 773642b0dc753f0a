"""Who gets notices, and where to: a CSV file with a recipient and an address in each row."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from etl.errors import SettingsError

SETTING = "PLANBRIDGE__NOTICES__ADDRESSES_FILE"
COLUMNS = ["recipient", "address"]
OPERATORS = "operators"
_OFFICE = re.compile(r"office:(\d+)")
# One address alone: nothing that would begin another header or another address of a mail.
_ADDRESS = re.compile(r"[^\s,;<>\"'@]+@[^\s,;<>\"'@]+")


def read_addresses(path: Path) -> Mapping[str, tuple[str, ...]]:
    """recipient -> addresses. A recipient is a steward's user name in the CRM, ``office:<number>`` or ``operators``.

    Raises `SettingsError` for a file that cannot be read, and for a row that is wrong, with its number.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            heading, *rows = [[cell.strip() for cell in row] for row in csv.reader(file, strict=True)] or [[]]
    except (OSError, ValueError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no CSV file in UTF-8"
        raise SettingsError(f"{SETTING}: {path} cannot be read: {why}.") from None
    if heading != COLUMNS:
        raise SettingsError(f"{SETTING}: {path}, row 1: the columns are {', '.join(COLUMNS)}.")
    found: dict[str, tuple[str, ...]] = {}
    for number, row in enumerate(rows, 2):
        if not any(row):
            continue
        if len(row) != len(COLUMNS) or not row[0] or not _ADDRESS.fullmatch(row[1]):
            raise SettingsError(f"{SETTING}: {path}, row {number}: it has to be one recipient and one e-mail address.")
        recipient, address = row
        found[recipient] = (*found.get(recipient, ()), address)
    return found


def office_of(recipient: str) -> int | None:
    """The office of a recipient such as ``office:3``."""
    found = _OFFICE.fullmatch(recipient)
    return int(found[1]) if found else None
