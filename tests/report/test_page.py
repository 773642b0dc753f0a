"""The page is whole, runs nothing, is accessible, and says what happened."""

import base64
import hashlib
import re
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from etl.outcomes import CHOICES
from expectations.rules.cards import title
from include.report.html import duration
from include.report.run.model import RunReport
from include.report.run.pages import render_worklist
from include.report.run.tallies import tally
from include.report.run.writer import write_report
from tests.report.builders import a_busy_report, a_report, a_run, changes, findings, labels, outcomes
from tests.report.pages import Page, read_page

GOLDEN = Path(__file__).parent / "golden" / "worklist.html"


def html_of(report: RunReport, limit: int = 2_000) -> str:
    return render_worklist(report, tally(report), limit)


@pytest.fixture(scope="module")
def busy() -> str:
    return html_of(a_busy_report())


@pytest.fixture(scope="module")
def page(busy: str) -> Page:
    return read_page(busy)


def test_the_page_is_the_golden_one(busy: str) -> None:
    assert busy == GOLDEN.read_text(encoding="utf-8"), f"if this is meant, write the page to {GOLDEN}"


def test_every_tag_is_closed_where_it_was_opened(page: Page) -> None:
    assert page.misnested == []
    assert page.open_tags == []


def test_nothing_on_the_page_leads_outside(busy: str, page: Page) -> None:
    addresses = page.values("href") + page.values("src") + page.values("action") + page.values("srcset")
    assert {address for address in addresses if not address.startswith("#")} == {"worklist.csv", "worklist.xlsx"}
    assert not re.search(r"https?:|//[a-z]|url\(|@import", busy)


def test_the_page_runs_nothing(page: Page) -> None:
    assert not page.all("script", "iframe", "object", "embed", "form", "link", "base", "img")
    attributes = {name for _, found in page.tags for name in found}
    assert not {name for name in attributes if name.startswith("on") or name == "style"}


