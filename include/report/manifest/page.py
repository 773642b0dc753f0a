"""manifest.html: one page without script or outside addresses, in the look of the stewards' report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from include.report.display import rows_of
from include.report.html import render
from include.report.manifest.model import DECISIONS, ENTITY_WORDS, Manifest

# What one page can hold and still be read.
CONTACTS_SHOWN = 500
ROWS_SHOWN = 200
KEYS_SHOWN = 8

# decision -> as it is planned, as it turned out, the colour of its bar.
DECISION_WORDS = {
    "move": ("Moves", "Moved", "created"),
    "recreate": ("Is made anew", "Was made anew", "updated"),
    "stay": ("Stays", "Stayed", "unchanged"),
    "failed": ("Cannot move", "Did not move", "failed"),
}


@dataclass(frozen=True)
class Line:
    """Records of one contact with the same fate: which table, what becomes of them, why, and their first keys."""

    record: str
    decision: str
    rule_id: str
    reason: str
    records: int
    keys: str


@dataclass(frozen=True)
class ContactCard:
    """One contact of the set with the lines of everything that hangs on it."""

    contact_id: str
    name: str
    kind: str
    decision: str
    group: str
    target_id: str
    staying: int
    lines: list[Line]


def render_manifest(manifest: Manifest, limit: int = CONTACTS_SHOWN) -> str:
    """The page as text (`include.report.html.render`)."""
    cards = _cards(manifest, limit)
    contacts = manifest.records[manifest.records["entity"] == "contact"]
    direct = manifest.closure[manifest.closure["is_direct"].astype(bool)]
    return render(
        "manifest.html.j2",
        manifest=manifest,
        words={decision: told[manifest.has_moved] for decision, told in DECISION_WORDS.items()},
        colours={decision: told[2] for decision, told in DECISION_WORDS.items()},
        decisions=[one for one in DECISIONS if one != "failed" or "failed" in set(manifest.records["decision"])],
        totals={decision: int((manifest.records["decision"] == decision).sum()) for decision in DECISIONS},
        tables=rows_of(manifest.by_table),
        rules=rows_of(manifest.by_rule.fillna({"rule_id": "", "reason": ""})),
        fields=rows_of(manifest.fields.head(ROWS_SHOWN)),
        entity_words=ENTITY_WORDS,
        closure=rows_of(direct.head(ROWS_SHOWN)),
        closure_more=len(manifest.closure) - len(direct.head(ROWS_SHOWN)),
        held=rows_of(manifest.held.head(ROWS_SHOWN)),
        failed=rows_of(manifest.groups[manifest.groups["status"] == "failed"].head(ROWS_SHOWN)),
        names=dict(zip(manifest.contacts["contact_id"].astype("str"), manifest.contacts["name"], strict=True)),
        cards=cards,
        cards_total=contacts["contact_id"].nunique(),
        rows_shown=ROWS_SHOWN,
    )


def _cards(manifest: Manifest, limit: int) -> list[ContactCard]:
    """The contacts of the set, those of whom most stays behind first."""
    records = manifest.records[manifest.records["contact_id"].notna()]
    movers = records[records["entity"] == "contact"].drop_duplicates("contact_id").set_index("contact_id")
    staying = (records["decision"] != "move").groupby(records["contact_id"]).sum().reindex(movers.index, fill_value=0)
    shown = staying.sort_values(ascending=False, kind="stable").head(limit).index
    hanging = records[records["contact_id"].isin(shown)]
    lines: dict[Any, list[Line]] = {contact_id: [] for contact_id in shown}
    for contact_id, line in _lines(hanging):
        lines[contact_id].append(line)
    people = manifest.contacts.drop_duplicates("contact_id").set_index("contact_id")
    return [
        _card(contact_id, movers.loc[contact_id], people, int(staying[contact_id]), lines[contact_id])
        for contact_id in shown
    ]


def _lines(records: pd.DataFrame) -> Iterator[tuple[Any, Line]]:
    """Records with the same contact, table and fate as one line, in the order of the tables."""
    order = {entity: place for place, entity in enumerate(ENTITY_WORDS)}
    ordered = records.assign(place=records["entity"].map(order).fillna(len(order))).sort_values("place", kind="stable")
    ordered = ordered.fillna({"rule_id": "", "reason": ""})
    alike: dict[tuple[Any, ...], list[str]] = {}
    columns = (
        ordered[name].tolist() for name in ("contact_id", "entity", "decision", "rule_id", "reason", "entity_id")
    )
    for *fate, key in zip(*columns, strict=True):
        alike.setdefault(tuple(fate), []).append(str(key))
    for (contact_id, entity, decision, rule_id, reason), keys in alike.items():
        first = ", ".join(keys[:KEYS_SHOWN]) + (", …" if len(keys) > KEYS_SHOWN else "")
        yield contact_id, Line(ENTITY_WORDS.get(entity, entity), decision, rule_id, reason, len(keys), first)


def _card(contact_id: Any, mover: Any, people: pd.DataFrame, staying: int, lines: list[Line]) -> ContactCard:
    known = contact_id in people.index
    return ContactCard(
        contact_id=str(contact_id),
        name=str(people.at[contact_id, "name"]) if known else "",
        kind=str(people.at[contact_id, "kind"]) if known else "",
        decision=str(mover["decision"]),
        group="" if pd.isna(mover["group"]) else str(mover["group"]),
        target_id="" if pd.isna(mover["target_id"]) else str(mover["target_id"]),
        staying=staying,
        lines=lines,
    )
