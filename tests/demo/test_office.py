"""The content of the demo office: the same for a seed, complete, plausible, invented."""

import hashlib
import json
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, insert, inspect, select, text

from etl.schema import contact, metadata
from include.demo import DemoError, build_office
from include.demo.database import connect
from include.demo.draft import stamp
from include.demo.names import FORMULA_NAME, MARKUP_NAME
from tests.demo.conftest import DemoOffice
from tests.demo.crm import word
from tests.demo.oracle import ACCOUNT_TYPES, HOW_HELD


def digest(url: str) -> str:
    """One hash of every row of every table."""
    engine = create_engine(url)
    content = hashlib.sha256()
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table).order_by(*table.primary_key.columns)):
                content.update(repr(tuple(row)).encode())
    engine.dispose()
    return content.hexdigest()


def build(folder: Path, name: str, **arguments: Any) -> tuple[str, str]:
    """The hash of the content, and the text of the list of broken rules."""
    url = f"sqlite:///{folder / name}"
    summary = build_office(url, **{"households": 90, **arguments})
    return digest(url), summary.breaks_path.read_text()


def test_the_same_seed_and_size_give_the_same_office_on_any_day(tmp_path: Path, time_machine: Any) -> None:
    time_machine.move_to("2026-11-20 09:00")
    first = build(tmp_path, "first.db")
    time_machine.move_to("2031-02-03 23:59")
    assert build(tmp_path, "second.db") == first


@pytest.mark.parametrize("other", [{"seed": 8}, {"households": 91}, {"today": date(2027, 1, 4)}], ids=str)
def test_another_seed_size_or_day_gives_another_office(tmp_path: Path, other: dict[str, Any]) -> None:
    assert build(tmp_path, "first.db")[0] != build(tmp_path, "second.db", **other)[0]


def test_an_office_has_exactly_the_households_asked_for(office: DemoOffice, tmp_path: Path) -> None:
    assert office.summary.counts["household"] == 400
    for households in (1, 7, 90):
        counts = build_office(f"sqlite:///{tmp_path / str(households)}.db", households).counts
        assert counts["household"] == households


def test_foreign_keys_hold_on_sqlite(office: DemoOffice) -> None:
    with office.engine.connect() as connection:
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []


def test_postgresql_takes_the_office_with_its_foreign_keys(postgres_office: DemoOffice) -> None:
    keys = [key for table in metadata.tables for key in inspect(postgres_office.engine).get_foreign_keys(table)]
    assert len(keys) == sum(len(table.foreign_keys) for table in metadata.tables.values())
    assert postgres_office.summary.counts["household"] == 400


def test_both_databases_hold_the_same_office(office: DemoOffice, postgres_office: DemoOffice) -> None:
    """A market value that is no number on PostgreSQL is negative on SQLite; all else is equal."""
    for name, rows in office.crm.rows.items():
        twins = postgres_office.crm.rows[name]
        key = tuple(column.name for column in metadata.tables[name].primary_key.columns)
        by_key = {tuple(row[each] for each in key): row for row in twins}
        assert len(by_key) == len(rows)
        for row in rows:
            twin = by_key[tuple(row[each] for each in key)]
            if name == "investment_position" and not twin["market_value"].is_finite():
                assert row["market_value"] < 0
                twin = {**twin, "market_value": row["market_value"]}
            assert twin == row


def test_indexes_are_those_of_the_schema(office: DemoOffice, postgres_office: DemoOffice) -> None:
    for built in (office, postgres_office):
        for table in metadata.sorted_tables:
            made = {index["name"] for index in inspect(built.engine).get_indexes(table.name)}
            assert {index.name for index in table.indexes} <= made


def test_dates_on_sqlite_are_stored_as_sqlalchemy_stores_them(office: DemoOffice, tmp_path: Path) -> None:
    """A row written by SQLAlchemy's own types has the same text in it as a generated one."""
    row = next(row for row in office.crm.rows["contact"] if row["birth_date"] and row["annual_salary"])
    engine = create_engine(f"sqlite:///{tmp_path / 'twin.db'}")
    metadata.create_all(engine)
    raw = text(
        f"SELECT *, typeof(annual_salary), typeof(is_deceased) FROM contact WHERE contact_id = {row['contact_id']}"
    )
    with engine.begin() as connection:
        connection.execute(insert(contact), row)
        written = connection.execute(raw).one()
    with office.engine.connect() as connection:
        assert connection.execute(raw).one() == written


def test_nobody_in_the_office_is_real(office: DemoOffice) -> None:
    rows = office.crm.rows
    assert all(re.fullmatch(r"\(\d{3}\) 555-01\d\d", row["number"]) for row in rows["contact_phone"])
    hosts = {row["address"].rpartition("@")[2] for row in rows["contact_email"] if "@" in row["address"]}
    assert hosts <= {"example.com", ""}
    tax_ids = [row["tax_id"] for row in rows["contact"] if row["tax_id"]]
    assert all(re.fullmatch(r"900-\d\d-\d{4}", each) for each in tax_ids)
    assert len(set(tax_ids)) == len(tax_ids)


def test_volumes_are_those_of_a_real_agency(office: DemoOffice) -> None:
    counts = office.summary.counts
    per_household = {name: counts[name] / 400 for name in counts}
    assert 2.2 <= per_household["household_member"] <= 3.0
    assert 3.0 <= per_household["investment_account"] <= 4.2
    assert 7.0 <= per_household["investment_position"] <= 12.0
    assert 0.4 <= per_household["liability"] <= 0.9
    assert 1.2 <= per_household["policy"] <= 2.0
    assert all(counts.get(name) for name in metadata.tables), "every table of the CRM has rows"


