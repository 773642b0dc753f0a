"""What a dry run says of values that are not at the vendor yet: each field that would be there, but no nulls.

Of an update the merge says it; this is about what would be made: a client, a case, an item. Of a run for very many
units only what would be updated is told: a first night would fill the ledger with everything the CRM holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from etl.load.delivery import Job
from etl.load.ledger.changes import Change
from etl.load.profiles.document import KEY, Path, flatten, show

NOTHING: tuple[Any, ...] = (None, [])


def case_fields(job: Job, document: Mapping[str, Any], among: Collection[str] | None = None) -> tuple[Change, ...]:
    """The fields of a Profiles document that would be made, or of its items ``among`` alone."""
    if not job.tells_new:
        return ()
    return tuple(
        Change(show(path), "written", None, value)
        for path, value in flatten(document).items()
        if path[-1] != KEY and value not in NOTHING and (among is None or _is_in(path, among))
    )


def people_fields(job: Job, client: Mapping[str, Any], spouse: Mapping[str, Any] | None) -> tuple[Change, ...]:
    """The fields of an eMoney client and its spouse."""
    if not job.tells_new:
        return ()
    return tuple(_fields(client, "")) + tuple(_fields(spouse or {}, "spouse."))


def item_fields(job: Job, before: Mapping[str, Any], items: Iterable[Mapping[str, Any]]) -> tuple[Change, ...]:
    """The fields of eMoney's items that are others than were last sent (``before``: by source key)."""
    known = {key: item for key, item in before.items() if item is not None}
    return tuple(
        Change(f"items[{item['sourceKey']}].{name}", "written", known.get(item["sourceKey"], {}).get(name), value)
        for item in items
        if job.tells_new or item["sourceKey"] in known
        for name, value in item.items()
        if name != "sourceKey" and value != known.get(item["sourceKey"], {}).get(name)
    )


def _is_in(path: Path, items: Collection[str]) -> bool:
    return any(show(path[:end]) in items for end in range(2, len(path), 2))


def _fields(node: Mapping[str, Any], prefix: str) -> list[Change]:
    found: list[Change] = []
    for name, value in node.items():
        if isinstance(value, Mapping):
            found += _fields(value, f"{prefix}{name}.")
        elif value not in NOTHING:
            found.append(Change(prefix + name, "written", None, value))
    return found
