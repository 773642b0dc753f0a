"""The desk in Airflow's own API server: mounted, behind its log-in, with the rights of its roles."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from include import ROOT
from include.plugins.stewards_desk import LoadedWhenAsked
from tests.desk.office import make_office

pytestmark = pytest.mark.airflow

# A user of each role asks for the work list; "morgan" is a user of the CRM, "zoe" is none.
ASK = """
import json, sys
from airflow.api_fastapi.app import create_app, get_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from starlette.testclient import TestClient

client = TestClient(create_app(apps="core"), follow_redirects=False)
answers = {"before": [name for name in sys.modules if name.startswith("include.desk")]}
for name, cookies in {"nobody": {}, "forged": {"_token": "forged.token.here"}}.items():
    client.cookies = cookies
    answer = client.get("/desk/?rule=HH-HEAD")
    answers[name] = [answer.status_code, answer.headers.get("location")]
for name in ("main.morgan", "zoe"):
    for role in (None, "viewer", "user", "op", "admin"):
        user = SimpleAuthManagerUser(username=name, role=role)
        client.cookies = {"_token": get_auth_manager().generate_jwt(user)}
        page = client.get("/desk/")
        answers[f"{name} {role}"] = [page.status_code, 'id="work"' in page.text]
print(json.dumps(answers))
"""


@pytest.fixture
def answers(tmp_path: Path, airflow_environment: dict[str, str]) -> dict[str, Any]:
    office = make_office(tmp_path)
    environment = airflow_environment | {
        "AIRFLOW_CONN_CRM": f"sqlite:///{tmp_path / 'crm.db'}", "PLANBRIDGE__DATA__FOLDER": str(office.folder),
    }  # fmt: skip
    office.ledger.engine.dispose()
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_airflow_asks_for_the_log_in_and_its_roles_decide(answers: dict[str, Any]) -> None:
    assert answers.pop("before") == []
    log_in = [303, "/api/v2/auth/login?next=%2Fdesk%2F%3Frule%3DHH-HEAD"]
    assert (answers.pop("nobody"), answers.pop("forged")) == (log_in, log_in)
    refused, reads, works = [403, False], [200, False], [200, True]
    assert answers == {
        "main.morgan None": refused, "main.morgan viewer": reads, "main.morgan user": works,
        "main.morgan op": works, "main.morgan admin": works,
        "zoe None": refused, "zoe viewer": refused, "zoe user": refused, "zoe op": works, "zoe admin": works,
    }  # fmt: skip


def test_the_desk_is_made_once_by_the_first_request_and_after_a_failure_again() -> None:
    made: list[str] = []
    asked: list[str] = []

    async def desk(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])

    def make() -> Any:
        made.append("made")
        if len(made) == 1:
            raise RuntimeError("the settings are wrong")
        return desk

    async def ask_twice() -> None:
        loaded = LoadedWhenAsked(make)
        with pytest.raises(RuntimeError):
            await loaded({"path": "first"}, None, None)
        await asyncio.gather(*(loaded({"path": path}, None, None) for path in ("second", "third")))

    asyncio.run(ask_twice())
    assert (len(made), sorted(asked)) == (2, ["second", "third"])
