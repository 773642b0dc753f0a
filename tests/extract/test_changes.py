"""Which units the rows' own stamps make due (SCP-4), on both databases, whatever a stamp holds (SCP-CLOCK)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import schema
from etl.extract.census import Census, take_census
from etl.extract.changes import _TRACKED, Movement, track
from etl.extract.source import Snapshot

USUAL = "2020-11-20 12:00:00"
HOUR = timedelta(hours=1)
LARGEST = 2**63 - 1
KEYS = {"C1": 1, "C7": 7, f"C{LARGEST}": LARGEST}

# What a column of times may hold, by database: a stamp, and whether it says when the row was changed.
STAMPS: dict[str, dict[Any, bool]] = {
    "sqlite": {
        USUAL: True, "2020-11-20 12:00:01": True, "2020-11-20T12:00:00.000001": True, "2020-11-20 12:00:00+05:00": True,
        "1900-01-01": True, 1_605_873_600: True, 1_605_873_600.5: True, None: False, "": False, "N/A": False,
        "n/a": False, "11/20/2020 3:05 PM": False, "11/20/2020 3:05 AM": False, "2099-01-01 00:00:00": False,
        "20231-01-01 00:00:00": False, "2020-13-45 99:00:00": False, 1_605_873_600_000: False, float("inf"): False,
        "now": False, b"\xff\xfe": False, "x" * 1000: False,
    },
    "postgresql": {
        USUAL: True, "2020-11-20 12:00:01": True, "2020-11-20 12:00:00.000001": True, "1900-01-01": True, None: False,
        "infinity": False, "-infinity": False, "20231-01-01 00:00:00": False, "0044-03-15 00:00:00 BC": False,
        "2099-01-01 00:00:00": False,
    },
}  # fmt: skip


class Crm:
    """Three clients who are units of their own, each with a phone; the columns of times take anything."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = sa.create_engine(url)
        tables = sa.MetaData()
        for table in schema.metadata.sorted_tables:
            copy = table.to_metadata(tables)
            if "modified_at" in copy.columns:
                copy.columns["modified_at"].nullable = True
        tables.create_all(self.engine)
        self.write("INSERT INTO office (office_id, name, status) VALUES (1, 'Main', 'Active')")
        for key in KEYS.values():
            self.write(
                "INSERT INTO contact (contact_id, office_id, record_type, subsystem_type, contact_type, modified_at) "
                f"VALUES ({key}, 1, 'Contact', 'Contact', 'Client', '{USUAL}')"
            )
            self.write(
                f"INSERT INTO contact_phone (phone_id, contact_id, modified_at) VALUES ({key}, {key}, '{USUAL}')"
            )

    def write(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text(statement), values)

    def stamp(self, value: Any, key: int = 7) -> None:
        """The phone of one client gets a stamp."""
        stamp = ":stamp" if self.engine.dialect.name == "sqlite" else "CAST(:stamp AS TIMESTAMP)"
        self.write(f"UPDATE contact_phone SET modified_at = {stamp} WHERE phone_id = :key", stamp=value, key=key)

    @cached_property
    def census(self) -> Census:
        with Snapshot(self.url) as snapshot:
            return take_census(snapshot)

    def track(self) -> Movement:
        with Snapshot(self.url, readers=1) as snapshot:
            return track(snapshot, self.census)

    def close(self) -> None:
        self.engine.dispose()


def due(before: Movement, now: Movement, overlap: timedelta = HOUR, since: datetime | None = None) -> set[str]:
    """The units that a run takes after one that saw ``before``."""
    assert before.watermark is not None
    units = now.changed(
        since or before.watermark, overlap, before.units[["unit_key", "digest"]].astype({"digest": "Int64"})
    )
    return set(now.units.loc[units, "unit_key"])


DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


def open_crm(kind: str, folder: Path, postgres_url: Callable[[], str]) -> Crm:
    """A CRM whose last change, days after all others, is to nobody's household: the overlap looks at nobody."""
    crm = Crm(f"sqlite:///{folder / 'crm.db'}" if kind == "sqlite" else postgres_url())
    crm.write(
        "INSERT INTO household (household_id, office_id, deleted_at, modified_at) "
        "VALUES (99, 1, '2020-12-01', '2020-12-01')"
    )
    return crm


@pytest.fixture(params=DATABASES)
def crm(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: Callable[[], str]) -> Iterator[Crm]:
    with closing(open_crm(request.param, tmp_path, postgres_url)) as made:
        yield made


