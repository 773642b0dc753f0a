"""An error that nobody foresaw, over one household: it is failed with an id that the log knows, and all others go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from etl.load.ledger import runs
from etl.load.ledger.story import read_lineage
from include.pipelines.refresh import emoney_values
from tests.run_book import Book

SECRET = "Quillfeather"


def households_checked(vendor: str, facts: Any, *_: Any) -> set[str]:
    """The units among which a suite breaks: Profiles' alone."""
    return set(facts["households"]["unit_key"]) if vendor == "profiles" else set()


def break_over(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, unit_key: str, units_of: Callable[..., Iterable[Any]]
) -> None:
    """The function raises an error with a client's name in it wherever this unit is among those that it works on."""
    does = getattr(module, name)

    def stumble(*arguments: Any, **named: Any) -> Any:
        if unit_key in units_of(*arguments, **named):
            raise KeyError(SECRET)
        return does(*arguments, **named)

    monkeypatch.setattr(module, name, stumble)


def test_each_household_that_a_step_breaks_over_is_failed_and_all_others_go(
    book: Book, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from etl.transform import lineage as tracing
    from etl.transform import profiles
    from expectations import gx

    for number in range(1, 8):
        book.couple(number, last_name=SECRET if number == 1 else "Harbor")
    with monkeypatch.context() as patched:
        break_over(patched, profiles, "documents", "H1", lambda family, *_: set(family.units["unit_key"]))
        break_over(patched, gx, "run_suites", "H2", households_checked)
        break_over(patched, tracing, "trace", "H3", lambda frames, *_: set(frames["units"]["unit_key"]))
        break_over(patched, emoney_values, "lines_of", "H4", lambda _job, staged, *_: set(staged["unit_key"]))

        save_outcomes = runs.save_outcomes

        def save(ledger: Any, run_id: str, outcomes: Iterable[runs.Outcome]) -> None:
            ended = list(outcomes)
            if ("profiles", "H5", "created") in {(one.vendor, one.unit_key, one.outcome) for one in ended}:
                raise KeyError(SECRET)
            save_outcomes(ledger, run_id, ended)

        patched.setattr(runs, "save_outcomes", save)
        ran = book.run(report=True)
    assert ran.stopped is None
    created = {f"H{number}": "created" for number in range(1, 8)}
    assert ran.outcomes("profiles") == created | dict.fromkeys(("H1", "H2", "H5"), "failed")
    assert ran.outcomes("emoney") == created | {"H4": "failed"}
    for vendor, unit_key in (("profiles", "H1"), ("profiles", "H2"), ("profiles", "H5"), ("emoney", "H4")):
        reason = ran.reason(vendor, unit_key)
        assert "an unexpected KeyError at test_defects.py:" in reason
        (defect_id,) = re.findall(r"defect-[0-9a-f]{8}", reason)
        (line,) = {one.getMessage() for one in caplog.records if defect_id in one.getMessage()}
        assert unit_key in line
        assert "in stumble" in line or "in save" in line
        assert SECRET not in reason + line
    ledger, run_id = ran.context.ledger, ran.context.request.run_id
    traced = {key: read_lineage(ledger, "profiles", key, {run_id}) for key in ("H3", "H4", "H6")}
    assert {key for key, rows in traced.items() if rows} == {"H4", "H6"}
    again = book.run()
    assert again.stopped is None
    assert again.outcomes("profiles")["H1"] == again.outcomes("profiles")["H2"] == "created"
    assert again.outcomes("emoney")["H4"] == "updated"


def test_checks_that_can_run_over_no_household_stop_the_run(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    from expectations import gx

    for number in (1, 2, 3):
        book.couple(number)
    monkeypatch.setattr(gx, "run_suites", lambda *_: 1 / 0)
    ran = book.run(vendors=("profiles",))
    assert "the suites of Profiles could not run: ZeroDivisionError" in str(ran.stopped)
    assert set(ran.outcomes("profiles").values()) == {"failed"}
    assert book.vendors.cases() == {}
