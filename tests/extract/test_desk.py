"""What the desk asks of the CRM: a user with offices, households and persons by what somebody types."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from etl.extract.desk import FoundUnit, read_crm_user, search_units
from etl.extract.source import Snapshot
from tests.run_book import SmallCrm


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def snapshot(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_url: Callable[[], str]
) -> Iterator[Snapshot]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path_factory.mktemp('crm') / 'crm.db'}" if is_sqlite else postgres_url()
    crm = SmallCrm(url)
    crm.insert("office", office_id=2, name="Lakeside", parent_office_id=1, status="Active")
    crm.insert("office", office_id=3, name="Pier", parent_office_id=2, status="Active")
    for user_id, (name, status) in enumerate(
        {"morgan": "Enabled", "gone": "Disabled", " odd ": "ENABLED "}.items(), 11
    ):
        crm.insert("crm_user", user_id=user_id, office_id=2, user_name=name, status=status)
    people = {31: ("Zoë", "Äster", 2), 32: ("Robin", "Birch", 2), 33: ("100%", "Alone", 3)}
    for contact_id, (first, last, office_id) in people.items():
        kind = {"record_type": "Contact", "subsystem_type": "Contact", "contact_type": "Client"}
        crm.insert("contact", contact_id=contact_id, first_name=first, last_name=last, office_id=office_id, **kind)
    crm.insert("household", household_id=5, office_id=2, name="The Birches", head_contact_id=32)
    for contact_id in (31, 32):
        crm.insert("household_member", household_id=5, contact_id=contact_id, role="Head", is_primary=True)
    crm.engine.dispose()
    with Snapshot(url if is_sqlite else url.replace("postgresql+psycopg://", "postgresql://"), readers=1) as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "is_enabled", "offices"),
    [("service", True, {1, 2, 3}), ("morgan", True, {2, 3}), ("gone", False, {2, 3}), ("odd", True, {2, 3})],
)
def test_a_user_may_see_their_office_and_those_below(
    snapshot: Snapshot, name: str, is_enabled: bool, offices: set[int]
) -> None:
    user = read_crm_user(snapshot, name)
    assert user is not None
    assert (user.is_enabled, user.offices) == (is_enabled, offices)


def test_nobody_is_found_by_a_name_that_no_user_has(snapshot: Snapshot) -> None:
    assert [read_crm_user(snapshot, name) for name in ("MORGAN", "", "%", "' OR 1=1 --")] == [None] * 4


BIRCHES, ALONE = FoundUnit("H5", "The Birches"), FoundUnit("C33", "100% Alone")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("birches", [BIRCHES]), ("H5", [BIRCHES]), ("5", [BIRCHES]), ("c33", [ALONE]), ("33", [ALONE]),
        ("100%", [ALONE]), ("alone", [ALONE]), ("%", [ALONE]), ("_", []), ("", []), ("h99", []), ("9" * 30, []),
        ("robin birch", [FoundUnit("H5", "The Birches", ("Robin Birch",))]),
        ("31", [FoundUnit("H5", "The Birches", ("Zoë Äster",))]),
        ("Zoë", [FoundUnit("H5", "The Birches", ("Zoë Äster",))]),
        ("äster", [FoundUnit("H5", "The Birches", ("Zoë Äster",))]),
    ],
)  # fmt: skip
def test_units_are_found_by_name_key_or_contact(snapshot: Snapshot, text: str, found: list[FoundUnit]) -> None:
    assert search_units(snapshot, None, text) == found


def test_a_search_stays_in_the_offices_and_within_its_bound(snapshot: Snapshot) -> None:
    assert search_units(snapshot, {3}, "birch") == []
    assert search_units(snapshot, {2}, "birches") == [BIRCHES]
    assert len(search_units(snapshot, None, "o", limit=1)) == 1
