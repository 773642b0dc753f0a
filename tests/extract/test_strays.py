"""What people own and nobody owns is found on either database (SCP-STRAY)."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from etl import schema
from etl.extract.broken_rows import read_strays
from etl.extract.source import Snapshot
from tests.run_book import SmallCrm


def strays_of(url: str) -> list[str]:
    crm = SmallCrm(url)
    crm.insert("contact", contact_id=7, record_type="Contact", subsystem_type="Contact")
    for account_id, owner in ((1, 7), (2, None), (3, None)):
        crm.insert("investment_account", account_id=account_id, primary_contact_id=owner)
    crm.update("investment_account", {"account_id": 3}, deleted_at=crm.moment)
    crm.insert("policy", policy_id=4, primary_contact_id=7)
    with crm.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("ALTER TABLE policy DROP CONSTRAINT policy_primary_contact_id_fkey"))
        connection.execute(sa.update(schema.policy).values(primary_contact_id=99))
    crm.engine.dispose()
    with Snapshot(url) as snapshot:
        return read_strays(snapshot)["detail"].to_list()


FOUND = [
    "1 row of policy whose primary_contact_id is blank, cannot be read or names no contact: policy_id 4",
    "1 row of investment_account whose primary_contact_id is blank, cannot be read or names no contact: account_id 2",
]


def test_an_account_of_nobody_and_a_policy_of_no_contact_are_found_but_not_what_is_deleted(tmp_path) -> None:
    assert sorted(strays_of(f"sqlite:///{tmp_path / 'crm.db'}")) == sorted(FOUND)


@pytest.mark.postgres
def test_postgresql_finds_the_same(postgres_url) -> None:
    assert sorted(strays_of(postgres_url())) == sorted(FOUND)
