"""The question of a run by hand: which record of Profiles a unit is, where the pipeline may not decide.

Only the required action shows the Search list. Names and birth dates stand nowhere else: the ledger, and everything
that Airflow passes on, hold ids. An answer is checked against the list that was shown.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from etl.errors import ParamsError, SetAside, StopRun, VendorUnavailable
from etl.frames import each_row
from etl.load import matching
from etl.load.delivery import find_standing
from etl.load.job import Payload, entity_of
from etl.load.ledger import answers
from etl.load.profiles.actions import check_request
from etl.load.profiles.client import FoundHousehold
from etl.load.profiles.search import BUTTONS, Choice, Found, buttons_for, choose, search
from etl.shapes import shape_of
from include.pipelines.refresh.load import job_of, payload_of
from include.pipelines.run.context import RunContext
from include.pipelines.run.shards import read_decisions, read_documents, read_scope
from include.pipelines.run.vendors import profiles_client
from include.report.display import label, show
from include.runtime.acting import RIGHT

log = logging.getLogger(__name__)

VENDOR = "profiles"
# Households that are shown; the ledger has the ids of all.
SHOWN_AT_ONCE = 100
_WHO_MAY_ANSWER = (
    f"it is for the user who triggered the run, for the user in whose name it goes, or for users of {RIGHT}."
)
_MARKUP = re.compile(r"([!-/:-@\[-`{-~])")
_LINK = re.compile(r"://|www\.|@", re.IGNORECASE)


class AskAgain(ParamsError):
    """An answer whose button and ids do not go together, or that leaves open what is meant."""


@dataclass(frozen=True)
class Question:
    """What the required action shows; ``body``: Markdown with client data.

    ``buttons``: all buttons of SmartOffice; the body says which of them have something to do. ``households`` and
    ``cases``: the ids that can be chosen, with the words that are shown for them.
    """

    subject: str
    body: str = field(repr=False)
    buttons: tuple[str, ...]
    households: Mapping[str, str]
    cases: Mapping[str, str]
    seconds: float


def question_for(context: RunContext, somebody_is_there: bool) -> Question | None:
    """The question that this run has to ask; None where nothing is to be asked.

    Raises `ParamsError` where the household or case in the form cannot be the unit's: nothing is sent.
    """
    payload = _payload_to_send(context)
    try:
        return None if payload is None else _question(context, payload, somebody_is_there)
    except (SetAside, VendorUnavailable):
        # The load meets the same error, and makes it the household's outcome.
        return None


def _question(context: RunContext, payload: Payload, somebody_is_there: bool) -> Question | None:
    job = job_of(context, VENDOR)
    assert job.by_hand is not None
    standing = find_standing(job, VENDOR, payload)
    link = standing.link
    chosen = job.by_hand.household_id or job.by_hand.case_id
    if chosen or job.by_hand.action == "create_client_and_case":
        check_request(profiles_client(context), job, payload, link)
        return None
    may_ask = somebody_is_there and not context.request.dry_run
    if job.by_hand.action != "auto" or not may_ask or (link is not None or standing.begun):
        return None
    found = search(profiles_client(context), job, payload)
    if isinstance(found.decision, matching.Adopt):
        return None
    answers.ask(job.ledger, job.run_id, VENDOR, payload.unit_key, found.shown)
    return Question(
        _subject(payload.unit_key),
        _body(payload, found, buttons_for(found.shown)),
        tuple(BUTTONS),
        # Airflow keeps plain texts, and none of a class of their own.
        {str(one.household_id): str(one.household_id) for one in found.free},
        {
            str(case.case_id): f"{case.case_id} (household {one.household_id})"
            for one in found.free
            for case in one.cases
        },
        context.settings.profiles.answer_within.total_seconds(),
    )


def answer_to(context: RunContext, event: Mapping[str, Any]) -> str | Question | None:
    """The answer (`keep_answer`); the question once more where the answer does not count or leaves something open."""
    try:
        answer = keep_answer(context, event)
    except AskAgain as mistake:
        again = question_for(context, somebody_is_there=True)
        return again and replace(again, body=f"**Please answer again.** {_text(str(mistake))}\n\n{again.body}")
    return question_for(context, somebody_is_there=True) if answer is None else answer


def keep_answer(context: RunContext, event: Mapping[str, Any]) -> str | None:
    """Saves the answer in the ledger, with its author and time; gives the action that was chosen, or ``timed_out``.

    None: the author may not act for the user in whose name the run goes (LIC-ACTING), and the question is asked again.
    Raises `AskAgain` for an answer that the list does not allow, and `ParamsError` for one that names another record.
    """
    ledger, run_id = context.ledger, context.request.run_id
    unit_key = _unit_key(context)
    if event.get("error_type") == "timeout":
        answers.time_out(ledger, run_id, VENDOR, unit_key)
        return "timed_out"
    if "error" in event:
        raise StopRun("Airflow could not take the answer over. Start the run again.")
    asked = answers.find_answer(ledger, run_id, VENDOR, unit_key)
    if asked is None:
        raise StopRun(f"The ledger knows of no question about {unit_key} in this run. Start the run again.")
    (button,) = event["chosen_options"]
    given: dict[str, str | None] = {"household_id": None, "case_id": None}
    who, when = (event.get("responded_by_user") or {}).get("name"), _in_utc(event["responded_at"])
    if not _may_answer(context, who):
        log.warning("The answer of %s does not count: %s", who, _WHO_MAY_ANSWER)
        return None
    try:
        given = _read_ids(event.get("params_input") or {})
        choice = _choose(asked.shown, BUTTONS[button], given)
    except AskAgain as mistake:
        log.warning("The answer of %s cannot be carried out, and the question is asked again: %s", who, mistake)
        raise
    except ParamsError as mistake:
        answers.give_answer(
            ledger, run_id, VENDOR, unit_key, BUTTONS[button], given["household_id"], given["case_id"], who, when,
            is_mistaken=True,
        )  # fmt: skip
        raise ParamsError(f"The answer to the required action was incomplete or not right: {mistake}") from None
    answers.give_answer(ledger, run_id, VENDOR, unit_key, choice.action, choice.household_id, choice.case_id, who, when)
    return choice.action


def _choose(shown: Mapping[str, Any], action: str, given: Mapping[str, str | None]) -> Choice:
    """What the answer chooses. Raises `AskAgain` where its ids are those that the form offers, or left out."""
    try:
        return choose(shown, action, given["household_id"], given["case_id"])
    except ParamsError as mistake:
        households = {None, *(one["household_id"] for one in shown["households"])}
        cases = {None, *(case_id for one in shown["households"] for case_id in one["case_ids"])}
        if given["household_id"] in households and given["case_id"] in cases:
            raise AskAgain(str(mistake)) from None
        raise


def _may_answer(context: RunContext, who: str | None) -> bool:
    """LIC-ACTING: an answer is given in the run's name."""
    request = context.request
    may_act = context.settings.service.may_act_for_others
    return who is not None and who in (request.triggered_by, request.requested_by, *may_act)


