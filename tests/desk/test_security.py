"""The desk shows nothing without a log-in, and changes nothing without a form of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount

from include.desk.scope import SECONDS, Scopes
from include.desk.security import FORM_SECONDS, User, desk_user, form_token, is_form_token
from tests.desk.office import FROM_THE_DESK, SECRET, Office, make_office


def routes(office: Office) -> Iterator[BaseRoute]:
    yield from office.app.routes


def addresses(office: Office) -> Iterator[tuple[str, str]]:
    """Method and path of everything that the application answers."""
    for route in routes(office):
        path = re.sub(r"\{[^}]*\}", "1", getattr(route, "path", "/"))
        for method in sorted(getattr(route, "methods", None) or {"GET", "POST"}):
            yield method, path


@pytest.mark.parametrize("cookies", [{}, {"account": "forged"}, {"_token": "forged.token.here"}])
def test_no_route_answers_without_a_log_in(office: Office, cookies: dict[str, str]) -> None:
    asked = list(addresses(office))
    assert ("GET", "/") in asked
    stranger = office.stranger(**cookies)
    for method, path in asked:
        answer = stranger.request(method, path, headers=FROM_THE_DESK)
        assert answer.status_code in (303, 401), f"{method} {path} answers {answer.status_code}"
        assert answer.headers.get("location", "/api/v2/auth/login").startswith("/api/v2/auth/login")


def test_every_route_depends_on_the_log_in_and_nothing_is_mounted(office: Office) -> None:
    for route in routes(office):
        assert not isinstance(route, Mount)
        assert isinstance(route, APIRoute)
        assert desk_user in [one.call for one in route.dependant.dependencies], route.path


def test_the_log_in_leads_back_to_the_view_that_was_asked_for(office: Office) -> None:
    answer = office.stranger().get("/?rule=HH-HEAD&office=1")
    assert answer.headers["location"] == "/api/v2/auth/login?next=%2F%3Frule%3DHH-HEAD%26office%3D1"


def test_every_answer_has_the_headers_that_keep_it_private(office: Office) -> None:
    morgan = office.visitor("main.morgan")
    for answer in (morgan.get("/"), morgan.get("/no-such-page"), office.stranger().get("/")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "unsafe" not in policy


def refused(answer: httpx.Response, status: int, *words: str) -> bool:
    return answer.status_code == status and all(one in answer.text for one in words)


def test_who_may_not_read_the_dag_sees_no_page(office: Office) -> None:
    assert refused(office.visitor("main.morgan", may_read=False).get("/"), 403, "may not see the desk")


def test_who_is_no_user_of_the_crm_sees_a_sentence(office: Office) -> None:
    assert refused(office.visitor("zoe").get("/"), 403, "zoe is no user of the CRM")
    assert office.visitor("zoe", is_admin=True).get("/").status_code == 200


def test_a_user_whom_the_crm_has_disabled_sees_a_sentence(office: Office) -> None:
    office.crm.update("crm_user", {"user_name": "main.morgan"}, status="Disabled")
    assert refused(office.visitor("main.morgan").get("/"), 403, "is not enabled")


@pytest.mark.parametrize(("name", "offices"), [("main.morgan", {1, 2}), ("lakeside.chen", {2}), ("harbor.reed", {3})])
def test_a_user_sees_their_own_office_and_those_below_it(office: Office, name: str, offices: set[int]) -> None:
    known = Scopes(office.desk.crm).crm_user(name)
    assert known is not None
    assert known.offices == offices


def test_what_the_crm_says_of_a_user_is_known_for_a_minute(office: Office) -> None:
    now = [0.0]
    scopes = Scopes(office.desk.crm, lambda: now[0])
    assert scopes.crm_user("late.comer") is None
    office.crm.insert("crm_user", user_id=99, office_id=3, user_name="late.comer", status="Enabled")
    assert scopes.crm_user("late.comer") is None
    now[0] = SECONDS
    assert scopes.crm_user("late.comer") is not None


def test_a_crm_that_cannot_be_read_shows_nobody_anything(office: Office) -> None:
    (office.folder / "crm.db").unlink()
    assert refused(office.visitor("main.morgan").get("/"), 503, "cannot be read")


def test_the_token_of_a_form_belongs_to_one_user_and_ends() -> None:
    token = form_token(SECRET, "main.morgan")
    assert is_form_token(SECRET, "main.morgan", token)
    assert not is_form_token(SECRET, "lakeside.chen", token)
    assert not is_form_token(b"another secret", "main.morgan", token)
    assert not is_form_token(SECRET, "main.morgan", form_token(SECRET, "main.morgan", at=1_000_000.0))
    for forged in ("", ".", "zz.zz", token.split(".")[1], f"{FORM_SECONDS:x}.{token.split('.')[1]}"):
        assert not is_form_token(SECRET, "main.morgan", forged)


@pytest.mark.parametrize(
    ("account", "rights"),
    [
        ({"may_trigger": False}, {"read"}),
        ({}, {"read", "work"}),
        ({"is_admin": True}, {"read", "work", "decide"}),
    ],
)
def test_rights_follow_those_in_airflow(office: Office, account: dict[str, bool], rights: set[str]) -> None:
    assert rights_of(office, "main.morgan", **account) == rights


def test_a_name_in_the_setting_may_decide(tmp_path: Path) -> None:
    office = make_office(tmp_path, desk={"deciders": ("main.morgan",)})
    assert rights_of(office, "main.morgan") == {"read", "work", "decide"}
    assert rights_of(office, "lakeside.chen") == {"read", "work"}


def rights_of(office: Office, name: str, **account: bool) -> set[str]:
    """What a user may do, as a page learns it."""

    def page(user: User) -> Response:
        return PlainTextResponse(" ".join(user.rights))

    office.app.add_api_route("/rights", page)
    return set(office.visitor(name, **account).get("/rights").text.split())


@pytest.fixture
def written(office: Office) -> list[str]:
    """What a form has changed, at ``/write``: a route that says nothing about security."""
    done: list[str] = []

    def write() -> Response:
        done.append("written")
        return PlainTextResponse("")

    office.app.add_api_route("/write", write, methods=["POST"])
    return done


def test_a_form_of_the_desk_changes_what_it_says(office: Office, written: list[str]) -> None:
    morgan = office.visitor("main.morgan").client
    token = form_token(SECRET, "main.morgan")
    assert morgan.post("/write", data={"token": token}, headers=FROM_THE_DESK).status_code == 200
    assert written == ["written"]


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({}, FROM_THE_DESK),
        ({"token": "made.up"}, FROM_THE_DESK),
        ({"token": form_token(SECRET, "lakeside.chen")}, FROM_THE_DESK),
        ({"token": form_token(SECRET, "main.morgan")}, {}),
        ({"token": form_token(SECRET, "main.morgan")}, {"sec-fetch-site": "cross-site"}),
        ({"token": form_token(SECRET, "main.morgan")}, {"sec-fetch-site": "same-site"}),
        ({"token": form_token(SECRET, "main.morgan")}, {"origin": "https://evil.example.com"}),
        ({"token": form_token(SECRET, "main.morgan")}, {"origin": "null"}),
    ],
)
def test_a_form_of_somebody_else_changes_nothing(
    office: Office, written: list[str], form: dict[str, str], headers: dict[str, str]
) -> None:
    answer = office.visitor("main.morgan").client.post("/write", data=form, headers=headers)
    assert (answer.status_code, written) == (403, [])


def test_a_form_without_a_log_in_is_not_sent_on(office: Office, written: list[str]) -> None:
    answer = office.stranger().post("/write", data={"token": form_token(SECRET, "main.morgan")}, headers=FROM_THE_DESK)
    assert (answer.status_code, written) == (401, [])


def test_a_defect_is_a_page_that_does_not_repeat_its_words(office: Office) -> None:
    def page() -> Response:
        raise ValueError("Nightingale was born in 1970")

    office.app.add_api_route("/defect", page)
    answer = office.visitor("main.morgan").get("/defect")
    assert refused(answer, 500, "an unexpected ValueError")
    assert "Nightingale" not in answer.text
