"""Upgrades of the ledger: no row is lost, nobody writes meanwhile, and both ways end in the newest schema."""

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from etl.errors import LedgerBusy, LedgerTooNew
from etl.load.ledger import migrations
from etl.load.ledger.desk import audit, queries
from etl.load.ledger.desk.audit import Entry
from etl.load.ledger.feeds import Line, read_lines
from etl.load.ledger.findings import finding_key
from etl.load.ledger.links import find_base
from etl.load.ledger.store import Ledger
from etl.load.ledger.story import unpack
from etl.load.ledger.tables import audit_entry, metadata, open_finding, outcome, run
from etl.load.ledger.views import VIEWS
from tests.load.ledger.desk.desks import check_laws

# A ledger with three nights in it, made by the code before revisions were kept.
BEFORE_REVISIONS = (Path(__file__).parent / "ledger_0001.sql").read_text(encoding="utf-8")

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: Callable[[], str]) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}" if request.param == "sqlite" else postgres_url()


@pytest.fixture
def old(url: str, tmp_path: Path) -> Iterator[Ledger]:
    """A ledger from before revisions were kept, with its runs."""
    ledger = Ledger(url)
    if ledger.is_sqlite:
        with closing(sqlite3.connect(ledger.place or "")) as made:
            made.executescript(BEFORE_REVISIONS)
    else:
        copy_to_postgres(ledger, tmp_path)
    yield ledger
    ledger.engine.dispose()


def copy_to_postgres(ledger: Ledger, folder: Path) -> None:
    """The same rows in PostgreSQL, in the tables of the first revision and the views of that time."""
    path = folder / "old.db"
    with closing(sqlite3.connect(path)) as made:
        made.executescript(BEFORE_REVISIONS)
    source = sa.create_engine(f"sqlite:///{path}")
    tables = sa.MetaData()
    tables.reflect(source)
    with ledger.engine.begin() as target, source.connect() as rows:
        migrations.run_step(target, migrations.BASELINE)
        for table in tables.sorted_tables:
            found = [dict(row) for row in rows.execute(sa.select(table)).mappings()]
            if found:
                there = sa.Table(table.name, sa.MetaData(), autoload_with=target)
                target.execute(sa.insert(there), found)
        target.execute(sa.text("CREATE VIEW run_v AS SELECT run_id, dag_id FROM run"))
    source.dispose()


def rows_of(ledger: Ledger) -> Rows:
    tables = sa.MetaData()
    with ledger.engine.connect() as connection:
        tables.reflect(connection)
        return {
            table.name: [dict(row) for row in connection.execute(sa.select(table).order_by(*table.c[:3])).mappings()]
            for table in tables.sorted_tables
            if table.name != migrations.VERSION_TABLE
        }


def shape_of(ledger: Ledger) -> dict[str, Any]:
    """Tables with columns, types, keys and indexes, and the columns of the views."""
    inspector = sa.inspect(ledger.engine)
    return {
        table: (
            {one["name"]: (str(one["type"]), one["nullable"]) for one in inspector.get_columns(table)},
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted((one["name"], one["column_names"]) for one in inspector.get_indexes(table)),
            sorted(tuple(one["column_names"]) for one in inspector.get_unique_constraints(table)),
        )
        for table in inspector.get_table_names()
    } | {view: [one["name"] for one in inspector.get_columns(view)] for view in inspector.get_view_names()}


def test_an_upgrade_keeps_every_row_and_reports_its_steps(old: Ledger) -> None:
    before = rows_of(old)
    steps: list[str] = []
    old.migrate(steps.append)
    after = rows_of(old)
    lost = {
        name: [row for row in rows if not any(row.items() <= there.items() for there in reduced(after[name], rows))]
        for name, rows in before.items()
    }
    assert {name: rows for name, rows in lost.items() if rows} == {}
    assert steps[0].startswith("Upgrading the ledger, step 1 of ")
    assert old.is_current()


@pytest.mark.parametrize(("table", "view"), [("outcome", "outcome_v"), ("finding", "finding_v"), ("run", "run_v")])
def test_the_views_answer_after_an_upgrade_as_before(old: Ledger, table: str, view: str) -> None:
    """Nothing stood in a ledger of an earlier revision: each run had written every row."""

    def answers(relation: str) -> Counter[tuple[Any, ...]]:
        with old.engine.connect() as connection:
            return Counter(tuple(row) for row in connection.execute(sa.text(f"SELECT {names} FROM {relation}")))

    shown = VIEWS[view].partition(" FROM ")[0]
    there = [row["name"] for row in sa.inspect(old.engine).get_columns(table)]
    names = ", ".join(name for name in there if f" {name}," in f"{shown},")
    before = answers(table)
    old.migrate()
    assert before
    assert answers(view) == before


def test_each_linked_case_keeps_the_merge_base_that_its_unit_had(old: Ledger) -> None:
    with old.engine.connect() as connection:
        linked = "SELECT vendor_case_id, base FROM sent JOIN link USING (vendor, unit_key) WHERE part = 'case'"
        before = {row.vendor_case_id: unpack(row.base) for row in connection.execute(sa.text(linked))}
    assert before
    old.migrate()
    assert {case: find_base(old, case) for case in before} == before


