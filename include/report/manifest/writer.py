"""Writes a transfer's manifest: a page, a CSV file and a workbook with every record, and counts for machines.

The page has no script and no outside addresses; it looks like the stewards' report.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from etl.files import write_whole
from include.report.display import as_texts, json_bytes, rows_of, texts
from include.report.html import render
from include.report.manifest.model import DECISIONS, ENTITY_WORDS, RECORD_COLUMNS, Manifest
from include.report.sheets import workbook, write_csv, write_sheet

SCHEMA_VERSION = 1
LINE_COLUMNS = (
    *("contact_id", "contact_name", "record", "entity", "entity_id", "field", "group", "decision", "rule_id", "reason"),
    "target_id",
)

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


def write_manifest(folder: Path, manifest: Manifest) -> Path:
    """Write manifest.html, .csv, .xlsx and .json (each 0600, whole or not at all); gives the page's path.

    Raises OSError where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = manifest_lines(manifest)
    write_whole(folder / "manifest.csv", lambda file: write_csv(file, lines))
    write_whole(folder / "manifest.xlsx", lambda file: _write_workbook(file, manifest, lines, folder))
    path = write_whole(folder / "manifest.html", render_manifest(manifest).encode())
    write_whole(folder / "manifest.json", json_bytes(manifest_summary(manifest)))
    return path


def mark_returned(folder: Path, notice: str) -> None:
    """Says once, on top of manifest.html and in manifest.json, that the transfer was returned.

    The rows that moved stay listed as they were. A report that was removed is not written again.
    """
    page, counts = folder / "manifest.html", folder / "manifest.json"
    if not page.exists() or not counts.exists():
        return
    top = '<main id="main" tabindex="-1">\n'
    noticed = f'{top}<p class="notice" role="note"><strong>{escape(notice)}</strong></p>\n'
    html = page.read_text(encoding="utf-8")
    if noticed not in html:
        html = html.replace(top, noticed, 1)
        html = html.replace(
            "<span>Transfer <strong>Closed</strong></span>", "<span>Transfer <strong>Returned</strong></span>"
        )
        write_whole(page, html.encode())
    summary = json.loads(counts.read_text(encoding="utf-8")) | {"status": "returned", "ended": notice}
    write_whole(counts, json_bytes(summary))


def manifest_summary(manifest: Manifest) -> dict[str, Any]:
    """The manifest in counts, for machines; no names, no values."""
    rules = manifest.by_rule[["rule_id", "decision", "records", "contacts"]].fillna({"rule_id": ""})
    return {
        "schema_version": SCHEMA_VERSION,
        "transfer_id": manifest.transfer_id,
        "status": manifest.status,
        "ended": manifest.ended,
        "agrees": manifest.agrees,
        "facts": dict(manifest.facts),
        "by_table": rows_of(manifest.by_table[["entity", *DECISIONS]]),
        "by_rule": rows_of(rules),
        "held": len(manifest.held),
        "closure": len(manifest.closure),
    }


def manifest_lines(manifest: Manifest) -> pd.DataFrame:
    """Every record, and every field that does not go with its record, as text: by contact, then by table."""
    names = manifest.contacts.drop_duplicates("contact_id")
    named = pd.Series(names["name"].to_numpy(), names["contact_id"].astype("str"), dtype="str")
    fields = manifest.fields.assign(decision="stay").reindex(columns=[*RECORD_COLUMNS, "field"])
    records = pd.concat([manifest.records.assign(field=None), fields], ignore_index=True)
    order = {entity: place for place, entity in enumerate(ENTITY_WORDS)}
    place = records["entity"].map(order).fillna(len(order))
    sort = pd.DataFrame({"contact": records["contact_id"], "place": place, "key": records["entity_id"]})
    ordered = records.loc[sort.sort_values(["contact", "place", "key"], na_position="last").index]
    lines = pd.DataFrame({name: texts(ordered[name]) for name in ordered.columns})
    lines["contact_name"] = texts(lines["contact_id"].map(named))
    lines["record"] = lines["entity"].map(ENTITY_WORDS).fillna(lines["entity"])
    return lines[list(LINE_COLUMNS)].reset_index(drop=True)


