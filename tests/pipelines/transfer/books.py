"""A CRM of two offices to try transfers on: valid by default, say only what matters, then write it and plan.

    book = TwoOffices()
    ann, eve = book.contact(), book.contact(first_name="Eve")
    book.add("key_relation", contact_id=ann, related_contact_id=eve, relation="Spouse")
    decided = book.planned([ann, eve])
    assert decided.of("key_relation") == {"1": ("move", "XFR-RELATIONS")}

Office 1 is the source, office 2 the target; numbers and days are text as in the CRM.
"""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from etl.extract import transfer as extract
from etl.extract.source import Snapshot
from etl.schema import metadata
from etl.transform.transfers import NOTHING_KNOWN, Selection, TransferPlan, plan
from etl.transform.transfers.rows import Arrival, TargetRows, old_keys, rebuild

SOURCE, TARGET, ELSEWHERE = 1, 2, 3
NOW = "2026-11-20 12:00:00.000000"
LATER = "2026-11-21 08:30:00.000001"
FIRST_KEY = 1_000_001

DEFAULTS: dict[str, dict[str, Any]] = {
    "contact": {
        "office_id": SOURCE, "assigned_user_id": 1, "record_type": "Contact", "subsystem_type": "Contact",
        "contact_type": "Client", "first_name": "Ann", "last_name": "Harbor", "birth_date": "1970-05-01",
    },
    "key_relation": {"relation_type": "Family", "relation": "Sister"},
    "carrier": {"office_id": SOURCE, "name": "Harbor Life", "naic_id": "90001", "status": "Active"},
    "product": {
        "office_id": SOURCE, "carrier_id": 1, "plan_name": "Term 20", "insurance_type": "Life", "plan_type": "Term",
    },
    "policy": {"office_id": SOURCE, "policy_number": "P-1", "status": "Inforce", "annual_premium": "120.50"},
    "pending_case": {"office_id": SOURCE, "stage": "Proposed", "face_amount": "50000.00"},
    "investment_account": {"office_id": SOURCE, "account_name": "Brokerage", "account_value": "1000.01"},
    "liability": {"office_id": SOURCE, "lender": "Harbor Bank", "interest_rate": "6.250000"},
    "household": {"office_id": SOURCE, "name": "Harbor Family"},
    "household_member": {"role": "Head", "is_primary": True},
    "policy_beneficiary": {"designation": "Primary", "percentage": "50.0000"},
    "policy_contact": {"list_name": "Policy Advisor"},
    "pending_case_contact": {"list_name": "Policy Annuitant"},
    "investment_account_contact": {"list_name": "Interested Party"},
    "investment_position": {"symbol": "XYZ", "shares": "10.000001", "market_value": "500.00"},
    "smartpad_note": {"written_at": NOW, "body": "Called."},
    "activity": {"starts_at": NOW, "subject": "Review"},
    "letter": {"kind": "Letter", "sent_to_contact": True, "sent_at": NOW},
    "asset_allocation": {"asset_class": "Bonds", "percentage": "40.0000"},
    "account_performance": {"period_end": "2026-09-30", "return_pct": "1.2500"},
    "custom_field_value": {"entity": "contact", "field_name": "Charity", "value": "Shelter"},
    "contact_set": {"office_id": SOURCE, "name": "Moving"},
    "lead": {"office_id": SOURCE},
    "commission": {"amount": "10.00"},
}  # fmt: skip


@dataclass
class Decided:
    """A plan and what it was made from."""

    plan: TransferPlan
    rows: dict[str, pd.DataFrame]
    around: dict[str, pd.DataFrame]
    target: dict[str, pd.DataFrame]

    def of(self, entity: str) -> dict[str, tuple[str, str]]:
        """Decision and rule of each row of a table."""
        rows = self.plan.manifest[self.plan.manifest["entity"] == entity]
        return {row.entity_id: (row.decision, row.rule_id) for row in rows.itertuples()}

    def only(self, entity: str) -> tuple[str, str]:
        """Decision and rule of the only row of a table."""
        ((_, decided),) = self.of(entity).items()
        return decided

    def reason(self, entity: str, entity_id: object) -> str:
        rows = self.plan.manifest.set_index(["entity", "entity_id"])
        return str(rows.loc[(entity, str(entity_id)), "reason"])

    def fields(self) -> set[tuple[str, str, str, str]]:
        columns = self.plan.fields[["entity", "entity_id", "field", "rule_id"]]
        return set(columns.itertuples(index=False, name=None))

    def rebuilt(self, user_id: int = 2) -> TargetRows:
        """The target's rows of the plan; the new keys of each table are counted from `FIRST_KEY`."""
        keys = {
            entity: pd.Series(range(FIRST_KEY, FIRST_KEY + len(old)), index=sorted(old), dtype="int64")
            for entity, old in old_keys(self.plan).items()
        }
        return rebuild(self.rows, self.plan, keys, Arrival(TARGET, user_id, LATER))

    def arrived(self, entity: str) -> list[dict[str, Any]]:
        """The new rows of a table, null as None."""
        rows = self.rebuilt().get(entity, pd.DataFrame())
        return [
            {name: None if pd.isna(value) else value for name, value in row.items()}
            for row in rows.astype(object).to_dict("records")
        ]


