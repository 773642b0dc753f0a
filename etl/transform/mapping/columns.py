"""The fate of every column of the CRM at both vendors: sent, used by a rule, a key, or declared not sent and why.

The table is ``source_columns.csv``; ``*`` stands for all columns of a table that is not read. A column of `etl.schema`
without a fate fails a test: nothing is dropped in silence.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from etl.values import Vendor


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
