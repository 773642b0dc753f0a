"""The page of life events helps people decide, shows names as dead text, and is written only for events."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from include.report.run.pages import render_life_events
from include.report.run.proposals import PersonGoes, Proposal, RecordGoes, together
from include.report.run.writer import write_report
from tests.report.builders import a_report, a_run, available, labels
from tests.report.pages import Page, read_page

MARKUP = "<script>alert(1)</script>"


def a_proposal(**different: Any) -> Proposal:
    """A divorce: she has a unit of her own, an account is joint."""
    people = (
        PersonGoes(101, "Ann Abbott", "client", "H1, as its head"),
        PersonGoes(102, "Bo Abbott", "spouse", "C102, a unit of its own"),
    )
    records = (
        RecordGoes("account:2", "Savings", 101, "H1, as its head", True),
        RecordGoes("account:1", "Joint savings", 101, "no clear owner: held jointly", False),
    )
    defaults: dict[str, Any] = {
        "vendor": "emoney", "unit_key": "H1", "kind": "divorce", "what": "Divorce: contact 102 is the spouse no more.",
        "in_short": "…", "steps": ("The status becomes Divorced.",), "people": people, "records": records,
    }  # fmt: skip
    return Proposal(**(defaults | different))


def page_of(*proposals: Proposal, **different: Any) -> Page:
    return read_page(render_life_events(a_report(life_events=proposals, **different)))


def test_the_page_shows_who_goes_where_and_lists_records_without_a_clear_owner_first() -> None:
    page = page_of(a_proposal())
    assert not page.misnested
    assert not page.open_tags
    assert page.headings()[0] == 1
    for words in ("Ann Abbott", "C102, a unit of its own", "1 without a clear owner", "The status becomes Divorced."):
        assert words in page.words
    assert page.words.index("Joint savings") < page.words.index("account 2")
    assert '"household_id": 1, "vendor": "emoney", "confirm_life_event": "why"' in page.words


def test_a_confirmed_event_names_who_confirmed_it_and_why() -> None:
    page = page_of(a_proposal(is_confirmed=True, reason="told on the phone"), run=a_run(requested_by="amy"))
    assert "confirmed by amy: told on the phone" in page.words
    assert "To confirm" not in page.words


def test_equal_proposals_of_both_vendors_are_in_one_group() -> None:
    both = together([a_proposal(), a_proposal(vendor="profiles", steps=("A new client and case.",))])
    assert [[one.vendor for one in group] for group in both] == [["profiles", "emoney"]]
    other = a_proposal(vendor="profiles", what="New head.")
    assert len(together([a_proposal(), other])) == 2
    words = page_of(a_proposal(), a_proposal(vendor="profiles", steps=("A new client and case.",))).words
    assert "Profiles and eMoney" in words
    assert words.count("Who goes where") == 1


def test_markup_in_names_stays_dead_text() -> None:
    hostile = a_proposal(
        people=(PersonGoes(101, MARKUP, "client", "H1"),),
        records=(RecordGoes("account:1", MARKUP, 101, MARKUP, False),),
        is_confirmed=True,
        reason=MARKUP,
    )
    html = render_life_events(a_report(life_events=(hostile,), labels=labels({"household_name": MARKUP})))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 5
    assert "default-src 'none'" in html


def test_the_page_is_written_for_an_event_and_linked_from_the_report(tmp_path: Path) -> None:
    write_report(tmp_path / "without", a_report())
    assert not (tmp_path / "without" / "life_events.html").exists()
    assert "life_events.html" not in (tmp_path / "without" / "worklist.html").read_text()
    write_report(tmp_path / "with", a_report(life_events=(a_proposal(), replace(a_proposal(), unit_key="H2"))))
    files = [json.loads((tmp_path / name / "run.json").read_text())["files"] for name in ("without", "with")]
    assert [one.get("life_events") for one in files] == [None, "life_events.html"]
    assert (tmp_path / "with" / "life_events.html").stat().st_mode & 0o777 == 0o600
    assert "2 households with a changed couple" in read_page(
        (tmp_path / "with" / "worklist.html").read_text()
    ).words  # fmt: skip


def test_a_proposal_survives_a_staged_file() -> None:
    assert Proposal.from_json(a_proposal().as_json()) == a_proposal()


def test_a_few_waiting_accounts_are_listed_with_their_proposal(tmp_path: Path) -> None:
    report = a_report(newly_available=available({"category": "Roth IRA", "owner": "spouse"}))
    write_report(tmp_path, report)
    words = read_page((tmp_path / "worklist.html").read_text()).words
    assert "account:5 Roth IRA spouse" in words
