"""Addresses of records in the CRM, where PLANBRIDGE__CRM__RECORD_URL says how they are made."""

from __future__ import annotations

from urllib.parse import quote

from etl.units import UnitKey, is_unit_key


def record_url(pattern: str | None, kind: str, record_id: object) -> str | None:
    """The address of a record; None without a pattern, and for no record. ``kind``: household, contact, policy, …"""
    if pattern is None or kind == "" or record_id in (None, ""):
        return None
    return pattern.replace("{kind}", quote(kind, safe="")).replace("{id}", quote(str(record_id), safe=""))


def unit_url(pattern: str | None, unit_key: str) -> str | None:
    """The address of a unit's record: of the household, or of the contact."""
    if pattern is None or not is_unit_key(unit_key):
        return None
    unit = UnitKey.parse(unit_key)
    return record_url(pattern, unit.entity, unit.number)
