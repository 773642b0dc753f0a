"""Faults: each kind over a real connection, as a client meets it."""

import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from include.sandbox.common.faults import KINDS, Deck, FaultUnknown
from tests.sandbox.running import Caller, EmoneyCaller, household, investment, line, person

HOUSEHOLDS = "/api/households"


def households(profiles: Caller) -> int:
    return len(profiles.state()["households"])


@pytest.mark.parametrize(
    ("fault", "expected"),
    [({"retry_after": 7}, "7"), ({"form": "none"}, None), ({"retry_after": None}, None)],
)
def test_too_many_calls_with_and_without_seconds(profiles: Caller, fault: dict[str, Any], expected: str | None) -> None:
    profiles.faults({"kind": "too_many", **fault})
    response = profiles("POST", HOUSEHOLDS, json=household())
    assert response.status_code == 429
    assert response.headers.get("Retry-After") == expected
    assert response.json()["Message"]
    assert households(profiles) == 0


def test_too_many_calls_with_a_date(profiles: Caller) -> None:
    profiles.faults({"kind": "too_many", "form": "date", "retry_after": 90})
    until = parsedate_to_datetime(profiles("GET", "/api/cases/1").headers["Retry-After"])
    assert 85 < until.timestamp() - time.time() < 95


@pytest.mark.parametrize(("after_commit", "kept"), [(False, 0), (True, 1)])
def test_unavailable_before_or_after_the_commit(profiles: Caller, after_commit: bool, kept: int) -> None:
    profiles.faults({"kind": "unavailable", "after_commit": after_commit, "retry_after": 2})
    response = profiles("POST", HOUSEHOLDS, json=household())
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "2"
    assert households(profiles) == kept


def test_an_html_page_instead_of_json(profiles: Caller) -> None:
    profiles.faults({"kind": "html", "status": 200})
    response = profiles("POST", HOUSEHOLDS, json=household())
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    assert households(profiles) == 0


@pytest.mark.parametrize(("kind", "kept"), [("reset_before", 0), ("reset_after", 1)])
def test_the_connection_is_reset(profiles: Caller, kind: str, kept: int) -> None:
    profiles.faults({"kind": kind})
    with pytest.raises(requests.ConnectionError, match="reset"):
        profiles("POST", HOUSEHOLDS, json=household())
    assert households(profiles) == kept
    assert profiles.state()["counters"]["writes"].get(f"POST {HOUSEHOLDS}", 0) == kept


def test_a_response_that_never_ends_outlasts_a_timeout_per_read(profiles: Caller) -> None:
    profiles.faults({"kind": "drip", "every_seconds": 0.05})
    started = time.monotonic()
    with profiles("POST", HOUSEHOLDS, json=household(), stream=True, timeout=0.3) as response:
        for _ in response.iter_content(1):
            if time.monotonic() - started > 0.6:
                break
    assert time.monotonic() - started > 0.6
    profiles.faults()
    assert households(profiles) == 1


def test_json_that_is_cut_off(profiles: Caller) -> None:
    profiles.faults({"kind": "truncated"})
    response = profiles("POST", HOUSEHOLDS, json=household())
    assert response.status_code == 201
    with pytest.raises(requests.JSONDecodeError):
        response.json()
    assert households(profiles) == 1


def test_a_body_that_is_shorter_than_announced(profiles: Caller) -> None:
    profiles.faults({"kind": "truncated", "announce_all": True})
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        profiles("POST", HOUSEHOLDS, json=household())


def test_a_401_in_mid_run_strikes_once(profiles: Caller) -> None:
    profiles.faults({"kind": "unauthorized", "count": 1})
    assert profiles("GET", "/api/cases/1").status_code == 401
    assert profiles("GET", "/api/cases/1").status_code == 404


def test_all_tokens_may_become_void(profiles: Caller) -> None:
    profiles.faults({"kind": "unauthorized", "count": 1, "revoke": True})
    for _ in range(2):
        assert profiles("GET", "/api/cases/1").status_code == 401


def test_a_200_may_say_that_nothing_was_written(profiles: Caller) -> None:
    created = profiles("POST", HOUSEHOLDS, json=household()).json()
    profiles.faults({"kind": "not_done"})
    path = f"/api/cases/{created['caseId']}"
    response = profiles("PUT", path, json={"document": {"clientA": person()}}, headers={"If-Match": '"1"'})
    assert response.status_code == 200
    assert response.json()["success"] is False
    assert response.json()["message"]
    assert profiles("GET", path).json()["version"] == 1
    assert "PUT /api/cases/{case_id}" not in profiles.state()["counters"]["writes"]


def test_slow_calls_are_carried_out(profiles: Caller) -> None:
    profiles.faults({"kind": "slow", "seconds": 0.2})
    started = time.monotonic()
    assert profiles("POST", HOUSEHOLDS, json=household()).status_code == 201
    assert time.monotonic() - started > 0.2