def test_positions_add_up_to_the_account_value(office: DemoOffice) -> None:
    crm = office.crm
    off = [
        row["account_id"]
        for row in crm.rows["investment_account"]
        if (held := crm.positions[row["account_id"]])
        and abs(sum(each["market_value"] for each in held)) != abs(row["account_value"])
    ]
    negative = [row for row in crm.rows["investment_position"] if row["market_value"] < 0]
    assert set(off) == {row["account_id"] for row in negative}


def test_parents_are_older_than_their_children(office: DemoOffice) -> None:
    contacts = office.crm.contacts
    children = [
        row
        for row in office.crm.rows["key_relation"]
        if row["relation"] in ("Son", "Daughter", "Stepson", "Stepdaughter")
    ]
    births = [
        (contacts[row["contact_id"]]["birth_date"], contacts[row["related_contact_id"]]["birth_date"])
        for row in children
    ]
    ages = [(child - parent).days / 365.25 for parent, child in births if parent and child and parent.year < 2020]
    assert len(ages) > 200
    assert min(ages) > 17
    assert max(ages) < 50


def test_every_account_type_and_how_held_occurs(office: DemoOffice) -> None:
    accounts = office.crm.rows["investment_account"]
    assert not ACCOUNT_TYPES - {word(row["account_type"]) for row in accounts}
    assert not HOW_HELD - {word(row["how_held"]) for row in accounts}


def test_policies_of_every_type_and_status_occur(office: DemoOffice) -> None:
    policies = office.crm.rows["policy"]
    products = office.crm.products
    types = {products[row["product_id"]]["insurance_type"] for row in policies if row["product_id"]}
    assert types >= {"Life", "Disability", "LTC", "Annuity", "Auto", "Homeowner", "Medical", "Umbrella"}
    statuses = Counter(word(row["status"]) for row in policies)
    assert statuses["inforce"] > statuses["inforce, but not administered"] > 0
    assert statuses["lapsed"]
    assert statuses["surrendered"]


def test_products_of_the_parent_office_are_sold_in_branches(office: DemoOffice) -> None:
    sold = {
        (row["office_id"], office.crm.products[row["product_id"]]["office_id"])
        for row in office.crm.rows["policy"]
        if row["product_id"]
    }
    assert {(1, 1), (2, 1), (3, 1), (2, 2), (3, 3)} <= sold
    assert (1, 2) not in sold
    assert (2, 3) not in sold


def test_users_lack_one_license_each_and_clients_are_assigned_to_them(office: DemoOffice) -> None:
    rows = office.crm.rows
    rights: dict[int, set[str]] = {}
    for row in rows["user_right"]:
        rights.setdefault(row["user_id"], set()).add(row["right_name"])
    users = {row["user_name"]: row for row in rows["crm_user"]}
    vendor_rights = {"Profiles Professional - Web", "eMoney", "Policy Tracking", "Investment Tracking"}
    vendor_rights |= {"Pending Case & Policy Setup Administrator"}
    lacking = {name: vendor_rights - rights[row["user_id"]] for name, row in users.items()}
    assert lacking["service"] == lacking["former"] == lacking["main.morgan"] == set()
    assert lacking["no.emoney"] == {"eMoney"}
    assert lacking["no.profiles"] == {"Profiles Professional - Web"}
    assert lacking["no.investments"] == {"Investment Tracking"}
    assert lacking["no.policies"] == {"Policy Tracking"}
    assert users["former"]["status"] == "Disabled"
    heads = Counter(
        office.crm.contacts[client_id]["assigned_user_id"] for _, _, client_id in office.crm.units() if client_id
    )
    for name in ("no.emoney", "no.profiles", "no.investments", "no.policies", "former", "main.chen"):
        assert heads[users[name]["user_id"]] >= 3, name
    assert heads[None] >= 3


def test_names_and_labels_are_messy_but_legal(office: DemoOffice) -> None:
    contacts = office.crm.rows["contact"]
    names = [(row["first_name"], row["last_name"]) for row in contacts]
    warned = {entry["entity_id"] for entry in json.loads(office.summary.breaks_path.read_text())}
    assert any(row["contact_id"] in warned for row in contacts if row["first_name"] == MARKUP_NAME[0])
    assert MARKUP_NAME in names
    assert FORMULA_NAME in names
    assert any("'" in (last or "") for _, last in names)
    assert any(not (first or "").isascii() for first, _ in names)
    roles = [row["role"] for row in office.crm.rows["household_member"] if row["role"]]
    assert any("\u00a0" in role for role in roles)
    assert any(role.isupper() for role in roles)


def test_nothing_was_changed_after_the_day_before(office: DemoOffice) -> None:
    latest = max(row["modified_at"] for row in office.crm.rows["contact"])
    assert "2026-11-19" <= stamp(latest) < "2026-11-20"


def test_a_database_with_tables_is_left_alone_unless_overwrite_is_set(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    build_office(url, 5)
    before = digest(url)
    with pytest.raises(DemoError, match=r"not empty.*--overwrite"):
        build_office(url, 6)
    assert digest(url) == before
    build_office(url, 6, overwrite=True)
    assert digest(url) == build(tmp_path, "fresh.db", households=6)[0]


def test_only_its_owner_can_read_a_new_database(tmp_path: Path) -> None:
    connect(f"sqlite:///{tmp_path / 'crm.db'}").dispose()
    assert (tmp_path / "crm.db").stat().st_mode & 0o777 == 0o600
