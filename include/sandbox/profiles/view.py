"""A case's document made ready for its page: everything as text, in the order of the page."""

import json
from typing import Any

import orjson

from include.sandbox.common.fields import NUMBER_KINDS, Record, as_text, shown, unknown
from include.sandbox.common.wire import dump
from include.sandbox.profiles.document import HOLDING, LISTS, PERSON
from include.sandbox.profiles.places import LISTINGS, PEOPLE, Listing


def as_note(value: Any) -> str:
    """Notes as a person reads them: text as it is, another shape as JSON."""
    return value if isinstance(value, str) else "" if value is None else _readable(value)


def view(document: Record) -> dict[str, Any]:
    """The values of the case page's template."""
    return {
        "last_name": document["clientA"]["lastName"],
        "people": [
            {"at": at, "label": label, "rows": shown(PERSON, document[at]) if document[at] else []}
            for at, label in PEOPLE.items()
        ],
        "lists": [_list(listing, document[listing.name]) for listing in LISTINGS],
        "notes": as_note(document["notes"]),
        "others": _others(document),
    }


def _readable(value: Any) -> str:
    return json.dumps(orjson.loads(dump(value)), indent=2, ensure_ascii=False)


def _list(listing: Listing, items: list[Record]) -> dict[str, Any]:
    kinds = {field.name: field for field in listing.fields}
    columns = [kinds[name] for name in listing.columns]
    return {
        "name": listing.name,
        "label": listing.label,
        "singular": listing.singular,
        "columns": [{"label": column.label, "is_number": column.kind in NUMBER_KINDS} for column in columns],
        "items": [
            {
                "at": f"{listing.name}.{place}",
                "key": item["externalSourceId"],
                "label": str(item[listing.columns[0]] or listing.singular),
                "cells": [
                    {"text": as_text(column.kind, item[column.name]), "is_number": column.kind in NUMBER_KINDS}
                    for column in columns
                ],
                "holdings": _holdings(item.get("holdings") or [], f"{listing.name}.{place}.holdings"),
            }
            for place, item in enumerate(items)
        ],
    }


def _holdings(holdings: list[Record], at: str) -> list[dict[str, Any]]:
    return [
        {
            "at": f"{at}.{place}",
            "key": holding["externalSourceId"],
            "name": holding["holdingName"],
            "ticker": holding["ticker"],
            "value": as_text("money", holding["holdingsValue"]),
        }
        for place, holding in enumerate(holdings)
    ]


def _others(document: Record) -> str:
    """Fields that the contract does not name, with their places, as JSON; empty where there are none."""
    found = {name: value for name, value in document.items() if name not in {*PEOPLE, *LISTS, "notes"}}
    for at in PEOPLE:
        if document[at] and (more := unknown(PERSON, document[at])):
            found[at] = more
    for listing in LISTINGS:
        for place, item in enumerate(document[listing.name]):
            if more := unknown(listing.fields, item, "holdings"):
                found[f"{listing.name}[{place}]"] = more
            for inner, holding in enumerate(item.get("holdings") or []):
                if more := unknown(HOLDING, holding):
                    found[f"{listing.name}[{place}].holdings[{inner}]"] = more
    return _readable(found) if found else ""
