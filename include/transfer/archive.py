"""What may not move is kept at the source: one readable file for each contact that moved."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd

from etl import canonical
from etl.transform.transfers import Plan
from expectations.report.display import show
from expectations.report.manifest import ENTITY_WORDS, Manifest
from include.transfer import plan
from include.transfer.context import TransferContext

# A commission hangs on a policy or case; a person looks for it by that, not by the contact's own tables.
_LEFT_OUT = ("contact",)


def write(context: TransferContext, planned: Plan, made: Manifest) -> Path:
    """Writes ``contact <id>.txt`` (0600) for each contact that moved and left something behind."""
    folder = context.archive
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    records = made.records
    contacts = records[(records["entity"] == "contact") & (records["decision"] == "move")]
    there = dict(zip(contacts["contact_id"], contacts["target_id"].astype("str"), strict=True))
    stays = (records["decision"] == "stay") & records["contact_id"].isin(list(there))
    left = records[stays & ~records["entity"].isin(_LEFT_OUT)]
    rows = {entity: _by_id(entity, frame) for entity, frame in plan.read_rows(context).items()}
    fields = dict(iter(planned.fields.groupby("contact_id")))
    names = made.contacts.set_index("contact_id")["name"]
    for contact_id, part in left.groupby("contact_id"):
        head = [
            f"Contact {int(str(contact_id))}: {show(str(names.get(contact_id, '')))}",
            f"Moved from {made.facts['From']} to {made.facts['To']}, transfer {context.request.run_id}",
            f"There it is contact {there[contact_id]}.",
            "What follows did not move.",
        ]
        text = "\n".join([*head, *_records(part, rows), *_fields(fields.get(contact_id), rows), ""])
        _write_private(folder / f"contact {int(str(contact_id))}.txt", text)
    os.sync()
    return folder


def _by_id(entity: str, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_index(canonical.row_ids(entity, frame))


def _records(part: pd.DataFrame, rows: dict[str, pd.DataFrame]) -> list[str]:
    lines = []
    for entity, of_table in part.groupby("entity", sort=False):
        lines += ["", f"{ENTITY_WORDS.get(str(entity), str(entity))}"]
        values = rows[str(entity)]
        for entity_id, rule_id, reason in zip(
            of_table["entity_id"], of_table["rule_id"], of_table["reason"], strict=True
        ):
            lines.append(f"  {show(str(entity_id))} ({rule_id}: {show(str(reason))})")
            lines += [
                f"    {name}: {_value(value)}" for name, value in values.loc[entity_id].items() if pd.notna(value)
            ]
    return lines


def _fields(fields: Any, rows: dict[str, pd.DataFrame]) -> list[str]:
    if fields is None:
        return []
    lines = ["", "Fields that did not go with records that moved"]
    for row in fields.itertuples(index=False):
        value = rows[row.entity].at[row.entity_id, row.field]
        lines.append(
            f"  {ENTITY_WORDS.get(row.entity, row.entity)} {row.entity_id} ({row.rule_id}: {show(row.reason)})"
        )
        lines.append(f"    {row.field}: {_value(value)}")
    return lines


def _value(value: object) -> str:
    """A value on one line or, indented, on several: what cannot be seen is spelled out."""
    return "\n      ".join(show(line) for line in str(value).splitlines()) or '""'


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