@pytest.fixture(scope="module", params=DATABASES)
def stamped(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_url: Callable[[], str]
) -> dict[Any, tuple[bool, Movement]]:
    """Each stamp that the phone of C7 may have: whether it says when the phone was changed, and what was made of it."""
    found = {}
    with closing(open_crm(request.param, tmp_path_factory.mktemp("crm"), postgres_url)) as crm:
        for stamp, says_when in STAMPS[request.param].items():
            crm.stamp(stamp)
            found[stamp] = says_when, crm.track()
    return found


def test_any_stamp_that_is_not_what_it_was_takes_its_unit_and_no_other(
    stamped: dict[Any, tuple[bool, Movement]],
) -> None:
    usual = stamped[USUAL][1]
    for stamp, (_, movement) in stamped.items():
        others = set() if stamp == USUAL else {"C7"}
        assert (stamp, due(usual, movement), due(movement, usual)) == (stamp, others, others)
    digests = [movement.units["digest"].to_list() for _, movement in stamped.values()]
    assert len({tuple(row) for row in digests}) == len(stamped)


def test_a_stamp_that_cannot_say_when_is_named_by_table_and_key_and_looked_at_every_night(
    stamped: dict[Any, tuple[bool, Movement]],
) -> None:
    named = {"unit_key": "C7", "entity": "contact_phone", "entity_id": "7", "rows": 1}
    for stamp, (says_when, movement) in stamped.items():
        assert (stamp, movement.doubtful.to_dict("records")) == (stamp, [] if says_when else [named])
        assert (stamp, due(movement, movement)) == (stamp, set() if says_when else {"C7"})


def test_one_rows_stamp_moves_nobodys_watermark(stamped: dict[Any, tuple[bool, Movement]]) -> None:
    assert {movement.watermark for _, movement in stamped.values()} == {datetime(2020, 12, 1)}


def test_the_clock_is_the_sources_own(crm: Crm) -> None:
    here = datetime.now(UTC).timestamp()
    assert abs(crm.track().clock - here) < 60


@pytest.mark.parametrize("key", [None, "", "seven", b"\xff\xfe", 7.5, 2**63 - 1])
def test_a_row_counts_with_any_key(tmp_path: Path, key: object) -> None:
    with closing(open_crm("sqlite", tmp_path, str)) as crm:
        crm.write("DROP TABLE contact_phone")
        crm.write("CREATE TABLE contact_phone (phone_id BIGINT, contact_id BIGINT, modified_at TIMESTAMP)")
        before = crm.track()
        crm.write("INSERT INTO contact_phone VALUES (:key, 7, :stamp)", key=key, stamp=USUAL)
        now = crm.track()
        crm.write("UPDATE contact_phone SET modified_at = 'N/A'")
        doubtful = crm.track()
        assert due(before, now) == due(now, doubtful) == {"C7"}
        named = str(key) if isinstance(key, int | float) else "?"
        assert doubtful.doubtful[["entity", "entity_id"]].to_numpy().tolist() == [["contact_phone", named]]


@pytest.mark.parametrize("deleted", [False, True])
def test_a_table_of_usual_cells_is_read_once_whether_rows_of_it_are_deleted_or_not(
    tmp_path: Path, deleted: bool
) -> None:
    with closing(open_crm("sqlite", tmp_path, str)) as crm:
        if deleted:
            crm.write(f"UPDATE contact SET deleted_at = '{USUAL}' WHERE contact_id = 1")
        with Snapshot(crm.url, readers=1) as snapshot:
            track(snapshot, crm.census)
            assert snapshot.queries == 1 + len(_TRACKED)


def test_a_row_whose_removal_has_no_date_of_the_calendar_is_there(tmp_path: Path) -> None:
    with closing(open_crm("sqlite", tmp_path, str)) as crm:
        before = crm.track()
        crm.write("UPDATE contact SET deleted_at = '0000-01-01' WHERE contact_id = 7")
        assert due(before, crm.track()) == set()
        crm.write("UPDATE contact SET deleted_at = '0001-01-01' WHERE contact_id = 7")
        assert due(before, crm.track()) == {"C7"}