@dataclass
class TwoOffices:
    """Rows of a CRM under construction."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in metadata.tables})

    def __post_init__(self) -> None:
        for name in ("Source", "Target", "Elsewhere"):
            self.add("office", name=name, status="Active")
        self.add("crm_user", user_name="mover", office_id=SOURCE, status="Enabled")
        self.add("crm_user", user_name="receiver", office_id=TARGET, status="Enabled")

    def add(self, table: str, **values: Any) -> int:
        """One row on top of the defaults; a key of its own is counted up where it is not given. Gives the key."""
        columns = metadata.tables[table].columns
        unknown = values.keys() - columns.keys()
        assert not unknown, f"{table} has no column {sorted(unknown)}"
        key = next(iter(metadata.tables[table].primary_key)).name
        stamp = {"modified_at": NOW} if "modified_at" in columns else {}
        given = stamp | DEFAULTS.get(table, {}) | values
        row: dict[str, Any] = dict.fromkeys(columns.keys()) | {key: len(self.rows[table]) + 1} | given
        self.rows[table].append(row)
        return row[key]

    def contact(self, **values: Any) -> int:
        return self.add("contact", **values)

    def twin_in_target(self, contact_id: int, **values: Any) -> int:
        """The same person in the target office."""
        person = next(row for row in self.rows["contact"] if row["contact_id"] == contact_id)
        identity = {name: person[name] for name in ("first_name", "last_name", "birth_date", "tax_id")}
        return self.contact(**{**identity, "office_id": TARGET, "assigned_user_id": 2, **values})

    def policy(self, contact_id: int | None, **values: Any) -> int:
        return self.add("policy", primary_contact_id=contact_id, **values)

    def account(self, contact_id: int | None, **values: Any) -> int:
        return self.add("investment_account", primary_contact_id=contact_id, **values)

    def relate(self, contact_id: int, related_contact_id: int, **values: Any) -> int:
        return self.add("key_relation", contact_id=contact_id, related_contact_id=related_contact_id, **values)

    def product(self, **values: Any) -> int:
        if not self.rows["carrier"]:
            self.add("carrier")
        return self.add("product", **values)

    def home(self, head: int, **members: int) -> int:
        """A household of the head and others by role."""
        household_id = self.add("household", head_contact_id=head)
        for role, contact_id in {"head": head, **members}.items():
            self.add("household_member", household_id=household_id, contact_id=contact_id, role=role.title())
        return household_id

    def write(self, url: str, tables_are_there: bool = False) -> None:
        """Make the tables at ``url`` and fill them."""
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            if not tables_are_there:
                metadata.create_all(connection)
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET session_replication_role = replica")  # rows come in any order
            for table in metadata.sorted_tables:
                names = list(table.columns.keys())
                marks = ", ".join(["?" if connection.dialect.name == "sqlite" else "%s"] * len(names))
                statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"
                for row in self.rows[table.name]:
                    connection.exec_driver_sql(statement, tuple(row[name] for name in names))
        engine.dispose()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """The rows in a database of SQLite."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "crm.db"
            path.write_bytes(_empty_database())
            url = f"sqlite:///{path}"
            self.write(url, tables_are_there=True)
            with Snapshot(url, readers=1) as snapshot:
                yield snapshot

    def planned(
        self,
        contact_ids: Iterable[int],
        left_out: Iterable[tuple[int, str, str]] = (),
        known: pd.DataFrame = NOTHING_KNOWN,
        there: TwoOffices | None = None,
        **request: Any,
    ) -> Decided:
        """A transfer of these contacts from office 1 to office 2, planned from what the database gives.

        ``there``: the book of the target's database, where that is another one.
        """
        outside = pd.DataFrame(list(left_out), columns=["contact_id", "rule_id", "reason"])
        outside = outside.astype({"contact_id": "Int64", "rule_id": "str", "reason": "str"})
        with self.snapshot() as snapshot, there.snapshot() if there else contextlib.nullcontext(snapshot) as theirs:
            rows = extract.read_rows(snapshot, contact_ids, known)
            around = extract.read_surroundings(snapshot, rows)
            target = extract.read_target(theirs, TARGET)
        made = plan(Selection(SOURCE, TARGET, left_out=outside, **request), rows, around, target, known)
        return Decided(made, rows, around, target)


@functools.cache
def _empty_database() -> bytes:
    """A file of SQLite with the tables of the CRM."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    metadata.create_all(engine)
    with engine.connect() as connection:
        content: bytes = connection.connection.driver_connection.serialize()
    engine.dispose()
    return content


def known(**ids: dict[int, int]) -> pd.DataFrame:
    """An id map: ``known(contact={1: 20})``."""
    rows = [(entity, str(old), str(new)) for entity, pairs in ids.items() for old, new in pairs.items()]
    return pd.DataFrame(rows, columns=["entity", "source_id", "target_id"]).astype("str")
