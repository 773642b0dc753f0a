from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from etl.load.ledger.store import Ledger
from tests.load.ledger.desk.desks import Nights


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: Callable[[], str]) -> Iterator[Ledger]:
    made = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}" if request.param == "sqlite" else postgres_url())
    made.migrate()
    yield made
    made.engine.dispose()


@pytest.fixture
def nights(ledger: Ledger) -> Nights:
    return Nights(ledger)
