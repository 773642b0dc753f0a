"""``make audit``: what an operator sees of the audit, whole and broken."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from etl.load.ledger import runs
from etl.load.ledger.desk import audit
from etl.load.ledger.desk.audit import Entry
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import audit_entry
from include.commands.cli import app


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("PLANBRIDGE__DATA__FOLDER", str(tmp_path))
    made = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    made.migrate()
    runs.start_run(made, "run-1", "weeknight_refresh", date(2026, 11, 20), None, False, {})
    return made


def test_an_audit_is_verified_and_its_first_broken_entry_named(ledger: Ledger) -> None:
    done = CliRunner().invoke(app, ["audit"])
    assert (done.exit_code, done.output) == (0, "0 entries, each as it was written.\n")
    with ledger.write() as connection:
        audit.append(ledger, connection, *(Entry("morgan", "noted", f"item:{number}") for number in (1, 2, 3)))
    done = CliRunner().invoke(app, ["audit"])
    first, last, whole = done.output.splitlines()
    assert (done.exit_code, whole) == (0, "3 entries, each as it was written.")
    assert "morgan: noted item:1, hash " in first
    assert "morgan: noted item:3, hash " in last
    with ledger.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_entry_update")
        connection.execute(sa.update(audit_entry).where(audit_entry.c.entry_id == 2).values(actor="[bold]chen"))
    done = CliRunner().invoke(app, ["audit"])
    assert done.exit_code == 1
    assert "Entry 2: it was changed after it was written. The 1 entries before it" in done.output
    ledger.engine.dispose()
