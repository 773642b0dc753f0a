"""LIC-EXPORT, LIC-IMPORT, LIC-ENABLED: what the two users of a transfer need, by name."""

from __future__ import annotations

import pandas as pd

from etl.values import USER_STATUS_ENABLED, USER_STATUSES, normal

EXPORT_RIGHTS = ("Data Export", "Export contacts to another office - Button")
IMPORT_RIGHTS = ("Data Import",)


def missing_rights(user: pd.DataFrame, office_id: int, needed: tuple[str, ...]) -> str | None:
    """What a user (user_id, office_id, status, right_name; a row for each right) lacks to act in an office.

    Names joined by a comma: the account there, its status, the rights; None where nothing is missing.
    """
    if user.empty:
        return "the user account"
    missing = []
    if int(user["office_id"].iloc[0]) != office_id:
        missing.append("an account in the office")
    if normal(str(user["status"].iloc[0])) not in USER_STATUSES:
        missing.append(f"the status {USER_STATUS_ENABLED}")
    missing += [right for right in needed if right not in set(user["right_name"].dropna())]
    return ", ".join(missing) or None