@pytest.mark.postgres
@pytest.mark.parametrize("kind", ["timestamptz", "date"])
def test_a_time_with_a_zone_or_a_day_is_the_same_moment_in_every_session(
    tmp_path: Path, postgres_url: Callable[[], str], kind: str
) -> None:
    with closing(open_crm("postgresql", tmp_path, postgres_url)) as crm:
        crm.stamp("2020-12-02 00:00:00")
        for table in ("contact", "contact_phone", "household"):
            as_utc = " AT TIME ZONE 'UTC'" if kind == "timestamptz" else ""
            crm.write(f"ALTER TABLE {table} ALTER modified_at TYPE {kind} USING modified_at{as_utc}")
        before = crm.track()
        crm.write(f"ALTER DATABASE {crm.engine.url.database} SET timezone = 'Asia/Tokyo'")
        assert before.watermark == datetime(2020, 12, 2)
        assert due(before, crm.track()) == {"C7"}  # within the overlap
        assert due(before, crm.track(), timedelta(days=-1)) == set()


def test_rows_written_again_under_the_same_stamp_are_what_the_overlap_is_for(crm: Crm) -> None:
    crm.stamp("2020-12-01 00:30:00", key=1)
    movement = crm.track()
    assert movement.watermark == datetime(2020, 12, 1, 0, 30)
    assert due(movement, movement, timedelta(0)) == {"C1"}
    crm.stamp("2020-12-01 02:00:00", key=LARGEST)
    movement = crm.track()
    assert due(movement, movement, HOUR) == {f"C{LARGEST}"}
    assert due(movement, movement, 2 * HOUR) == {"C1", f"C{LARGEST}"}


def test_a_watermark_that_is_ahead_of_the_clock_counts_as_the_clock(crm: Crm) -> None:
    movement = crm.track()
    beyond = datetime(2099, 1, 1)
    assert due(movement, movement, since=beyond) == set()
    assert due(movement, movement, timedelta(days=365 * 100), since=beyond) == set(KEYS)


def test_one_unit_alone_stands_as_it_does_among_all(crm: Crm) -> None:
    crm.stamp("2099-01-01 00:00:00")
    crm.write(
        "INSERT INTO household (household_id, office_id, head_contact_id, modified_at) VALUES (5, 1, 1, '2020-01-01')"
    )
    census = crm.census
    with Snapshot(crm.url) as snapshot:
        whole = track(snapshot, census)
        for number in census.units.index:
            alone = track(snapshot, census, pd.Index([number]))
            pd.testing.assert_frame_equal(alone.units, whole.units.loc[[number]])
            mine = whole.doubtful["unit_key"] == census.units.loc[number, "unit_key"]
            assert alone.doubtful.to_dict("records") == whole.doubtful[mine].to_dict("records")


@pytest.fixture(scope="module")
def kept_crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    """One CRM for all examples of a law."""
    with closing(Crm(f"sqlite:///{tmp_path_factory.mktemp('crm') / 'crm.db'}")) as made:
        yield made


def digest_with(crm: Crm, phones: dict[int, str]) -> int:
    """The digest of the client 7 with these phones, key to stamp."""
    rows = [{"key": key, "stamp": stamp} for key, stamp in phones.items()]
    with crm.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM contact_phone"))
        if rows:
            insert = "INSERT INTO contact_phone (phone_id, contact_id, modified_at) VALUES (:key, 7, :stamp)"
            connection.execute(sa.text(insert), rows)
    return int(crm.track().units.set_index("unit_key").loc["C7", "digest"])


MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2025, 1, 1)).map(str)
ROWS = st.dictionaries(st.integers(-(2**63), LARGEST), MOMENTS, max_size=4)


@given(ROWS, ROWS)
@settings(max_examples=5)
def test_two_states_of_a_units_rows_have_two_digests(kept_crm: Crm, one: dict[int, str], other: dict[int, str]) -> None:
    digests = [digest_with(kept_crm, rows) for rows in (one, other, dict(reversed(one.items())))]
    assert digests[0] == digests[2]
    assert (digests[0] == digests[1]) == (one == other)


@given(st.sets(st.integers(1, 999), min_size=2, max_size=2), st.sets(MOMENTS, min_size=2, max_size=2))
@settings(max_examples=5)
def test_rows_that_change_stamps_with_each_other_are_noticed(kept_crm: Crm, keys: set[int], stamps: set[str]) -> None:
    before, after = (dict(zip(keys, order, strict=True)) for order in (list(stamps), list(stamps)[::-1]))
    assert digest_with(kept_crm, before) != digest_with(kept_crm, after)
