"""What the form of a weeknight run may hold, and how each mistake is told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from etl.errors import ParamsError
from include.pipelines.run.context import RunRequest, read_request
from include.runtime.acting import Actor, Triggered
from include.runtime.forms import WEEKNIGHT_REFRESH

DEFAULTS = {name: param.value if param.has_value else None for name, param in WEEKNIGHT_REFRESH.items()}
TODAY = date(2026, 11, 20)
ASKED = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)


def read(latest: date = TODAY, **conf: Any) -> RunRequest:
    run = Triggered("run-1", "weeknight_refresh", {**DEFAULTS, **conf}, conf, TODAY, ASKED, Actor("ann"))
    return read_request(run, latest_as_of=latest)


def test_an_empty_form_is_a_run_for_both_vendors_today() -> None:
    assert (read().vendors, read().as_of, read().unit_keys) == (("profiles", "emoney"), TODAY, ())


@pytest.mark.parametrize("key", [2**63 - 1, 10**18, 12, -1, -(2**63)])
def test_units_are_named_by_every_key_that_the_crm_may_hold(key: int) -> None:
    assert read(unit_keys=[f"H{key}", f"C{key}", f"H{key}"]).unit_keys == (f"H{key}", f"C{key}")


def test_a_dry_run_may_look_ahead_any_run_back_and_a_setting_lets_a_run_go_ahead() -> None:
    tomorrow = date(2026, 11, 21)
    assert read(as_of="2062-03-31", dry_run=True).as_of == date(2062, 3, 31)
    assert read(as_of="2026-03-31").as_of == date(2026, 3, 31)
    assert read(tomorrow, as_of="2026-11-21").as_of == tomorrow


# What is asked for -> words of the one message.
MISTAKES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a vendor that is no list": ({"vendors": "profiles"}, ['["profiles"]', "“Vendors” (vendors)"]),
    "an unknown vendor": ({"vendors": ["profile"]}, ["(vendors)", "profiles and emoney"]),
    "a list in the list": ({"vendors": [["profiles"]]}, ["profiles and emoney"]),
    "a record for a list": ({"vendors": {"profiles": True}}, ["profiles and emoney"]),
    "a unit that is no list": ({"unit_keys": "H12"}, ["unit_keys", '["H12", "C7"]', "not text of 3 characters"]),
    "a number for units": ({"unit_keys": 12}, ["unit_keys", "not a number of 2 digits"]),
    "no unit": ({"unit_keys": ["H12", "X7"]}, ["“Units” (unit_keys)", "not text of 2 characters."]),
    "a key that no column holds": ({"unit_keys": [f"H{2**63}"]}, ["(unit_keys)", "text of 20 characters"]),
    "a mistyped year": ({"as_of": "2062-03-31"}, ["(as_of)", "2062-03-31", "2026-11-20", "AS_OF_AHEAD", "dry run"]),
    "no date": ({"as_of": "31.03.2026"}, ["(as_of)", "text of 10 characters"]),
}  # fmt: skip


@pytest.mark.parametrize(("conf", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_in_words(conf: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ParamsError) as refused:
        read(**conf)
    assert [word for word in words if word not in str(refused.value)] == []
    assert "e, f, i" not in str(refused.value)
