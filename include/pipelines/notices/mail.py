"""The words of a notice as a mail. No value comes from a client: counts, ids, statuses, and a link to the desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from expectations.rules.cards import title
from include.report.display import clients, counted, label, show
from include.report.html import environment_of

SUBJECT_CHARACTERS = 150
_STATES = {
    "failed": "failed",
    "guard": "was stopped by a guard, before its first write",
    "unfinished": "is not through",
}


@dataclass(frozen=True)
class Mail:
    """A mail: its subject, and its page."""

    subject: str
    html: str


def compose(content: Mapping[str, Any], desk_url: str) -> Mail:
    """The mail of a notice. ``desk_url``: the address of the desk, without a slash at its end."""
    subject, lines, path = _WORDS[content["kind"]](content)
    page = environment_of().get_template("notice.html.j2")
    seen = show(f"Planbridge: {subject}")[:SUBJECT_CHARACTERS]
    return Mail(seen, page.render(subject=subject, lines=lines, link=f"{desk_url}/{path}"))


def _digest(content: Mapping[str, Any]) -> tuple[str, list[str], str]:
    day = date.fromisoformat(content["day"])
    subject = f"{day.day} {day:%B}: {counted(content['items'], 'item')} to mend, {content['critical']:,} critical"
    where = clients(content["households"], content["persons"])
    since = "All of it is new: this is the first digest." if content["is_first"] else (
        f"Since the last digest {content['new']:,} are new and {content['mended']:,} are mended."
    )  # fmt: skip
    lines = [f"{counted(content['items'], 'item')} to mend in {where}; {content['critical']:,} critical.", since]
    return subject, lines, ""


def _run(content: Mapping[str, Any]) -> tuple[str, list[str], str]:
    began = datetime.fromisoformat(content["began"])
    subject = f"{label(content['dag_id'])} of {began.day} {began:%B} {_STATES[content['state']]}"
    why = content["why"] or "The log of the run says why."
    return subject, [f"Run {content['run_id']}, begun at {began:%H:%M} UTC.", why], _run_path(content)


def _question(content: Mapping[str, Any]) -> tuple[str, list[str], str]:
    subject = f"a run by hand waits for an answer about {content['unit_key']}"
    words = "Choose the client of Profiles in the required action of the run, in Airflow."
    return subject, [f"Run {content['run_id']}.", words], _run_path(content)


def _transfer(content: Mapping[str, Any]) -> tuple[str, list[str], str]:
    subject = f"a transfer waits for {content['receiving_user']}"
    words = "Accept or reject it in the required action of the run, in Airflow. Nothing moves before that."
    return subject, [f"Transfer {content['run_id']}.", words], _run_path(content)


def _waiver(content: Mapping[str, Any]) -> tuple[str, list[str], str]:
    subject = f"the waiver of {title(content['rule_id'])} for {content['unit_key']} ends today"
    words = f"From {content['until']} on the item is open again. If it has to stay waived, ask for a new waiver."
    return subject, [f"Rule {content['rule_id']}, {content['unit_key']}.", words], "waivers"


def _run_path(content: Mapping[str, Any]) -> str:
    return f"runs/{quote(content['run_id'], safe='')}"


_WORDS = {"digest": _digest, "run": _run, "question": _question, "transfer": _transfer, "waiver": _waiver}
