"""Writes a transfer's manifest: a page, a CSV file and a workbook with every record, and its counts for machines."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from etl.files import write_whole
from include.report.display import as_texts, json_bytes, rows_of, texts
from include.report.manifest.model import DECISIONS, ENTITY_WORDS, RECORD_COLUMNS, Manifest
from include.report.manifest.page import render_manifest
from include.report.sheets import workbook, write_csv, write_sheet

SCHEMA_VERSION = 1
LINE_COLUMNS = (
    *("contact_id", "contact_name", "record", "entity", "entity_id", "field", "group", "decision", "rule_id", "reason"),
    "target_id",
)


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


def mark_returned(folder: Path, told: str) -> None:
    """Says on top of manifest.html and in manifest.json that the transfer came back; once, however often it is called.

    What was moved stays listed as it was: the staged rows are gone. Reports that were removed stay removed.
    """
    page, counts = folder / "manifest.html", folder / "manifest.json"
    if not page.exists() or not counts.exists():
        return
    notice = f'<main id="main" tabindex="-1">\n<p class="notice" role="note"><strong>{escape(told)}</strong></p>\n'
    html = page.read_text(encoding="utf-8")
    if notice not in html:
        html = html.replace('<main id="main" tabindex="-1">\n', notice, 1)
        html = html.replace(
            "<span>Transfer <strong>Closed</strong></span>", "<span>Transfer <strong>Returned</strong></span>"
        )
        write_whole(page, html.encode())
    summary = json.loads(counts.read_text(encoding="utf-8")) | {"status": "returned", "ended": told}
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
        write_sheet(book, "by table", tables[["record", *DECISIONS]].astype("str"), "")
        write_sheet(book, "by rule", as_texts(manifest.by_rule), "")
        if len(manifest.fields):
            write_sheet(book, "fields left out", as_texts(manifest.fields), everything)
        if len(manifest.closure):
            write_sheet(book, "closure list", as_texts(manifest.closure.drop(columns="is_direct")), "")
        if len(manifest.held):
            write_sheet(book, "held back", as_texts(manifest.held), "")
