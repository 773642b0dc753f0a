"""Keeps what may not move in the source office's archive: one readable file for each contact that moved."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from etl import canonical
from etl.transform.transfers import TransferPlan
from include.pipelines.transfer.reading import Reading
from include.pipelines.transfer.request import TransferContext
from include.report.display import show
from include.report.manifest.model import ENTITY_WORDS, Manifest


def write(context: TransferContext, planned: TransferPlan, made: Manifest) -> None:
    """Writes ``contact <id>.txt`` (0600) for each contact that moved and left something behind."""
    context.archive.mkdir(parents=True, exist_ok=True, mode=0o700)
    records = made.records
    contacts = records[(records["entity"] == "contact") & (records["decision"] == "move")]
    there = dict(zip(contacts["contact_id"].tolist(), contacts["target_id"].tolist(), strict=True))
    rows = Reading.staged(context.staging).rows
    lines: dict[int, list[str]] = {}
    stays = (records["decision"] == "stay") & (records["entity"] != "contact")
    for entity, of_table in records[stays & records["contact_id"].isin(list(there))].groupby("entity", sort=False):
        for contact_id, record in _records(str(entity), of_table, rows[str(entity)]):
            lines.setdefault(contact_id, []).extend(record)
    for contact_id, field in _fields(planned.fields, rows):
        if contact_id in there:
            lines.setdefault(contact_id, []).extend(field)
    names = dict(zip(made.contacts["contact_id"].tolist(), made.contacts["name"].tolist(), strict=True))
    for contact_id, left in lines.items():
        head = [
            f"Contact {contact_id}: {show(str(names.get(contact_id, '')))}",
            f"Moved from {made.facts['From']} to {made.facts['To']}, transfer {context.request.run_id}",
            f"There it is contact {there[contact_id]}.",
            "What follows did not move.",
        ]
        _write_private(context.archive / f"contact {contact_id}.txt", "\n".join([*head, *left, ""]))
    os.sync()  # once for all: there may be thousands of files


def _records(entity: str, of_table: pd.DataFrame, rows: pd.DataFrame) -> Iterator[tuple[int, list[str]]]:
    """contact id and the lines of each record of a table that stays, by contact and key."""
    staying = of_table[["entity_id", "contact_id", "rule_id", "reason"]].sort_values(["contact_id", "entity_id"])
    values = rows.assign(entity_id=canonical.row_ids(entity, rows)).set_index("entity_id").loc[staying["entity_id"]]
    names = list(values.columns)
    cells = zip(
        *(values[name].astype(object).where(values[name].notna(), None).tolist() for name in names), strict=True
    )
    columns = (staying[name].tolist() for name in ("entity_id", "contact_id", "rule_id", "reason"))
    words, before = ENTITY_WORDS.get(entity, entity), None
    for entity_id, contact_id, rule_id, reason, row in zip(*columns, cells, strict=True):
        title = ["", words] if contact_id != before else []
        before = contact_id
        filled = [f"    {name}: {_value(value)}" for name, value in zip(names, row, strict=True) if value is not None]
        yield contact_id, [*title, f"  {show(entity_id)} ({rule_id}: {show(reason)})", *filled]


def _fields(fields: pd.DataFrame, rows: dict[str, pd.DataFrame]) -> Iterator[tuple[int, list[str]]]:
    """contact id and the lines of each field that did not go with its record."""
    for (entity_key, field_key), some in fields.groupby(["entity", "field"], sort=False):
        entity, field = str(entity_key), str(field_key)
        table = rows[entity]
        values = pd.Series(table[field].array, canonical.row_ids(entity, table)).loc[some["entity_id"]].tolist()
        columns = (some[name].tolist() for name in ("contact_id", "entity_id", "rule_id", "reason"))
        for contact_id, entity_id, rule_id, reason, value in zip(*columns, values, strict=True):
            of_record = f"{ENTITY_WORDS.get(entity, entity)} {entity_id} without its {field.replace('_', ' ')}"
            yield contact_id, ["", f"{of_record} ({rule_id}: {show(reason)})", f"    {field}: {_value(value)}"]


def _value(value: object) -> str:
    """A value on one line or, indented, on several; invisible characters are spelled out."""
    return "\n      ".join(show(line) for line in str(value).splitlines()) or '""'


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