def _payload_to_send(context: RunContext) -> Payload | None:
    hand = context.request.by_hand
    if context.request.vendors != (VENDOR,) or (hand is not None and hand.what.unlink is not None):
        return None
    decisions = read_decisions(context, VENDOR)
    going = read_documents(context, VENDOR, 0, decisions.loc[decisions["decision"] == "send", "unit_key"])
    return next((payload_of(row) for row in each_row(going)), None)


def _unit_key(context: RunContext) -> str:
    return str(read_scope(context)["unit_key"].iloc[0])


def _read_ids(given: Mapping[str, Any]) -> dict[str, str | None]:
    """The ids of an answer, which may come as numbers. Raises `ParamsError`."""
    strangers = sorted(set(given) - {"household_id", "case_id"})
    if strangers:
        raise ParamsError(f"Unknown field {', '.join(strangers)} in the answer: there are household_id and case_id.")
    ids: dict[str, str | None] = {}
    for name in ("household_id", "case_id"):
        value = given.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int | None):
            raise ParamsError(f"{label(name)} is one of the ids of the list, not {shape_of(value)}.")
        ids[name] = None if value is None else str(value).strip() or None
    return ids


def _in_utc(moment: datetime | str) -> datetime:
    given = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return given.astimezone(UTC).replace(tzinfo=None) if given.tzinfo else given


def _subject(unit_key: str) -> str:
    entity, entity_id = entity_of(unit_key)
    return f"Which client of Profiles is {entity} {entity_id}?"


def _body(payload: Payload, found: Found, buttons: Sequence[str]) -> str:
    """The Search list as Markdown. Names come from the vendor: their Markdown is escaped."""
    person = payload.read()["document"]["clientA"]
    who = f"**{_text(person['firstName'])} {_text(person['lastName'])}**, born {_text(person['birthDate'])}"
    if not found.households:
        return f"{who}\n\nProfiles has no household of this client or last name.\n\n{_help(buttons)}"
    count = len(found.households)
    if found.match_type == "key":
        head = "Matched by our key in Profiles; names and birth dates there do not count:"
    elif found.match_type == "exact":
        head = "The exact match in Profiles:" if count == 1 else f"{count} exact matches in Profiles:"
    else:
        head = f"No exact match. {count} household{'s' * (count > 1)} in Profiles with the same last name:"
    rows = [row for household in found.households[:SHOWN_AT_ONCE] for row in _rows(household, found)]
    more = f"\n\n… and {count - SHOWN_AT_ONCE} more." if count > SHOWN_AT_ONCE else ""
    table = "\n".join(["| Household | Client | Born | Case | Case name | State |", "|---|---|---|---|---|---|", *rows])
    return f"{who}\n\n{head}\n\n{table}{more}\n\n{_help(buttons)}"


_DOES = {
    "Update Case": "merges into a case of the list",
    "Create New Case": "adds one to a household",
    "Open Case": "gives a case's address and writes nothing",
    "Create New Client and Case": "makes a client of its own",
}


def _help(buttons: Sequence[str]) -> str:
    does = ", ".join(f"**{button}** {_DOES[button]}" for button in buttons)
    ids = " Ids are needed only where the list leaves a choice." if len(buttons) > 1 else ""
    rest = "" if len(buttons) == len(BUTTONS) else " The list leaves nothing to do for the other buttons."
    return f"{does}.{ids}{rest}"


def _rows(household: FoundHousehold, found: Found) -> list[str]:
    owner = found.linked_to.get(household.household_id)
    client = household.client
    name = f"{_text(client.first_name)} {_text(client.last_name)}".strip()
    head = [f"**{_text(household.household_id)}**", name, _text(client.birth_date)]
    cases = [[_text(case.case_id), _text(case.name), case.state] for case in household.cases] or [["", "", "no case"]]
    note = f" (linked to {owner})" if owner else ""
    return [f"| {' | '.join([*head, case_id, named, state + note])} |" for case_id, named, state in cases]


def _text(value: str | None) -> str:
    """The vendor's text with its Markdown escaped."""
    seen = " ".join(show(value or "").split())
    if _LINK.search(seen):
        # Escaped addresses still become links in Markdown, but not as code.
        return "`" + seen.replace("`", "'").replace("|", "\\|") + "`"
    return _MARKUP.sub(r"\\\1", seen)
