"""The first words of the page: what happened, in a sentence, and who should do what now."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from etl.outcomes import CHOICES
from include.report.display import clients, counted, label, vendor_name
from include.report.run.model import RunReport
from include.report.run.tallies import Book, Tallies

# outcome -> what it means after a run, and after a dry run.
MEANINGS: Mapping[str, tuple[str, str]] = {
    "created": ("Sent for the first time.", "Would be sent for the first time."),
    "updated": ("Sent, because something changed.", "Would be sent, because something changed."),
    "unchanged": ("The vendor already has the same data.",) * 2,
    "held": ("Held back until a person mends or decides it.", "Would be held back until a person mends or decides it."),
    "deferred": (
        "Could not be sent now, for example because the case was open. A later run tries again; "
        "where a person has to choose a record, trigger it by hand.",
        "Could not be sent now, for example because the case is open.",
    ),
    "failed": ("An error stopped it. The next run tries again.", "An error stopped it."),
    "skipped": ("Left out: a license is missing, or see the reason under “Not sent”.",) * 2,
}

# The family of the rules by which a unit is skipped for want of a license.
LICENSES = "LIC-"


@dataclass(frozen=True)
class Step:
    """One thing to do: who should do it, what, why, and where on the page to look (an anchor)."""

    who: str
    what: str
    why: str
    anchor: str


def headline(report: RunReport, tallies: Tallies) -> list[str]:
    """One sentence for the run, one for each vendor, one where the books do not balance."""
    opening = f"{clients(tallies.households, tallies.persons)} checked."
    if report.run.dry_run:
        opening += " This was a dry run: nothing was sent. The words below say what would have happened."
    if tallies.is_first:
        opening += " This is the first run: all that it found is new."
    stopped = [f"The run was stopped: {report.stopped}"] if report.stopped else []
    unbalanced = " and ".join(vendor_name(book.vendor) for book in tallies.books if not book.is_balanced)
    warning = [f"The books of {unbalanced} do not balance: report it to the operator."] if unbalanced else []
    vendors = [_vendor_sentence(book, report.run.dry_run) for book in tallies.books]
    guarded = [f"{name}: {words}." for name, words in report.guard_lines.items()]
    return [opening, *stopped, *vendors, *guarded, *warning, *_elsewhere(report)]


def meanings(report: RunReport) -> dict[str, str]:
    """What each outcome means in this run."""
    words = {outcome: pair[report.run.dry_run] for outcome, pair in MEANINGS.items()}
    return words | ({"failed": "Not sent: the form or the answer has a mistake."} if report.mistake else {})


def ending(outcome: str, dry_run: bool) -> str:
    """How one unit ended: ``Updated``, or ``Would be updated`` after a dry run."""
    return f"Would be {outcome}" if dry_run and outcome != "failed" else outcome.capitalize()


def decided(decision: str, dry_run: bool) -> str:
    """What was decided about a field: ``Kept``, ``Written``, or ``Would be written`` after a dry run."""
    is_done = decision in ("written", "added", "taken_out", "linked")
    return f"Would be {label(decision).lower()}" if dry_run and is_done else label(decision)


def _elsewhere(report: RunReport) -> list[str]:
    """Findings of clients outside this run are still open: the run could not see them mended."""
    if report.open_elsewhere.empty:
        return []
    findings = counted(len(report.open_elsewhere), "finding")
    outside = counted(report.open_elsewhere["unit_key"].nunique(), "client")
    return [f"Not listed here: {findings} of earlier runs, still open in {outside} outside this run."]


def _vendor_sentence(book: Book, dry_run: bool) -> str:
    current = sum(book.outcomes[outcome] for outcome in ("created", "updated", "unchanged"))
    waiting = book.counted - current
    would = " would be" if dry_run else ""
    sentence = f"{vendor_name(book.vendor)}: {current:,} of {counted(book.in_scope, 'client')}{would} up to date"
    return f"{sentence}, {waiting:,} not." if waiting else f"{sentence}."


def advice(report: RunReport, tallies: Tallies) -> list[Step]:
    """What to do, the most urgent first; empty if there is nothing to do."""
    steps = [
        _stopped(report),
        _guarded(report),
        _critical(tallies),
        _decisions(tallies),
        _warnings(tallies),
        *_others(report, tallies),
    ]
    steps += [_partner(conf) for one in report.life_events if one.is_confirmed for conf in one.then]
    if len(report.newly_available):
        records = counted(len(report.newly_available), "account or policy", "accounts and policies")
        what = f"Link {records} at the vendor."
        steps.append(Step("Advisors", what, "The vendor does not count them before that.", "newly-available"))
    return [step for step in steps if step is not None]


def _partner(conf: str) -> Step:
    what = "Run “One household, by hand” for the former partner, too."
    return Step("The operator", what, f"This run sent nothing for this contact: {conf}", "what-happened")


def _stopped(report: RunReport) -> Step | None:
    if not report.stopped:
        return None
    if report.mistake is not None:
        is_answer = report.mistake == "answer"
        what = "Trigger it again and correct the answer." if is_answer else "Correct the form and trigger it again."
        return Step("The user who triggered it", what, report.stopped, "what-happened")
    what = "Mend what stopped the run, and start it again. Nothing is lost."
    return Step("The operator", what, report.stopped, "what-happened")


def _guarded(report: RunReport) -> Step | None:
    if not report.guarded:
        return None
    why = "Without “dry run” the run stops there, before its first write."
    return Step("The operator", "Check what the guards would stop.", why, "what-happened")


def _critical(tallies: Tallies) -> Step | None:
    findings = tallies.open_findings("critical")
    units = findings["unit_key"].nunique()
    if not units:
        return None
    new = findings.loc[findings["status"] == "new", "unit_key"].nunique()
    is_news = new and not tallies.is_first
    fresh = f" In {counted(new, 'client')} a finding is new since the last run." if is_news else ""
    what = f"Mend the critical findings of {counted(units, 'client')}."
    return Step("Data stewards", what, f"A client is not sent until they are mended.{fresh}", "by-household")


def _decisions(tallies: Tallies) -> Step | None:
    """Clients that are held without a critical finding (an ambiguous match, a life event)."""
    held = tallies.outcomes[tallies.outcomes["outcome"] == "held"]
    critical = tallies.open_findings("critical")[["vendor", "unit_key"]].drop_duplicates()
    both = held.merge(critical, on=["vendor", "unit_key"], how="left", indicator=True)
    units = both.loc[both["_merge"] == "left_only", "unit_key"].nunique()
    if not units:
        return None
    what = f"Decide on {counted(units, 'client')} held for another reason."
    return Step("Data stewards", what, "The reasons are listed below. A run by hand can release them.", "not-sent")


def _warnings(tallies: Tallies) -> Step | None:
    units = tallies.open_findings("warning")["unit_key"].nunique()
    if not units:
        return None
    what = f"Review the warnings of {counted(units, 'client')}."
    why = "A warning does not hold a client back, but data may be missing or wrong."
    return Step("Data stewards", what, why, "by-rule")


def _others(report: RunReport, tallies: Tallies) -> list[Step | None]:
    is_unchosen = (tallies.outcomes["outcome"] == "deferred") & tallies.outcomes["code"].isin(CHOICES)
    outcomes, unchosen = tallies.outcomes[~is_unchosen], tallies.outcomes[is_unchosen]
    unlicensed = outcomes[outcomes["code"].str.startswith(LICENSES)]
    again = "Trigger {} again from Airflow and answer the required action."
    failed = _outcome(outcomes, "failed", "The operator", "Find out why {} failed.", "The next run tries them again.")
    licenses = "Check the licenses for {}."
    return [
        _outcome(unchosen, "deferred", "The user who asked", again, "Only a person can choose from the Search list."),
        None if report.mistake else failed,
        _outcome(unlicensed, "skipped", "The office's administrator", licenses, "Their users lack a license."),
        _outcome(outcomes, "deferred", "Nobody", "Wait for {}.", "A later run tries them again."),
    ]


def _outcome(outcomes: pd.DataFrame, outcome: str, who: str, what: str, why: str) -> Step | None:
    units = outcomes.loc[outcomes["outcome"] == outcome, "unit_key"].nunique()
    return Step(who, what.format(counted(units, "client")), why, "not-sent") if units else None