@pytest.mark.parametrize(
    ("shape", "name"),
    [("token", "error_description"), ("gateway", "fault"), ("application", "traceId")],
)
def test_emoney_fails_in_three_shapes(emoney: EmoneyCaller, shape: str, name: str) -> None:
    emoney.faults({"kind": "error", "shape": shape, "status": 500})
    response = emoney("GET", "/public/v1/clients/em-1")
    assert response.status_code == 500
    assert name in response.json()


def test_emoney_speaks_in_the_shape_of_the_place(emoney: EmoneyCaller) -> None:
    emoney.faults({"kind": "unavailable"})
    assert set(emoney.ask_token(emoney.assertion()).json()) == {"error", "error_description"}
    assert set(emoney("GET", "/public/v1/clients/em-1").json()) == {"fault"}


def test_a_feed_can_be_lost_on_the_way_back(emoney: EmoneyCaller) -> None:
    client = emoney.add_client()
    emoney.faults({"kind": "reset_after", "method": "PUT", "path": "*/feeds/*", "count": 1})
    with pytest.raises(requests.ConnectionError):
        emoney.put_feed("f1", line(client, investment()))
    assert emoney.put_feed("f1", line(client, investment())).status_code == 200
    assert emoney.finished("f1")["counts"]["available"] == 1


def struck(fault: dict[str, Any], calls: int = 10, seed: int = 1) -> list[int]:
    deck = Deck(seed)
    deck.replace([{"kind": "html", **fault}])
    return [call for call in range(1, calls + 1) if deck.draw("GET", "/api/cases/1").breakage is not None]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({}, [1, 2, 3, 4]),
        ({"nth": [2, 4]}, [2, 4]),
        ({"after": 3}, [4]),
        ({"count": 2}, [1, 2]),
        ({"method": "PUT"}, []),
        ({"path": "/api/cases/*"}, [1, 2, 3, 4]),
        ({"path": "/api/households*"}, []),
        ({"probability": 0.0}, []),
    ],
)
def test_a_fault_strikes_where_and_as_often_as_it_says(fault: dict[str, Any], expected: list[int]) -> None:
    assert struck(fault, calls=4) == expected


def test_chance_follows_the_seed() -> None:
    fault = {"probability": 0.3}
    assert struck(fault, 500) == struck(fault, 500)
    assert struck(fault, 500) != struck(fault, 500, seed=2)
    assert struck({**fault, "seed": 5}, 500) == struck({**fault, "seed": 5}, 500, seed=2)
    assert 100 < len(struck(fault, 500)) < 200


def test_the_first_breakage_that_strikes_wins_and_marks_go_along() -> None:
    deck = Deck(1)
    deck.replace([{"kind": "html", "nth": [2]}, {"kind": "unavailable"}, {"kind": "slow"}, {"kind": "search_lag"}])
    plans = [deck.draw("POST", "/x") for _ in range(2)]
    assert [plan.breakage.kind for plan in plans if plan.breakage] == ["unavailable", "html"]
    assert [set(plan.marks) for plan in plans] == [{"slow", "search_lag"}] * 2


@pytest.mark.parametrize("asked", [{}, [1], [{}], [{"kind": "flood"}], [{"kind": "html", "often": 1}]])
def test_faults_that_do_not_exist_are_refused_in_words(profiles: Caller, asked: Any) -> None:
    profiles.faults({"kind": "html"})
    response = profiles("POST", "/_sandbox/faults", json=asked)
    assert response.status_code == 400
    assert response.json()["message"]
    assert len(profiles.state()["faults"]) == 1


def test_every_kind_of_fault_can_be_ordered_without_parameters() -> None:
    deck = Deck(1)
    deck.replace([{"kind": kind} for kind in KINDS])
    assert len(list(deck.describe())) == len(KINDS)
    with pytest.raises(FaultUnknown, match="html"):
        deck.replace([{"kind": "flood"}])


def test_the_state_counts_calls_writes_and_faults_and_reset_forgets_them(profiles: Caller) -> None:
    profiles("POST", HOUSEHOLDS, json=household())
    profiles("POST", HOUSEHOLDS, json={})
    profiles.faults({"kind": "html"})
    profiles("GET", "/api/cases/1")
    counters = profiles("GET", "/_sandbox/state?only=counters").json()["counters"]
    assert counters["calls"][f"POST {HOUSEHOLDS}"] == 2
    assert counters["writes"] == {f"POST {HOUSEHOLDS}": 1}
    assert counters["writesTotal"] == 1
    assert counters["statuses"][f"POST {HOUSEHOLDS} 400"] == 1
    assert counters["faults"] == {"html": 1}
    state = profiles.state()
    assert state["households"][0]["cases"][0]["document"]["clientA"]["firstName"] == "Ann"
    profiles.reset()
    state = profiles.state()
    assert state["households"] == []
    assert state["faults"] == []
    assert state["counters"]["callsTotal"] == 0


def test_a_page_from_elsewhere_may_not_reset(profiles: Caller) -> None:
    for path in ("/_sandbox/reset", "/_sandbox/faults"):
        response = profiles("POST", path, json=[], headers={"Origin": "http://evil.example.com"})
        assert response.status_code == 403
