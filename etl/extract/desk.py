"""What the desk asks of the CRM while somebody waits: few rows, by statements with a bound."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from etl import schema as s
from etl.extract.source import Snapshot
from etl.names import name_form, spellings
from etl.units import CONTACT, HOUSEHOLD, is_key
from etl.values import USER_STATUSES, normal


@dataclass(frozen=True)
class CrmUser:
    """A user of the CRM: ``offices`` are their own office and those below it, whose records they may see."""

    user_name: str
    is_enabled: bool
    offices: frozenset[int]


def read_crm_user(snapshot: Snapshot, user_name: str) -> CrmUser | None:
    """The CRM user of that name; None where there is none."""
    user = s.crm_user.c
    named = (
        sa.select(*snapshot.columns(user.office_id, user.status))
        .where(sa.func.trim(user.user_name) == sa.bindparam("name"))
        .limit(1)
        .params(name=user_name)
    )
    rows = snapshot.read(named).to_pylist()
    if not rows:
        return None
    is_enabled = normal(rows[0]["status"] or "") in USER_STATUSES
    return CrmUser(user_name, is_enabled, _with_those_below(snapshot, rows[0]["office_id"]))


def _with_those_below(snapshot: Snapshot, office_id: int) -> frozenset[int]:
    office = s.office.c
    offices = snapshot.read(sa.select(*snapshot.columns(office.office_id, office.parent_office_id))).to_pylist()
    below: dict[int | None, list[int]] = {}
    for row in offices:
        below.setdefault(row["parent_office_id"], []).append(row["office_id"])
    found, to_visit = set[int](), [office_id]
    while to_visit:
        one = to_visit.pop()
        if one not in found:
            found.add(one)
            to_visit.extend(below.get(one, ()))
    return frozenset(found)


@dataclass(frozen=True)
class FoundUnit:
    """A household, or a person without one. ``members``: those by whose name or id it was found."""

    unit_key: str
    name: str
    members: tuple[str, ...] = ()


def search_units(snapshot: Snapshot, offices: Collection[int] | None, text: str, limit: int = 50) -> list[FoundUnit]:
    """The units that a text means, by a part of a name, by their key, or by a contact's id; at most ``limit``, by name.

    ``offices``: those that are looked through, None for all.
    """
    wanted = text.strip()
    if not wanted:
        return []
    found: dict[str, FoundUnit] = {}
    for row in _households(snapshot, offices, wanted, limit):
        found[f"H{row['household_id']}"] = FoundUnit(f"H{row['household_id']}", row["name"] or "")
    for row in _people(snapshot, offices, wanted, limit):
        person = " ".join(filter(None, (row["first_name"], row["last_name"]))) or row["business_name"] or ""
        key = f"C{row['contact_id']}" if row["household_id"] is None else f"H{row['household_id']}"
        known = found.get(key) or FoundUnit(key, person if row["household_id"] is None else row["name"] or "")
        found[key] = replace(known, members=(*known.members, person)) if row["household_id"] is not None else known
    return sorted(found.values(), key=lambda one: (name_form(one.name), one.unit_key))[:limit]


def _households(snapshot: Snapshot, offices: Collection[int] | None, wanted: str, limit: int) -> list[dict[str, Any]]:
    household = s.household.c
    is_meant = sa.or_(*_is_named(household.name, wanted), *_has_key(household.household_id, wanted, HOUSEHOLD))
    found = sa.select(*snapshot.columns(household.household_id, household.name))
    return _read(snapshot, found.where(household.deleted_at.is_(None), is_meant), household.office_id, offices, limit)


def _people(snapshot: Snapshot, offices: Collection[int] | None, wanted: str, limit: int) -> list[dict[str, Any]]:
    contact, member, household = s.contact.c, s.household_member.c, s.household.c
    full_name = sa.func.coalesce(contact.first_name, "") + " " + sa.func.coalesce(contact.last_name, "")
    is_meant = sa.or_(*_is_named(full_name, wanted), *_has_key(contact.contact_id, wanted, CONTACT))
    names = (contact.first_name, contact.last_name, contact.business_name, household.household_id, household.name)
    found = (
        sa.select(*snapshot.columns(contact.contact_id, *names))
        .join_from(s.contact, s.household_member, member.contact_id == contact.contact_id, isouter=True)
        .join(
            s.household,
            (household.household_id == member.household_id) & household.deleted_at.is_(None),
            isouter=True,
        )
        .where(contact.deleted_at.is_(None), is_meant)
    )
    return _read(snapshot, found, contact.office_id, offices, limit)


def _read(
    snapshot: Snapshot, found: sa.Select[Any], office: sa.Column[Any], offices: Collection[int] | None, limit: int
) -> list[dict[str, Any]]:
    if offices is not None:
        found = found.where(office.in_(snapshot.id_list()))
    keys = None if offices is None else sorted(offices)
    rows: list[dict[str, Any]] = snapshot.read(found.limit(limit), keys).to_pylist()
    return rows


def _is_named(name: sa.ColumnElement[str], wanted: str) -> list[sa.ColumnElement[bool]]:
    """In any case. SQLite folds the case of ASCII alone: the other letters are looked for as people write names."""
    forms = {form for (form,) in spellings(name_form(wanted))}
    written = {form for (form,) in (*spellings(wanted), *spellings(wanted.title()))}
    return [
        *(sa.func.lower(name).contains(form, autoescape=True) for form in sorted(forms)),
        *(name.contains(form, autoescape=True) for form in sorted(written)),
    ]


def _has_key(key: sa.Column[Any], wanted: str, letter: str) -> list[sa.ColumnElement[bool]]:
    number = wanted[1:] if wanted[:1].upper() == letter else wanted
    return [key == int(number)] if is_key(number) else []
