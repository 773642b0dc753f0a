"""Offices that several tests look at: the default one on SQLite, and its twin on PostgreSQL."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from include.demo import Summary, build_office
from tests.demo.crm import Crm


@dataclass
class DemoOffice:
    """An office in a database, and its rows in memory."""

    url: str
    engine: Engine
    summary: Summary
    crm: Crm


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoOffice]:
    """The default office: 400 households on SQLite."""
    yield from _build(f"sqlite:///{tmp_path_factory.mktemp('office') / 'crm.db'}", None)


@pytest.fixture(scope="session")
def postgres_office(tmp_path_factory: pytest.TempPathFactory, postgres_url: Callable[[], str]) -> Iterator[DemoOffice]:
    """The same office on PostgreSQL."""
    yield from _build(postgres_url(), tmp_path_factory.mktemp("office") / "crm.breaks.json")


def _build(url: str, breaks_path: Path | None) -> Iterator[DemoOffice]:
    summary = build_office(url, breaks_path=breaks_path)
    engine = create_engine(url)
    yield DemoOffice(url, engine, summary, Crm(engine))
    engine.dispose()
