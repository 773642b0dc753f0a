"""Whatever a database can hold in a cell: either a value, or a finding that names table, column and key.

Every column that a run reads meets every kind of value, each in a couple of its own, and the whole book is read at
once: nobody else may notice.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from etl import schema
from etl.extract import shard
from tests.extract.odd_book import Cell, Read, build, id_of, key_in_words, read

# A kind of value in SQL, and the plain value that it stands for in a column of each type; UNREADABLE: none.
UNREADABLE = "unreadable"
FAMILIES = (
    (sa.Boolean, "yes/no"), (sa.DateTime, "moment"), (sa.Date, "date"), (sa.Integer, "key"), (sa.Numeric, "number"),
    (sa.String, "text"),
)  # fmt: skip
NO_VALUE = dict.fromkeys(("yes/no", "moment", "date", "key", "number"), "NULL")
ON_SQLITE: dict[str, dict[str, str]] = {
    "NULL": {**NO_VALUE, "text": "NULL"},
    "''": {**NO_VALUE, "text": "''"},
    "' '": {**NO_VALUE, "text": "' '"},
    "7": {"yes/no": "1", "key": "7", "number": "7", "text": "'7'"},
    "1.5": {"number": "1.5", "text": "'1.5'"},
    "9223372036854775807": {"yes/no": "1", "key": "9223372036854775807", "text": "'9223372036854775807'"},
    "-9223372036854775807 - 1": {"yes/no": "1", "text": "'-9223372036854775808'"},
    "1e300": {"text": "'1.0e+300'"},
    "9e999": {"text": "'Inf'"},
    "'N/A'": {"text": "'N/A'"},
    "'TRUE'": {"yes/no": "1", "text": "'TRUE'"},
    "'20231-01-01'": {"text": "'20231-01-01'"},
    "'0000-01-01'": {"text": "'0000-01-01'"},
    "'2020-02-29 10:00:00'": {
        "moment": "'2020-02-29 10:00:00'", "date": "'2020-02-29'", "text": "'2020-02-29 10:00:00'",
    },
    "x'416E6E'": {"text": "'Ann'"},
    "x'4AE9'": {},
    "CAST(x'4AE9' AS TEXT)": {},
}  # fmt: skip
ON_POSTGRESQL: dict[str, dict[str, str]] = {
    "NULL": {**NO_VALUE, "text": "NULL"},
    "'infinity'": {"text": "'infinity'"},
    "'-infinity'": {"text": "'-infinity'"},
    "'20231-01-01'": {"text": "'20231-01-01'"},
    "'0044-03-15 BC'": {"text": "'0044-03-15 BC'"},
    "'NaN'": {"text": "'NaN'"},
    "1e30": {"text": "'1e30'"},
    "-1e30": {"text": "'-1e30'"},
    "1e-30": {"number": "0", "text": "'1e-30'"},
    "9223372036854775807": {"key": "9223372036854775807", "text": "'9223372036854775807'"},
    "-9223372036854775808": {"text": "'-9223372036854775808'"},
}
# What PostgreSQL lets into a column of each type.
FITS = {
    "yes/no": {"NULL"},
    "moment": {"NULL", "'infinity'", "'-infinity'", "'20231-01-01'", "'0044-03-15 BC'"},
    "date": {"NULL", "'infinity'", "'-infinity'", "'20231-01-01'", "'0044-03-15 BC'"},
    "key": {"NULL", "9223372036854775807", "-9223372036854775808"},
    "number": {"NULL", "'NaN'", "'infinity'", "'-infinity'", "1e30", "-1e30", "1e-30"},
    "text": {"NULL", "'infinity'"},
}
READ: dict[str, tuple[str, ...]] = {
    "household": ("household_id", "name", "head_contact_id", "office_id", "deleted_at"),
    "household_member": shard._MEMBER,
    "key_relation": shard._RELATION,
    "contact_address": shard._ADDRESS,
    "contact_phone": shard._PHONE,
    "contact_email": shard._EMAIL,
    "contact": shard._CONTACT,
    "investment_account": shard._ACCOUNT,
    "investment_position": shard._POSITION,
    "liability": shard._LIABILITY,
    "policy": shard._POLICY,
    "policy_beneficiary": shard._BENEFICIARY,
    "product": shard._PRODUCT,
    "carrier": shard._CARRIER,
    **{table.name: names for table, names in shard._SMALL.items()},
}
UNTOUCHED = 20
# Figures of records that go without them: nobody is told, for nothing is lost.
NOT_SENT = {("policy", "gross_cash_value")}
OWN_RULES = {"ACC-MONEY", "LIA-TERM"}


def family(table: str, column: str) -> str:
    kind = schema.metadata.tables[table].c[column].type
    return next(name for of, name in FAMILIES if isinstance(kind, of))


def meaning(table: str, column: str, stands_for: dict[str, str]) -> str:
    """The plain value that a cell of this column stands for."""
    plain = stands_for.get(family(table, column), UNREADABLE)
    of_table = schema.metadata.tables[table]
    is_asked_for = of_table.c[column].primary_key or column in schema.FOUND_BY.get(of_table, ())
    must_be_there = is_asked_for and not of_table.c[column].nullable
    if (table, column) == ("office", "name") and plain == UNREADABLE:
        return "NULL"  # a name for the stewards' eyes only
    return UNREADABLE if plain == "NULL" and must_be_there else plain


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def books(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_url: Callable[[], str]
) -> tuple[dict[Cell, tuple[str, str]], Read, Read]:
    """The cells with their value and what it stands for; the book with them, and the book with the plain values."""
    is_sqlite = request.param == "sqlite"
    kinds = ON_SQLITE if is_sqlite else ON_POSTGRESQL
    cases = [
        (table, column, value, meaning(table, column, stands_for))
        for table, columns in READ.items()
        for column in columns
        for value, stands_for in kinds.items()
        if is_sqlite or value in FITS[family(table, column)]
    ]
    cells = {
        Cell(table, column, number): (value, plain)
        for number, (table, column, value, plain) in enumerate(cases, UNTOUCHED)
    }
    plain = {cell: plain for cell, (_, plain) in cells.items() if plain != UNREADABLE}
    folder: Path = tmp_path_factory.mktemp("matrix")
    urls = [f"sqlite:///{folder / name}.db" if is_sqlite else postgres_url() for name in ("odd", "plain")]
    build(urls[0], UNTOUCHED + len(cells), {cell: value for cell, (value, _) in cells.items()})
    build(urls[1], UNTOUCHED + len(cells), plain)
    return cells, read(urls[0]), read(urls[1])


def test_a_cell_with_a_meaning_goes_as_the_plain_value_that_it_stands_for(books: Any) -> None:
    cells, odd, plain = books
    assert len(cells) > 300
    for cell, (value, stands_for) in cells.items():
        if stands_for != UNREADABLE:
            for vendor in ("profiles", "emoney"):
                at = (vendor, cell.unit_key)
                assert odd.documents.get(at) == plain.documents.get(at), (cell, value)
                assert odd.findings.get(at) == plain.findings.get(at), (cell, value)


def test_a_cell_that_cannot_be_read_is_named_by_table_column_and_key_and_holds_its_household(books: Any) -> None:
    cells, odd, _ = books
    unreadable = {cell: value for cell, (value, stands_for) in cells.items() if stands_for == UNREADABLE}
    assert unreadable
    assert [(cell, value) for cell, value in unreadable.items() if not is_told(cell, odd)] == []


def is_told(cell: Cell, book: Read) -> bool:
    if cell.column in schema.FOUND_BY.get(schema.metadata.tables[cell.table], ()):
        strays = book.strays[book.strays["entity"] == cell.table]
        if strays["field"].str.contains(cell.column).any():
            return True
    if (cell.table, cell.column) in NOT_SENT:
        return ("profiles", cell.unit_key) not in book.held
    if family(cell.table, cell.column) == "number" and cell.table != "contact":
        found = book.findings.get(("profiles", cell.unit_key), set()) | book.findings.get(
            ("emoney", cell.unit_key), set()
        )
        return any(rule in OWN_RULES and number == id_of(cell.number) for rule, _, number, _ in found)
    return all(
        (vendor, cell.unit_key) in book.held
        and any(
            rule == "SCP-CELL" and f"{cell.table}.{cell.column} of " in message and key_in_words(cell) in message
            for rule, _, _, message in book.findings[vendor, cell.unit_key]
        )
        for vendor in ("profiles", "emoney")
    )


def test_nobody_else_notices(books: Any) -> None:
    _, odd, plain = books
    for number in range(UNTOUCHED):
        for vendor in ("profiles", "emoney"):
            at = (vendor, f"H{id_of(number)}")
            assert odd.documents[at] == plain.documents[at]
            assert at not in odd.held