def reduced(rows: list[dict[str, Any]], like: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with the columns that they had."""
    names = set(like[0]) if like else set()
    return [{name: value for name, value in row.items() if name in names} for row in rows]


def test_an_upgraded_ledger_has_the_schema_of_a_new_one(
    old: Ledger, tmp_path: Path, postgres_url: Callable[[], str]
) -> None:
    old.migrate()
    new = Ledger(f"sqlite:///{tmp_path / 'new.db'}" if old.is_sqlite else postgres_url())
    new.migrate()
    assert shape_of(old) == shape_of(new)
    assert set(shape_of(new)) == {*metadata.tables, *VIEWS, migrations.VERSION_TABLE}
    new.engine.dispose()


def test_an_item_reported_once_as_new_at_emoney_is_an_open_finding_after_the_upgrade(old: Ledger) -> None:
    """EMY-NEW, as a run that finds it again would open it."""
    old.migrate()
    with old.read() as connection:
        waiting = sa.text("SELECT * FROM open_finding_v WHERE rule_id = 'EMY-NEW' ORDER BY entity")
        rows = [dict(row) for row in connection.execute(waiting).mappings()]
        keys = {row.finding_key for row in connection.execute(sa.select(open_finding.c.finding_key))}
    assert [(row["unit_key"], row["entity"], row["entity_id"], str(row["since"])) for row in rows] == [
        ("H1", "account", "1", "2026-11-20"),
        ("H1", "policy", "1", "2026-11-20"),
    ]
    assert {finding_key(row) for row in rows} <= keys


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (None, None),
        ("DEM-BIRTH-DATE,POL-TYPE, LIFE-EVENT", "DEM-BIRTH-DATE,POL-TYPE, LIFE-EVENT"),
        ("POL-TYPE; case 7 opens at https://profiles.example.com/7", "POL-TYPE"),
        ("LIC-EMONEY: jane lacks eMoney", "LIC-EMONEY"),
        ("somebody has to choose from the Search list: 2 exact matches", "unchosen"),
        ("nobody answered which record of Profiles it is: 2 households were shown", "unanswered"),
        ("HTTP 500 three times: see the log", None),
    ],
)
def test_the_code_of_an_earlier_outcome_is_read_off_its_reason(
    tmp_path: Path, reason: str | None, code: str | None
) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    with closing(sqlite3.connect(ledger.place or "")) as made:
        made.executescript(BEFORE_REVISIONS)
        made.execute("INSERT INTO outcome VALUES ('run-1', 'profiles', 'H77', 'held', ?, NULL)", [reason])
        made.commit()
    ledger.migrate()
    mine = sa.select(outcome.c.reason, outcome.c.code).where(outcome.c.unit_key == "H77")
    assert [(row["reason"], row["code"]) for row in ledger.rows(mine)] == [(reason, code)]
    ledger.engine.dispose()


def test_a_feed_without_a_result_keeps_its_lines(old: Ledger) -> None:
    with old.engine.begin() as connection:
        connection.execute(sa.text("UPDATE feed SET status = 'accepted' WHERE run_id = 'run-3'"))
        feed_id = connection.execute(sa.text("SELECT feed_id FROM feed WHERE run_id = 'run-3'")).scalar_one()
        line = sa.text("INSERT INTO feed_line VALUES (:feed_id, 'H1', 'em-1', 'h', 'account:1')")
        connection.execute(line, {"feed_id": feed_id})
    old.migrate()
    assert read_lines(old, feed_id) == [Line("H1", "em-1", "h", "account:1")]


def test_what_stands_open_are_work_items_after_the_upgrade(old: Ledger) -> None:
    old.migrate()
    check_laws(old)
    waiting = queries.list_items(old, None, queries.Filters(rule="EMY-NEW"), sort="record")
    assert [(one.unit_key, one.entity, one.state, one.vendors) for one in waiting] == [
        ("H1", "account", "new", "emoney"), ("H1", "policy", "new", "emoney"),
    ]  # fmt: skip
    ended = old.mapping(sa.select(run.c.run_id, run.c.finished_at))
    assert all(one.opened_at == ended[one.opened_run] for one in waiting)
    assert [one.kind for one in queries.read_history(old, [waiting[0].item_id])] == ["opened"]


def test_the_audit_of_an_upgraded_ledger_refuses_changes(old: Ledger) -> None:
    old.migrate()
    with old.write() as connection:
        audit.append(old, connection, Entry("morgan", "noted", "item:1"))
    for change in (sa.update(audit_entry).values(actor="chen"), sa.delete(audit_entry)):
        with pytest.raises(sa.exc.DBAPIError, match="audit entries are only added"):
            old.execute(change)
    assert audit.verify(old).count == 1


def test_a_trial_changes_nothing(old: Ledger, tmp_path: Path) -> None:
    before, shape, files = rows_of(old), shape_of(old), {*tmp_path.iterdir()}
    old.try_upgrade()
    assert (rows_of(old), shape_of(old)) == (before, shape)
    assert old.revision() is None
    assert {*tmp_path.iterdir()} <= files | {tmp_path / "ledger.db-wal", tmp_path / "ledger.db-shm"}


def test_a_ledger_of_newer_code_is_refused_and_left_alone(url: str) -> None:
    ledger = Ledger(url)
    ledger.migrate()
    with ledger.engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(LedgerTooNew, match="revision 9999, made by a newer Planbridge"):
        ledger.migrate()
    assert ledger.revision() == "9999"
    ledger.engine.dispose()


def test_an_upgrade_waits_for_a_run_that_writes(old: Ledger) -> None:
    with old.engine.begin() as connection:
        connection.execute(sa.text("UPDATE household_lock SET expires_at = :at"), {"at": time.time() + 60})
    with pytest.raises(LedgerBusy, match="household H1"):
        old.migrate()
    assert old.revision() is None


def test_the_last_step_is_the_revision_that_new_ledgers_get() -> None:
    steps = ScriptDirectory(str(migrations.FOLDER))
    assert steps.get_heads() == [migrations.newest_revision()]
    assert all(Path(step.path).stem.startswith(f"{step.revision}_") for step in steps.walk_revisions())
