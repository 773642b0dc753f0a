"""The table of users, from a CSV file: each vendor's user for a CRM user (EMY-OWNER)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from etl.errors import VENDOR_NAMES, SettingsError

COLUMNS = ("vendor", "crm_user", "vendor_user")
MOST_FAULTS = 20  # in one message
SETTING = "PLANBRIDGE__VENDORS__USERS_FILE"

# vendor -> CRM user name -> the user's id at the vendor
VendorUsers = Mapping[str, Mapping[str, str]]


def read_vendor_users(path: Path) -> VendorUsers:
    """The file's rows, by vendor and CRM user.

    Raises `SettingsError` for a file that cannot be read, and for wrong rows, with their numbers as in a spreadsheet:
    the heading is row 1.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file, strict=True)]
    except (OSError, ValueError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no CSV file in UTF-8"
        raise SettingsError(f"{SETTING}: {path} cannot be read: {why}.") from None
    heading = rows[0] if rows else []
    if sorted(heading) != sorted(COLUMNS):
        raise SettingsError(f"{SETTING}: {path}, row 1: the columns are {', '.join(COLUMNS)}.")
    users: dict[str, dict[str, str]] = {vendor: {} for vendor in VENDOR_NAMES}
    faults: list[str] = []
    for number, row in enumerate(rows[1:], 2):
        if not any(row):
            continue
        fault = _fault(dict(zip(heading, row, strict=False)), len(row), users)
        if fault is not None:
            faults.append(f"row {number}: {fault}")
    if faults:
        more = f"; and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        raise SettingsError(f"{SETTING}: {path}, {'; '.join(faults[:MOST_FAULTS])}{more}.")
    return users


def _fault(row: Mapping[str, str], cells: int, users: dict[str, dict[str, str]]) -> str | None:
    """The fault of a row; a row without a fault is added to ``users``."""
    if cells != len(COLUMNS):
        return f"it has {cells} cells, not {len(COLUMNS)}"
    if row["vendor"] not in users:
        return f"{row['vendor']!r} is no vendor: {' or '.join(users)}"
    if blank := [name for name in COLUMNS if not row[name]]:
        return f"{' and '.join(blank)} is blank"
    if row["crm_user"] in users[row["vendor"]]:
        return f"{row['crm_user']} is there twice"
    users[row["vendor"]][row["crm_user"]] = row["vendor_user"]
    return None