def test_the_security_policy_allows_this_style_sheet_and_nothing_else(busy: str, page: Page) -> None:
    [policy] = [tag["content"] for tag in page.all("meta") if tag.get("http-equiv") == "Content-Security-Policy"]
    style = re.search("<style>(.*)</style>", busy, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_the_page_has_its_landmarks_language_and_skip_link(page: Page) -> None:
    assert [len(page.all(name)) for name in ("header", "nav", "main", "footer", "h1")] == [1, 1, 1, 1, 1]
    assert page.all("html")[0]["lang"] == "en"
    assert page.all("a")[0] == {"class": "skip", "href": "#main"}
    assert page.all("nav")[0]["aria-label"]


def test_headings_never_skip_a_level(page: Page) -> None:
    levels = page.headings()
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_ids_are_unique_and_every_anchor_leads_somewhere(page: Page) -> None:
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    targets = [address[1:] for address in page.values("href") if address.startswith("#")]
    assert {"rule-DEM-BIRTH-DATE-critical", "household-H1", "by-rule"} <= set(targets)
    assert set(targets + page.values("aria-labelledby")) <= set(ids)


def test_tables_have_captions_and_headers_with_scopes(page: Page) -> None:
    assert len(page.all("caption")) == len(page.all("table")) == 8
    assert all(header.get("scope") in ("col", "row") for header in page.all("th"))


def test_every_picture_has_words_or_is_hidden(page: Page) -> None:
    pictures = page.all("svg")
    assert pictures
    assert all(picture.get("aria-label") or picture.get("aria-hidden") == "true" for picture in pictures)


def test_a_critical_finding_says_that_the_household_is_not_sent(page: Page) -> None:
    assert "This household is not sent to Profiles until the finding is mended." in page.text


def test_a_problem_at_both_vendors_is_listed_once(page: Page) -> None:
    assert page.text.count("Not the primary one.") == 2  # once by household, once by rule
    assert "its data at Profiles and eMoney may be" in page.text


def test_new_known_and_mended_are_counted_in_words(page: Page) -> None:
    assert "New 2 found for the first time" in page.words
    assert "Known 2 still waiting to be mended" in page.words
    assert "Mended 1 gone since the last run" in page.words


def test_info_findings_are_counted_and_not_listed(page: Page) -> None:
    assert "LIA-COMPUTED" in page.text
    assert "rule-LIA-COMPUTED-info" not in page.values("id")


def test_a_household_that_failed_without_a_finding_is_listed_with_its_reason(page: Page) -> None:
    assert "household-H2" in page.values("id")
    assert "Failed at Profiles: HTTP 500 three times" in page.text


def test_a_reason_is_not_repeated_where_a_problem_shows_it(page: Page) -> None:
    assert "Held at Profiles: DEM-BIRTH-DATE" not in page.text


def test_critical_and_new_households_come_first_and_the_rest_is_in_the_files() -> None:
    report = a_report(
        outcomes=outcomes(*({"unit_key": f"H{number}"} for number in range(1, 6))),
        findings=findings(
            {"unit_key": "H1", "severity": "warning", "status": "known"},
            {"unit_key": "H2", "severity": "warning", "status": "new"},
            {"unit_key": "H3", "severity": "critical", "status": "known"},
            {"unit_key": "H4", "severity": "critical", "status": "new"},
        ),
    )
    short = read_page(html_of(report, limit=3))
    shown = [name for name in short.values("id") if name.startswith("household-")]
    assert shown == ["household-H4", "household-H3", "household-H2"]
    assert "Only the first 3 are shown here." in short.text
    assert "4 clients to review" in short.text


def test_the_page_stays_small_with_many_findings() -> None:
    many = [{"unit_key": f"H{unit}", "entity_id": record} for unit in range(400) for record in range(30)]
    report = a_report(outcomes=outcomes(*({"unit_key": f"H{unit}"} for unit in range(400))), findings=findings(*many))
    html = html_of(report, limit=100)
    assert len(html) < 100 * 20 * 1_000
    assert "10 more: see" in html


def test_a_run_without_findings_has_a_friendly_page() -> None:
    calm = read_page(html_of(a_report()))
    assert "Nothing to do. Everything in scope is up to date" in calm.text
    assert "No client needs attention." in calm.text
    assert calm.misnested == []


def test_a_run_over_nothing_has_a_page_too(tmp_path: Path) -> None:
    empty = a_report(outcomes=outcomes(), labels=labels(), units_in_scope={})
    assert "0 clients (0 households, 0 persons) checked." in write_report(tmp_path, empty).read_text(encoding="utf-8")


def test_a_dry_run_says_so_before_anything_else() -> None:
    dry = read_page(html_of(a_report(run=a_run(dry_run=True), changes=changes({}))))
    assert dry.text.index("Dry run: nothing was sent") < dry.text.index("What happened")
    assert "Profiles: 1 of 1 client would be up to date." in dry.text
    assert "Would be sent for the first time." in dry.text
    assert "Fields that would change" in dry.text


def test_the_fields_of_few_households_are_listed_without_values() -> None:
    shown = changes({}, {"unit_key": "H2", "vendor": "emoney", "field": "cellPhone", "decision": "removed_by_advisor"})
    dry = read_page(html_of(a_report(run=a_run(dry_run=True), changes=shown.assign(old="555-0101", new="555-0102"))))
    assert "H1 Profiles clientA.lastName Would be written H2 eMoney cellPhone Removed by advisor" in dry.words
    assert "555-010" not in dry.words


def test_many_households_are_counted_by_field() -> None:
    shown = changes(*({"unit_key": f"H{number}"} for number in range(21)))
    page = read_page(html_of(a_report(changes=shown)))
    assert "Profiles clientA.lastName written 21" in page.words
    assert "H20 Profiles" not in page.words


def test_times_name_their_time_zone() -> None:
    page = read_page(html_of(a_report(run=a_run(started_at=datetime(2026, 11, 22, 3, 12), finished_at=None))))
    assert "Started 22 November 2026, 03:12 UTC" in page.words


def test_a_unit_without_labels_is_named_by_its_key() -> None:
    nameless = read_page(html_of(a_report(findings=findings({}), labels=labels())))
    assert "household-H1" in nameless.values("id")
    assert "Head:" not in nameless.text


def test_unbalanced_books_are_reported_at_the_top() -> None:
    unbalanced = html_of(a_report(units_in_scope={"profiles": 2}))
    assert "The books of Profiles do not balance" in unbalanced


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "not known"),
        (0.42, "0.4 s"),
        (12.4, "12 s"),
        (59.7, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.7, "1 h 00 min"),
        (3900, "1 h 05 min"),
    ],
)
def test_durations_are_written_for_people(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_a_stopped_run_says_why_and_does_not_say_nothing_to_do() -> None:
    html = html_of(a_report(run=a_run(status="failed"), stopped="No such unit in the CRM: H99999."))
    assert "The run was stopped: No such unit in the CRM: H99999." in html
    assert "Mend what stopped the run, and start it again. Nothing is lost." in html
    assert "Nothing to do" not in html


def test_open_findings_of_households_outside_the_run_are_counted() -> None:
    elsewhere = pd.DataFrame({"vendor": ["profiles", "emoney", "profiles"], "unit_key": ["H7", "H7", "H8"]})
    html = html_of(a_report(open_elsewhere=elsewhere))
    assert "3 findings of earlier runs, still open in 2 clients outside this run" in html


def test_a_run_of_one_household_shows_its_result_first() -> None:
    ended = {"unit_key": "H12", "outcome": "deferred", "reason": "the case is open: jo, since 2026-11-20"}
    page = html_of(a_report(units=1, units_in_scope={"profiles": 1}, outcomes=outcomes(ended)))
    assert page.index("H12 at Profiles") < page.index('id="what-to-do"')
    assert "the case is open: jo" in page


@pytest.mark.parametrize(("outcome", "words"), [("updated", "Would be updated."), ("created", "Would be created.")])
def test_a_dry_run_of_one_household_shows_the_result_that_it_would_have(outcome: str, words: str) -> None:
    dry = read_page(html_of(a_report(run=a_run(dry_run=True), outcomes=outcomes({"outcome": outcome})))).text
    assert words in dry
    assert "up to date, and no rule" not in dry
    assert "Nothing was sent: to send it, start the run again without “dry run”." in dry


@pytest.mark.parametrize("code", CHOICES)
def test_a_household_that_waits_for_a_choice_has_to_be_triggered_again(code: str) -> None:
    ended = {"outcome": "deferred", "reason": "households that match exactly: h-1", "code": code}
    waiting = read_page(html_of(a_report(outcomes=outcomes(ended)))).text
    assert "Trigger 1 client again from Airflow and answer the required action." in waiting
    assert "A later run tries them again" not in waiting


def test_a_dry_run_that_would_send_nothing_does_not_advise_a_real_run() -> None:
    skipped = outcomes({"outcome": "skipped", "reason": "made by that run; nothing is deleted"})
    dry = read_page(html_of(a_report(run=a_run(dry_run=True), outcomes=skipped))).text
    assert "Nothing has to be mended, and nothing would be sent." in dry
    assert "start the run again" not in dry


@pytest.mark.parametrize(
    ("reason", "code", "is_advised"),
    [
        ("LIC-ENABLED: former lacks Enabled", "LIC-ENABLED", True),
        ("superseded: 2026-11-22 has been sent already", None, False),
        ("made by that run; nothing is deleted", None, False),
    ],
)
def test_licenses_are_checked_only_where_one_is_missing(reason: str, code: str | None, is_advised: bool) -> None:
    skipped = outcomes({"outcome": "skipped", "reason": reason, "code": code})
    text = read_page(html_of(a_report(outcomes=skipped))).text
    assert ("Check the licenses for 1 client." in text) is is_advised
    assert reason in text


def test_a_dry_run_shows_at_the_top_what_a_guard_would_stop() -> None:
    guarded = {"profiles": "82 × liability, liabilities[].currentBalance: → 0"}
    dry = html_of(a_report(run=a_run(dry_run=True), guarded=guarded))
    said = dry.index("Profiles guards would stop this: 82 × liability")
    assert said < dry.index("Check what the guards would stop.") < dry.index('id="by-household"')


def test_a_mistake_in_the_form_is_to_be_corrected_there_and_no_later_run_tries_again() -> None:
    why = "links: account:9 is no account or policy of H1."
    failed = outcomes({"outcome": "failed", "reason": why})
    shown = read_page(html_of(a_report(outcomes=failed, stopped=why, mistake="form"))).text
    assert "Correct the form and trigger it again." in shown
    assert why in shown
    assert "next run" not in shown
    assert "Find out why" not in shown


def test_an_incomplete_answer_is_to_be_corrected() -> None:
    why = "The answer to the required action was incomplete or not right: Household 7 has the cases 1, 2: say which."
    failed = outcomes({"outcome": "failed", "reason": why})
    shown = read_page(html_of(a_report(outcomes=failed, stopped=why, mistake="answer"))).text
    assert "Trigger it again and correct the answer." in shown
    assert "Correct the form" not in shown


def test_a_run_with_nothing_in_scope_does_not_say_that_everything_was_sent() -> None:
    empty = read_page(html_of(a_report(outcomes=outcomes(), labels=labels(), units_in_scope={"profiles": 0}))).text
    assert "No client was in scope: nothing was sent." in empty
    assert "Every client in scope" not in empty


def test_a_rule_goes_by_its_title_with_the_id_behind_it(page: Page) -> None:
    assert title("DEM-BIRTH-DATE") != "DEM-BIRTH-DATE"
    assert f"{title('DEM-BIRTH-DATE')} DEM-BIRTH-DATE" in page.words


def test_clients_are_counted_with_their_kinds() -> None:
    units = outcomes({}, {"unit_key": "H2"}, {"unit_key": "C3"}, {"unit_key": "C3", "vendor": "emoney"})
    words = read_page(html_of(a_report(outcomes=units))).words
    assert "3 clients (2 households, 1 person) checked." in words
    assert "Clients in scope 3 clients (2 households, 1 person)" in words


def test_a_first_run_says_once_that_all_is_new() -> None:
    report = a_report(
        outcomes=outcomes({"outcome": "created"}, {"unit_key": "H2", "outcome": "held"}),
        findings=findings({"unit_key": "H2"}, {"severity": "warning", "rule_id": "HH-PRIMARY"}),
    )
    first = read_page(html_of(report))
    assert "This is the first run: all that it found is new." in first.words
    assert "new since the last run" not in first.words
    assert not [tag for tag in first.all("span") if tag.get("class") == "chip fresh"]
    assert "New only" not in first.words
    later = read_page(html_of(a_report(outcomes=outcomes({}), findings=findings({}))))
    assert "first run" not in later.words
    assert "New only" in later.words


def test_records_lead_to_the_crm_where_the_setting_gives_their_address() -> None:
    pattern = "https://crm.example.com/open?kind={kind}&id={id}"
    hostile = {"unit_key": "H1", "entity": "<b>", "entity_id": '7" onclick="x', "message": "x"}
    page = read_page(html_of(a_report(record_url=pattern, findings=findings({}, hostile))))
    links = {address for address in page.values("href") if address.startswith("https:")}
    assert links == {
        "https://crm.example.com/open?kind=household&id=1",
        "https://crm.example.com/open?kind=contact&id=11",
        "https://crm.example.com/open?kind=%3Cb%3E&id=7%22%20onclick%3D%22x",
    }
    assert {tag["rel"] for tag in page.all("a") if tag.get("target")} == {"noopener noreferrer"}
    assert not page.values("onclick")
    assert not [address for address in read_page(html_of(a_report())).values("href") if "crm" in address]
