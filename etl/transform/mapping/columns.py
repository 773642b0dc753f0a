"""The fate of every column of the CRM at both vendors: sent, used by a rule, a key, or declared not sent and why.

The table is ``source_columns.csv``. A column of `etl.schema` that stands neither there nor in a table of
`TABLES_NOT_READ` fails a test: nothing is dropped in silence.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from etl.values import Vendor

_ONLY_TRANSFERS = "matters only to a transfer between offices"
TABLES_NOT_READ: dict[str, str] = {
    "office": "decides which units there are, holds nothing about a client",
    "contact_set": "decides which units are enrolled (SCP-6)",
    "contact_set_member": "decides which units are enrolled (SCP-6)",
    "policy_contact": _ONLY_TRANSFERS,
    "pending_case": "only policies go (POL-STATUS); otherwise it " + _ONLY_TRANSFERS,
    "pending_case_contact": _ONLY_TRANSFERS,
    "investment_account_contact": _ONLY_TRANSFERS,
    "commission": _ONLY_TRANSFERS,
    "smartpad_note": _ONLY_TRANSFERS,
    "activity": _ONLY_TRANSFERS,
    "letter": _ONLY_TRANSFERS,
    "employee_census": _ONLY_TRANSFERS,
    "lead": _ONLY_TRANSFERS,
    "referred_contact": _ONLY_TRANSFERS,
    "event_invitation": _ONLY_TRANSFERS,
    "presale_activity": _ONLY_TRANSFERS,
    "custom_field_value": _ONLY_TRANSFERS,
    "asset_allocation": "no vendor takes it",
    "account_performance": "no vendor takes it",
}


@dataclass(frozen=True)
class SourceColumn:
    """One column and its fate: ``sent``, ``key``, ``used by <rule>`` or ``not sent: <reason>``."""

    table: str
    column: str
    profiles: str
    emoney: str

    def fate(self, vendor: Vendor) -> str:
        return self.profiles if vendor == "profiles" else self.emoney


@cache
def source_columns() -> tuple[SourceColumn, ...]:
    """The whole table, in the order of the CRM's schema."""
    table = files("etl.transform.mapping").joinpath("source_columns.csv").read_text(encoding="utf-8")
    return tuple(SourceColumn(**row) for row in csv.DictReader(table.splitlines()))


def sent_columns(table: str, vendor: Vendor) -> tuple[str, ...]:
    """The columns of a CRM table whose values go to a vendor; each value that does not has a receipt."""
    return tuple(each.column for each in source_columns() if each.table == table and each.fate(vendor) == "sent")
