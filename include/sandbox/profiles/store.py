"""What Profiles keeps: households, their cases with documents, and the tokens handed out."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from include.sandbox.common.database import Database, Row, batches
from include.sandbox.common.sessions import Sessions
from include.sandbox.common.wire import as_timestamp, dump
from include.sandbox.profiles.document import complete_document

APPLICATION = 0x50524F46
SCHEMA = """
CREATE TABLE IF NOT EXISTS households (
  household_id INTEGER PRIMARY KEY AUTOINCREMENT, external_source_id TEXT, first_name TEXT NOT NULL,
  last_name TEXT NOT NULL, birth_date TEXT NOT NULL, first_key TEXT NOT NULL, last_key TEXT NOT NULL,
  visible_at REAL NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS households_by_source ON households (external_source_id);
CREATE INDEX IF NOT EXISTS households_by_name ON households (last_key, first_key, birth_date);
CREATE TABLE IF NOT EXISTS cases (
  case_id INTEGER PRIMARY KEY AUTOINCREMENT, household_id INTEGER NOT NULL REFERENCES households, name TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'closed', version INTEGER NOT NULL DEFAULT 1, opened_by TEXT, opened_at TEXT,
  document BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS cases_by_household ON cases (household_id);
"""
FOUND = """SELECT h.household_id, h.external_source_id, h.first_name, h.last_name, h.birth_date,
  c.case_id, c.name, c.state, c.version
  FROM households h LEFT JOIN cases c ON c.household_id = h.household_id """
CASE = "SELECT case_id, household_id, name, state, version, opened_by, opened_at, document FROM cases WHERE case_id = ?"
ADD_HOUSEHOLD = """INSERT INTO households (household_id, external_source_id, first_name, last_name, birth_date,
  first_key, last_key, visible_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
ADD_CASE = "INSERT INTO cases (case_id, household_id, name, document) VALUES (?, ?, ?, ?)"


@dataclass(frozen=True)
class Case:
    case_id: int
    household_id: int
    name: str
    state: str
    version: int
    opened_by: str | None
    opened_at: str | None
    document: bytes

    def body(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "caseId": str(self.case_id),
            "householdId": str(self.household_id),
            "name": self.name,
            "state": self.state,
            "version": self.version,
            "openedBy": self.opened_by,
            "openedAt": self.opened_at,
            "document": orjson.Fragment(self.document),
        }


class CaseIsOpen(Exception):
    """The case cannot be written now; carries the case."""

    def __init__(self, case: Case) -> None:
        super().__init__(case.case_id)
        self.case = case


class VersionMoved(Exception):
    """The case has another version than the writer thinks."""


def name_key(name: str) -> str:
    return name.casefold()


def _identity(document: dict[str, Any]) -> tuple[str, str, str, str, str]:
    client = document["clientA"]
    first, last = client["firstName"], client["lastName"]
    return first, last, client["birthDate"], name_key(first), name_key(last)


class Store:
    """The whole state in one SQLite file; every write is one transaction."""

    def __init__(self, path: Path, search_lag: float = 0.0, clock: Callable[[], float] = time.time) -> None:
        self.database = Database(path, SCHEMA, APPLICATION)
        self.search_lag = search_lag
        self.clock = clock
        self.sessions = Sessions(self.database, clock)

    def find_exact(self, last_name: str, first_name: str, birth_date: str) -> list[dict[str, Any]]:
        where = "WHERE h.last_key = ? AND h.first_key = ? AND h.birth_date = ? AND h.visible_at <= ?"
        return self._found(where, (name_key(last_name), name_key(first_name), birth_date, self.clock()))

    def find_last_name(self, last_name: str) -> list[dict[str, Any]]:
        return self._found("WHERE h.last_key = ? AND h.visible_at <= ?", (name_key(last_name), self.clock()))

    def find_source(self, external_source_id: str) -> list[dict[str, Any]]:
        return self._found("WHERE h.external_source_id = ? AND h.visible_at <= ?", (external_source_id, self.clock()))

    def household(self, household_id: int) -> dict[str, Any] | None:
        found = self._found("WHERE h.household_id = ?", (household_id,))
        return found[0] if found else None

    def page_of_households(self, prefix: str, page: int, rows: int) -> list[dict[str, Any]]:
        """Households whose last name begins with the prefix (any case), by name; one row more than a page may hold."""
        low, high = name_key(prefix), name_key(prefix) + "\U0010ffff"
        inner = "WHERE h.household_id IN (SELECT household_id FROM households WHERE last_key >= ? AND last_key < ? "
        tail = "ORDER BY last_key, first_key, household_id LIMIT ? OFFSET ?)"
        found = self._found(inner + tail, (low, high, rows + 1, (page - 1) * rows))
        return sorted(found, key=lambda h: (name_key(h["clientA"]["lastName"]), name_key(h["clientA"]["firstName"])))

    def _found(self, where: str, values: Row) -> list[dict[str, Any]]:
        """Households with their cases, in the shape that the API gives."""
        households: dict[int, dict[str, Any]] = {}
        for row in self.database.query(f"{FOUND}{where} ORDER BY h.household_id, c.case_id", values):
            household = households.get(row[0])
            if household is None:
                household = households[row[0]] = {
                    "householdId": str(row[0]),
                    "clientA": {"firstName": row[2], "lastName": row[3], "birthDate": row[4]},
                    "externalSourceId": row[1],
                    "cases": [],
                }
            if row[5] is not None:
                household["cases"].append({"caseId": str(row[5]), "name": row[6], "state": row[7], "version": row[8]})
        return list(households.values())

    def add_household(self, body: dict[str, Any], lag: float | None = None) -> tuple[int, int]:
        """(household id, case id) of a new household; body as in `POST /api/households`, already valid."""
        return self._add([body], self.clock() + (self.search_lag if lag is None else lag))[0]

    def add_households(self, bodies: Iterable[dict[str, Any]]) -> list[tuple[int, int]]:
        """Fill in bulk: bodies as in `POST /api/households`, not validated; (household id, case id) of each."""
        added: list[tuple[int, int]] = []
        for batch in batches(bodies):
            added += self._add(batch, 0.0)
        return added

    def _add(self, bodies: list[dict[str, Any]], visible_at: float) -> list[tuple[int, int]]:
        with self.database.write() as connection:
            household_id = self.database.next_id("households")
            case_id = self.database.next_id("cases")
            ids = [(household_id + place, case_id + place) for place in range(len(bodies))]
            households, cases = [], []
            for (new_household, new_case), body in zip(ids, bodies, strict=True):
                document = {name: value for name, value in body["case"].items() if name != "name"}
                identity = _identity(document)
                households.append((new_household, body.get("externalSourceId"), *identity, visible_at))
                cases.append((new_case, new_household, body["case"]["name"], dump(complete_document(document))))
            connection.executemany(ADD_HOUSEHOLD, households)
            connection.executemany(ADD_CASE, cases)
        return ids

    def add_case(self, household_id: int, name: str, document: dict[str, Any]) -> int | None:
        """The id of a new case; None where there is no such household."""
        with self.database.write() as connection:
            if not self.database.query("SELECT 1 FROM households WHERE household_id = ?", (household_id,)).fetchone():
                return None
            case_id = self.database.next_id("cases")
            connection.execute(ADD_CASE, (case_id, household_id, name, dump(complete_document(document))))
        return case_id

    def case(self, case_id: int) -> Case | None:
        row = self.database.query(CASE, (case_id,)).fetchone()
        return None if row is None else Case(*row)

    def replace(self, case: Case, version: str, document: dict[str, Any], *, even_open: bool = False) -> int:
        """The new version, after the document has replaced the old one whole.

        Raises CaseIsOpen (unless `even_open`: somebody types into the open case) and VersionMoved, both judged now.
        """
        with self.database.write() as connection:
            now = self.case(case.case_id)
            if now is None:
                raise VersionMoved
            if now.state == "open" and not even_open:
                raise CaseIsOpen(now)
            if str(now.version) != version:
                raise VersionMoved
            connection.execute(
                "UPDATE cases SET document = ?, version = version + 1 WHERE case_id = ?",
                (dump(complete_document(document)), now.case_id),
            )
            identity = _identity(document)
            connection.execute(
                "UPDATE households SET first_name = ?1, last_name = ?2, birth_date = ?3, first_key = ?4, last_key = ?5 "
                "WHERE household_id = ?6 AND (first_name, last_name, birth_date) != (?1, ?2, ?3)",
                (*identity, now.household_id),
            )
        return now.version + 1

    def set_open(self, case_id: int, opened_by: str | None) -> None:
        """Open the case for somebody, or close it (None)."""
        state, opened_at = ("closed", None) if opened_by is None else ("open", as_timestamp(self.clock()))
        with self.database.write() as connection:
            connection.execute(
                "UPDATE cases SET state = ?, opened_by = ?, opened_at = ? WHERE case_id = ?",
                (state, opened_by, opened_at, case_id),
            )

    def describe(self) -> dict[str, Any]:
        """Everything: households with whole cases."""
        households = self._found("", ())
        cases = {str(row[0]): Case(*row).body() for row in self.database.query(CASE.replace("WHERE case_id = ?", ""))}
        for household in households:
            household["cases"] = [cases[case["caseId"]] for case in household["cases"]]
        return {"vendor": "profiles", "households": households}

    def reset(self) -> None:
        self.database.empty("cases", "households")
