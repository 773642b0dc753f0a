"""The answer to "why is this value there, or not?": source, rule, decision, run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from etl.errors import VENDOR_NAMES, ParamsError
from etl.load.ledger.story import UNDO, UnitRun
from etl.names import near
from etl.outcomes import NOT_SENT
from etl.transform.mapping.fields import ADDRESS_FIELDS, Field
from include.report.display import asked_by
from include.why.fields import (
    BY_POLICY,
    ITEMS,
    ROLES,
    TABLES,
    fate_of_column,
    holders,
    is_part_of,
    person_sources,
    record_column,
    split,
)
from include.why.history import Decided, History

NOT_MAPPED = "not mapped for this role"
# What a decision means, in a line.
WORDS = {
    "written": "written",
    "added": "written with the item",
    "kept": "kept: somebody edited it at {vendor}, and the CRM says otherwise",
    "pinned": "kept: pinned to Profiles",
    "decided": "kept: a person decided for Profiles",
    "stale": "left: the CRM has it no longer",
    "removed_by_advisor": "not written again: somebody deleted it at Profiles",
    "taken_out": "taken out by an undo",
    "conflict": "left by an undo: changed since",
    "linked": "linked",
}
RULES = {
    "profiles": {"kept": "PROFILES-KEPT", "removed_by_advisor": "PROFILES-KEPT", "stale": "PROFILES-STALE"},
    "emoney": {"kept": "EMY-OVERWRITTEN"},
}


@dataclass(frozen=True)
class Answer:
    """One field: the source of its value, the decision and its run; ``shape``: what the value looks like.

    ``last_run``: the outcome of the last run, where that run had no result and the answer is about the runs before it.
    """

    vendor: str
    unit_key: str
    field: str
    decision: str
    rule_id: str = ""
    table: str = ""
    column: str = ""
    key: str = ""
    shape: str = ""
    run_id: str = ""
    at: datetime | None = None
    as_of: str = ""
    by: str = ""
    looked_at: str = ""
    last_run: str = ""

    @property
    def source(self) -> str:
        """``contact_phone.number, key 9``; empty for a field that no column fills."""
        place = ".".join(filter(None, (self.table, self.column)))
        return f"{place}, key {self.key}" if self.key and place else place


def answer(history: History, name: str) -> Answer:
    """Why a field of a document is as it is; ``name`` written whole. Raises `ParamsError` for an unknown item."""
    latest, settled = history.runs[0], history.settled
    if settled is None or _is_new(history, settled, name):
        return _answer(history, name, is_kept_back=latest.outcome in NOT_SENT)
    found = _answer(settled, name, is_kept_back=settled.runs[0].outcome == "held")
    return replace(found, last_run=_last_run(latest))


def _last_run(ran: UnitRun) -> str:
    return f"{ran.outcome}: {ran.reason or 'no reason given'}, by {ran.run_id}"


def _is_new(history: History, settled: History, name: str) -> bool:
    """Whether only a run without a result had a value for the field, or knew its item."""
    if _latest_decision(settled, name) is not None or name in settled.sent_values:
        return False
    list_name, subject, _ = split(name)
    if history.shapes.get(name, "null") != "null" and name not in settled.shapes:
        return True
    return bool(list_name) and any(_recorded_at(history, subject)) and not any(_recorded_at(settled, subject))


def _recorded_at(history: History, subject: str) -> list[dict[str, Any]]:
    return [row for row in history.rows if row["subject"] == subject]


def _answer(history: History, name: str, is_kept_back: bool) -> Answer:
    latest = history.runs[0]
    decided = _latest_decision(history, name)
    if decided is None:
        _require_item(history, name)
    found = _sourced(history, name)
    found = replace(found, shape=decided.shape if decided and decided.shape else history.shapes.get(name, "not known"))
    if is_kept_back:
        return _kept_back(found, latest)
    if found.decision == NOT_MAPPED:
        return _by(replace(found, shape=""), latest, NOT_MAPPED, "DEM-MATRIX")
    if decided is not None:
        is_undone = decided.ran.dag_id == UNDO and decided.decision == "written"
        words = "put back by an undo" if is_undone else WORDS.get(decided.decision, decided.decision)
        words = words.format(vendor=VENDOR_NAMES[found.vendor])
        answered = _by(found, decided.ran, words, RULES[found.vendor].get(decided.decision))
        return _since(_computed(answered), decided.ran, latest)
    if name in history.sent_values:
        wrote = history.created or _sent_by(history) or latest
        words = "null: the CRM has none that goes" if found.shape == "null" else "written"
        return _since(_computed(_by(found, wrote, words, None)), wrote, latest)
    return _not_sent(history, name, found, latest)


def answer_for_column(history: History, text: str, is_settled: bool = False) -> Answer | None:
    """Why a column of a CRM record goes to the vendor, or does not; None where the text names no column.

    Raises `ParamsError` where nothing ties the record to the unit. ``is_settled``: the history is the settled part of
    another one.
    """
    named = record_column(text)
    if named is None:
        return None
    entity, number, column = named
    record, settled = f"{entity}:{number}", history.settled
    if settled is not None and (record in settled.records or record not in history.records):
        earlier = answer_for_column(settled, text, is_settled=True)
        return replace(earlier, last_run=_last_run(history.runs[0])) if earlier else None
    fate = fate_of_column(entity, column, history.vendor) or ""
    if fate == "sent" and record not in history.records:
        raise unknown_record([history], record)
    latest, table = history.runs[0], TABLES[entity]
    found = Answer(history.vendor, history.unit_key, text, fate, table=table, column=column, key=str(number))
    receipts = [row for row in _receipts(history, record) if row["name"] in (column, "*")]
    if receipts:
        return _by(found, latest, "does not go", receipts[0]["rule_id"])
    if fate == "sent" and latest.outcome in (("held",) if is_settled else NOT_SENT):
        return _kept_back(found, latest)
    goes = [row for row in history.rows if (row["table"], row["key"]) == (table, number)]
    into = [f"{row['subject']}.{row['name']}" for row in goes if column in str(row["column"]).split(", ")]
    return _by(found, latest, f"goes into {', '.join(into)}" if into and fate == "sent" else fate, None)


def unknown_record(histories: Sequence[History], record: str) -> ParamsError:
    """The error for a record that nothing in the ledger ties to the unit, with similar records of its kind."""
    unit_key = histories[0].unit_key
    at = f" at {VENDOR_NAMES[histories[0].vendor]}" if len(histories) == 1 else ""
    if not any(history.rows or history.sent_values for history in histories):
        return ParamsError(f"Whether {unit_key} has {record} is not known: nothing of its records was recorded{at}.")
    kind = record.partition(":")[0]
    alike = {one for history in histories for one in history.records if one.partition(":")[0] == kind}
    return ParamsError(f"{unit_key} has no {record}{at}.{near(record, sorted(alike))}")


def known_fields(history: History) -> list[str]:
    """Every field of the unit that was sent or kept back."""
    names = {*history.sent_values, *history.shapes, *(name for name in history.changes if split(name)[2])}
    return sorted(name for name in names if not name.endswith((".externalSourceId", ".sourceKey")))


def _latest_decision(history: History, name: str) -> Decided | None:
    found = [history.changes[one][0] for one in (name, *holders(name)) if one in history.changes]
    return max(found, key=lambda decided: decided.ran.started_at, default=None)


def _sourced(history: History, name: str) -> Answer:
    """The field with its source: the recorded one, else the one of the field tables."""
    list_name, subject, leaf = split(name)
    found = Answer(history.vendor, history.unit_key, name, "")
    recorded = _recorded(history, subject, leaf)
    if recorded is not None:
        column = recorded["column"] or _address_column(leaf)
        key = "" if recorded["key"] is None else str(recorded["key"])
        return replace(found, table=recorded["table"], column=column, key=key, rule_id=recorded["rule_id"])
    if list_name and not leaf:
        entity, _, key = subject.partition(":")
        return replace(found, table=TABLES[entity], key=key)
    if list_name in ("", "dependents"):
        role = "dependent" if list_name else subject
        origin = person_sources(role).get(leaf)
        if origin is None:
            return replace(found, decision=NOT_MAPPED)
        key = subject.partition(":")[2] if list_name else _contact_of(history, subject)
        in_contact = origin.table == "contact"
        return _with_origin(found, origin, key if in_contact else "")
    origin = ITEMS[(history.vendor, list_name, subject.partition(":")[0])].get(leaf)
    if origin is None:
        return replace(found, decision=NOT_MAPPED)
    own = _recorded(history, subject, "*")
    number = str(own["key"]) if own else subject.partition(":")[2]
    return _with_origin(found, origin, f"policy {number}" if origin.table in BY_POLICY else number)


def _with_origin(found: Answer, origin: Field, key: str) -> Answer:
    return replace(found, table=origin.table, column=origin.column, key=key, rule_id=origin.rule_id)


def _recorded(history: History, subject: str, leaf: str) -> dict[str, Any] | None:
    mine = [row for row in history.rows if row["kind"] == "source" and row["subject"] == subject]
    return next((row for row in mine if row["name"] == leaf or leaf.startswith(f"{row['name']}.")), None)


def _contact_of(history: History, subject: str) -> str:
    recorded = _recorded(history, subject, "*")
    if recorded is not None:
        return str(recorded["key"])
    link, is_client = history.link, subject in (ROLES["profiles"][0], ROLES["emoney"][0])
    contact_id = (link.client_contact_id if is_client else link.spouse_contact_id) if link else None
    return "" if contact_id is None else str(contact_id)


def _address_column(leaf: str) -> str:
    return dict(ADDRESS_FIELDS).get(leaf.rpartition(".")[2], "")


def _computed(found: Answer) -> Answer:
    return replace(found, decision=f"{found.decision}, computed") if found.rule_id == "LIA-COMPUTED" else found


def _by(found: Answer, ran: UnitRun, decision: str, rule_id: str | None) -> Answer:
    return replace(
        found, decision=decision, rule_id=rule_id or found.rule_id, run_id=ran.run_id, at=ran.started_at,
        as_of=str(ran.as_of), by=asked_by(ran.requested_by, ran.triggered_by),
    )  # fmt: skip


def _kept_back(found: Answer, latest: UnitRun) -> Answer:
    return _by(found, latest, f"{latest.outcome}: {latest.reason or 'no reason given'}", latest.rule_ids)


def _since(found: Answer, ran: UnitRun, latest: UnitRun) -> Answer:
    if ran.run_id == latest.run_id:
        return found
    return replace(found, decision=f"{found.decision}; unchanged since", looked_at=latest.run_id)


def _sent_by(history: History) -> UnitRun | None:
    return next((ran for ran in history.runs if ran.outcome in ("updated", "unchanged")), None)


def _receipts(history: History, subject: str) -> list[dict[str, Any]]:
    return [row for row in history.rows if row["kind"] == "receipt" and row["subject"] == subject]


def _not_sent(history: History, name: str, found: Answer, latest: UnitRun) -> Answer:
    """A field that we never wrote: left out by a rule, equal when the record was adopted, or absent from the CRM."""
    list_name, subject, _ = split(name)
    whole = [row for row in _receipts(history, subject) if row["name"] == "*"]
    if whole:
        return _by(found, latest, "does not go: the whole record is left out", whole[0]["rule_id"])
    if not list_name and subject == ROLES[history.vendor][1] and not _contact_of(history, subject):
        return _by(found, latest, "not in scope: the household has no spouse here", None)
    if history.link is not None and history.created is None:
        return _by(found, latest, "not written: the vendor had the same when it was linked, or the CRM has none", None)
    return _by(found, latest, "null: the CRM has none that goes", None)


def _require_item(history: History, name: str) -> None:
    """Raises `ParamsError` for an item that the ledger does not know in that list."""
    list_name, subject, _ = split(name)
    if not list_name:
        return
    entity, item = subject.partition(":")[0], name[: name.rfind("]") + 1]
    may_stand = (list_name, entity) == ("dependents", "contact") or (history.vendor, list_name, entity) in ITEMS
    if may_stand and any(_recorded_at(history, subject)):
        return
    if not any(is_part_of(one, item) for one in known_fields(history)):
        raise unknown_record([history], subject)
