"""Units whose records at the two vendors can differ although both are linked: one of them is not up to date.

Both vendors' documents are made of the same rows. Beside what their rules say, they differ only where a run has brought
the unit to one vendor and not to the other, or where an edit in Profiles was kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from etl.load.bulk import text_list
from etl.load.ledger.desk.items import MENDED
from etl.load.ledger.desk.units import Scope, is_visible
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import link, unit_state, work_item, work_unit
from etl.outcomes import DONE

KEPT = "PROFILES-KEPT"


@dataclass(frozen=True)
class Apart:
    """A unit that is linked at both vendors, and how it ended at each in its last run."""

    unit_key: str
    household_name: str
    head_name: str
    office_name: str
    profiles: str
    emoney: str


def list_apart(
    ledger: Ledger, scope: Scope, office: int | None = None, limit: int = 50, offset: int = 0
) -> list[Apart]:
    """A page of the units, by office and name. Their values have still to be compared."""
    sides = {vendor: (link.alias(f"link_{vendor}"), unit_state.alias(vendor)) for vendor in ("profiles", "emoney")}
    (linked, profiles), (also, emoney) = sides["profiles"], sides["emoney"]
    joined = (
        linked.join(also, sa.and_(also.c.unit_key == linked.c.unit_key, also.c.vendor == "emoney"))
        .join(profiles, sa.and_(profiles.c.unit_key == linked.c.unit_key, profiles.c.vendor == "profiles"))
        .join(emoney, sa.and_(emoney.c.unit_key == linked.c.unit_key, emoney.c.vendor == "emoney"))
        .outerjoin(work_unit, work_unit.c.unit_key == linked.c.unit_key)
    )
    labels = ("household_name", "head_name", "office_name")
    found = (
        sa.select(
            linked.c.unit_key,
            *(sa.func.coalesce(work_unit.c[name], "").label(name) for name in labels),
            *(sa.func.coalesce(state.c.outcome, "").label(vendor) for vendor, (_, state) in sides.items()),
        )
        .select_from(joined)
        .where(
            linked.c.vendor == "profiles",
            is_visible(scope),
            sa.true() if office is None else work_unit.c.office_id == office,
            sa.or_(
                profiles.c.outcome.not_in(DONE), emoney.c.outcome.not_in(DONE), linked.c.unit_key.in_(_keeping_edits())
            ),
        )
    )
    ordered = found.order_by(work_unit.c.office_name, work_unit.c.names, linked.c.unit_key)
    return ledger.read_as(Apart, ordered.limit(limit).offset(offset))


def read_broken(ledger: Ledger, unit_keys: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Unit key -> rule -> the fields of its open items; who asks has found the units in the person's scope."""
    theirs = work_item.c.unit_key.in_(text_list(ledger.engine, unit_keys))
    found = sa.select(work_item.c.unit_key, work_item.c.rule_id, work_item.c.fields)
    broken: dict[str, dict[str, list[str]]] = {}
    for row in ledger.rows(found.where(theirs, work_item.c.state != MENDED).order_by(work_item.c.item_id)):
        broken.setdefault(row["unit_key"], {}).setdefault(row["rule_id"], []).append(row["fields"] or "")
    return broken


def _keeping_edits() -> sa.Select[tuple[str]]:
    return sa.select(work_item.c.unit_key).where(work_item.c.rule_id == KEPT, work_item.c.state != MENDED)