def _write_workbook(file: BinaryIO, manifest: Manifest, lines: pd.DataFrame, scratch: Path) -> None:
    everything = "manifest.csv holds them all"
    with workbook(file, scratch) as book:
        write_sheet(book, "manifest", lines, everything)
        tables = manifest.by_table.rename(columns={"words": "record"}).drop(columns="entity")
        write_sheet(book, "by table", tables[["record", *DECISIONS]].astype("str"), "", numbers=DECISIONS)
        write_sheet(book, "by rule", as_texts(manifest.by_rule), "", numbers=("contacts", "records"))
        if len(manifest.fields):
            write_sheet(book, "fields left out", as_texts(manifest.fields), everything)
        if len(manifest.closure):
            write_sheet(book, "closure list", as_texts(manifest.closure.drop(columns="is_direct")), "")
        if len(manifest.held):
            write_sheet(book, "held back", as_texts(manifest.held), "")


def render_manifest(manifest: Manifest, limit: int = CONTACTS_SHOWN) -> str:
    """The page as text (`include.report.html.render`)."""
    contacts = manifest.records[manifest.records["entity"] == "contact"]
    direct = manifest.closure[manifest.closure["is_direct"].astype(bool)]
    return render(
        "manifest.html.j2",
        manifest=manifest,
        words={decision: words[manifest.has_moved] for decision, words in DECISION_WORDS.items()},
        colours={decision: words[2] for decision, words in DECISION_WORDS.items()},
        decisions=[one for one in DECISIONS if one != "failed" or manifest.total("failed")],
        totals={decision: manifest.total(decision) for decision in DECISIONS},
        tables=rows_of(manifest.by_table),
        rules=rows_of(manifest.by_rule.fillna({"rule_id": "", "reason": ""})),
        fields=rows_of(manifest.fields.head(ROWS_SHOWN)),
        entity_words=ENTITY_WORDS,
        closure=rows_of(direct.head(ROWS_SHOWN)),
        closure_more=len(manifest.closure) - len(direct.head(ROWS_SHOWN)),
        held=rows_of(manifest.held.head(ROWS_SHOWN)),
        failed=rows_of(manifest.groups[manifest.groups["status"] == "failed"].head(ROWS_SHOWN)),
        names=dict(zip(manifest.contacts["contact_id"].astype("str"), manifest.contacts["name"], strict=True)),
        cards=_cards(manifest, limit),
        cards_total=contacts["contact_id"].nunique(),
        rows_shown=ROWS_SHOWN,
    )


def _cards(manifest: Manifest, limit: int) -> list[dict[str, Any]]:
    """The contacts of the set with their decision and lines of records; first those that leave most records behind."""
    records = manifest.records[manifest.records["contact_id"].notna()]
    movers = records[records["entity"] == "contact"].drop_duplicates("contact_id").set_index("contact_id")
    staying = (records["decision"] != "move").groupby(records["contact_id"]).sum().reindex(movers.index, fill_value=0)
    shown = staying.sort_values(ascending=False, kind="stable").head(limit).index
    lines: dict[Any, list[dict[str, Any]]] = {contact_id: [] for contact_id in shown}
    for contact_id, line in _lines(records[records["contact_id"].isin(shown)]):
        lines[contact_id].append(line)
    people = manifest.contacts.drop_duplicates("contact_id").set_index("contact_id")[["name", "kind"]]
    cards = movers[["decision", "group", "target_id"]].loc[shown].join(people).assign(staying=staying)
    cards = cards.astype(object).where(cards.notna(), "").reset_index(names="contact_id")
    return [{**card, "lines": lines[card["contact_id"]]} for card in rows_of(cards)]


def _lines(records: pd.DataFrame) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Records with the same contact, table and fate as one line, with their first keys, in the order of the tables."""
    order = {entity: place for place, entity in enumerate(ENTITY_WORDS)}
    ordered = records.assign(place=records["entity"].map(order).fillna(len(order))).sort_values("place", kind="stable")
    fate = ["contact_id", "entity", "decision", "rule_id", "reason"]
    ordered = ordered.fillna({"rule_id": "", "reason": ""})
    lines: dict[tuple[Any, ...], list[str]] = {}
    for *alike, entity_id in zip(*(ordered[name].tolist() for name in (*fate, "entity_id")), strict=True):
        lines.setdefault(tuple(alike), []).append(str(entity_id))
    for (contact_id, entity, decision, rule_id, reason), keys in lines.items():
        shown = ", ".join(keys[:KEYS_SHOWN]) + (", …" if len(keys) > KEYS_SHOWN else "")
        words = {"decision": decision, "rule_id": rule_id, "reason": reason}
        record = ENTITY_WORDS.get(entity, entity)
        yield contact_id, {**words, "record": record, "records": len(keys), "keys": shown}
