"""The notices' DAG in Airflow: the message about a night that failed arrives, and the night goes its way."""

from __future__ import annotations

import pytest

from tests.end_to_end.conftest import WorldMaker
from tests.smtp import mail_server

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("terminal")]


def test_the_message_about_a_night_that_failed_arrives_once(make_world: WorldMaker) -> None:
    world = make_world()
    world.way = "tasks"
    addresses = world.folder / "addresses.csv"
    addresses.write_text("recipient,address\noperators,operators@example.com\n")
    with mail_server() as server:
        switched_on: dict[str, str | None] = {
            "PLANBRIDGE__NOTICES__ADDRESSES_FILE": str(addresses),
            "PLANBRIDGE__NOTICES__DESK_URL": "https://airflow.example.com/desk",
            "AIRFLOW_CONN_SMTP_DEFAULT": server.connection,
        }
        night = world.night({**switched_on, "AIRFLOW_CONN_CRM": None})
        assert night.status != 0
        sent = [world.notices(switched_on) for _ in range(2)]
        assert [one.status for one in sent] == [0, 0], sent[0].output[-3000:]
        (mail,) = server.to("operators@example.com")
    assert "failed" in mail["subject"]
    page = next(part for part in mail.walk() if part.get_content_type() == "text/html").get_content()
    assert "The connection `crm` is missing." in page
