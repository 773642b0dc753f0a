"""What Profiles keeps: households and their cases with documents."""

import time

import orjson

from include.sandbox.common.store import LAST_CHARACTER, VendorStore
from include.sandbox.common.wire import Json, as_timestamp, dump

# A household as the API shows it.
HOUSEHOLD = """SELECT json_object('householdId', CAST(household_id AS TEXT),
  'clientA', json_object('firstName', first_name, 'lastName', last_name, 'birthDate', birth_date),
  'externalSourceId', external_source_id,
  'cases', json((SELECT json_group_array(json_object('caseId', CAST(case_id AS TEXT), 'name', name, 'state', state,
    'version', version)) FROM (SELECT case_id, name, state, version FROM cases
    WHERE cases.household_id = households.household_id ORDER BY case_id))))
  FROM households """
# A case as the API shows it, but for the document, which is JSON.
CASE = """SELECT CAST(case_id AS TEXT) AS caseId, CAST(household_id AS TEXT) AS householdId, name, state, version,
  opened_by AS openedBy, opened_at AS openedAt, document FROM cases """
ADD_HOUSEHOLD = """INSERT INTO households (external_source_id, first_name, last_name, birth_date, first_key, last_key,
  visible_at) VALUES (?, ?, ?, ?, ?, ?, ?)"""
ADD_CASE = "INSERT INTO cases (household_id, name, document) VALUES (?, ?, ?)"


class CaseIsOpen(Exception):
    """The case cannot be written now; carries the case."""

    def __init__(self, case: Json) -> None:
        super().__init__(case["caseId"])
        self.case = case


class VersionMoved(Exception):
    """The case has another version than the writer thinks."""


def _identity(document: Json) -> tuple[str, str, str, str, str]:
    """The searched columns of a household, in the order of the statements."""
    client = document["clientA"]
    first, last = client["firstName"], client["lastName"]
    return first, last, client["birthDate"], first.casefold(), last.casefold()


class Store(VendorStore):
    """Every write is one transaction. Documents that come in are valid and whole."""

    schema = """
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
    application = 0x50524F46
    tables = ("cases", "households")

    def find_exact(self, last_name: str, first_name: str, birth_date: str) -> list[Json]:
        names = (last_name.casefold(), first_name.casefold(), birth_date)
        return self._visible("last_key = ? AND first_key = ? AND birth_date = ?", *names)

    def find_last_name(self, last_name: str) -> list[Json]:
        return self._visible("last_key = ?", last_name.casefold())

    def find_source(self, external_source_id: str) -> list[Json]:
        return self._visible("external_source_id = ?", external_source_id)

    def household(self, household_id: int) -> Json | None:
        found = self._households("WHERE household_id = ?", household_id)
        return found[0] if found else None

    def page(self, prefix: str, page: int, rows: int) -> list[Json]:
        """Households whose last name begins with the prefix (any case), by name; one row more than a page may hold."""
        low = prefix.casefold()
        where = "WHERE last_key >= ? AND last_key < ? ORDER BY last_key, first_key, household_id LIMIT ? OFFSET ?"
        return self._households(where, low, low + LAST_CHARACTER, rows + 1, (page - 1) * rows)

    def _visible(self, condition: str, *values: object) -> list[Json]:
        where = f"WHERE {condition} AND visible_at <= ? ORDER BY household_id"
        return self._households(where, *values, time.time())

    def _households(self, where: str, *values: object) -> list[Json]:
        return [orjson.loads(row[0]) for row in self.database.query(HOUSEHOLD + where, values)]

    def add_household(self, key: str | None, case: Json, lag: float | None = None) -> tuple[int, int]:
        """(household id, case id) of a new household with its first case."""
        with self.database.write():
            household_id = self.database.add(ADD_HOUSEHOLD, key, *_identity(case), self.visible_at(lag))
            return household_id, self.add_case(household_id, case)

    def add_case(self, household_id: int, case: Json) -> int:
        """The id of a new case of a household that is there; `case` is the document with the name of the case."""
        document = {name: value for name, value in case.items() if name != "name"}
        return self.database.add(ADD_CASE, household_id, case["name"], dump(document))

    def case(self, case_id: int) -> Json | None:
        found = self.database.rows(CASE + "WHERE case_id = ?", [case_id])
        return found[0] if found else None

    def replace(self, case: Json, version: str, document: Json, *, even_open: bool = False) -> int:
        """The new version, after the document has replaced the old one whole.

        Raises CaseIsOpen (unless `even_open`: somebody types into the open case) and VersionMoved, both judged now.
        """
        with self.database.write() as connection:
            now = self.case(int(case["caseId"]))
            if now is None:
                raise VersionMoved
            if now["state"] == "open" and not even_open:
                raise CaseIsOpen(now)
            if str(now["version"]) != version:
                raise VersionMoved
            connection.execute(
                "UPDATE cases SET document = ?, version = version + 1 WHERE case_id = ?",
                (dump(document), now["caseId"]),
            )
            connection.execute(
                "UPDATE households SET first_name = ?1, last_name = ?2, birth_date = ?3, first_key = ?4, last_key = ?5 "
                "WHERE household_id = ?6 AND (first_name, last_name, birth_date) != (?1, ?2, ?3)",
                (*_identity(document), now["householdId"]),
            )
        return int(now["version"]) + 1

    def set_open(self, case: Json, opened_by: str | None) -> None:
        """Open the case for somebody, or close it (None)."""
        state, opened_at = ("closed", None) if opened_by is None else ("open", as_timestamp(time.time()))
        self.database.change(
            "UPDATE cases SET state = ?, opened_by = ?, opened_at = ? WHERE case_id = ?",
            *(state, opened_by, opened_at, case["caseId"]),
        )

    def describe(self) -> Json:
        """Households with whole cases."""
        cases = {case["caseId"]: whole(case) for case in self.database.rows(CASE)}
        households = self._households("ORDER BY household_id")
        for household in households:
            household["cases"] = [cases[case["caseId"]] for case in household["cases"]]
        return {"households": households}


def whole(case: Json) -> Json:
    """The case with its document as the API shows it."""
    return {**case, "document": orjson.Fragment(case["document"])}
