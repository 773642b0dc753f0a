"""The table of users: who a CRM user is at each vendor (EMY-OWNER), from a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from etl.errors import VENDOR_NAMES, SettingsError

COLUMNS = ("vendor", "crm_user", "vendor_user")
TOLD = 20  # faults in one message
SETTING = "PLANBRIDGE__VENDORS__USERS_FILE"

# vendor -> CRM user name -> the user's id at the vendor
VendorUsers = Mapping[str, Mapping[str, str]]


def read_vendor_users(path: Path) -> VendorUsers:
    """The file's rows, by vendor and CRM user.

    Raises `SettingsError` where it cannot be read, naming each row that is not as it should be by its number, as a
    spreadsheet counts: the heading is row 1.
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
        more = f"; and {len(faults) - TOLD} more" if len(faults) > TOLD else ""
        raise SettingsError(f"{SETTING}: {path}, {'; '.join(faults[:TOLD])}{more}.")
    return users


def _fault(row: Mapping[str, str], cells: int, users: dict[str, dict[str, str]]) -> str | None:
    """What is wrong with a row; one that is right is taken into ``users``."""
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
