"""Documents of records that have another key by now, with the keys under which the vendors know them.

A vendor matches accounts, policies and people by the CRM key that it was first told. After a move to another office
(XFR-LINKS) or a merge of contacts (MATCH-MERGED) the CRM has other keys, and eMoney has no way to rename one: so such a
record goes on under its first key (``account:905`` goes as ``account:5``), at both vendors. Equal data then give the
very bytes that were sent before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import pandas as pd

from etl.units import household_keys

# Only where a key stands: a quote within a text is escaped, so that none of these can stand in one.
_KEYS = re.compile(rb'("(?:externalSourceId|externalId|sourceKey)":")([a-z]+:-?\d+)"')
_BENEFICIARIES = re.compile(rb'"beneficiaries":\[([^\]]*)\]')
_DEPENDENT = b"dependent:"


def in_documents(documents: pd.DataFrame, names: Mapping[str, str], members: pd.DataFrame) -> pd.DataFrame:
    """The documents (unit_key, document, payload_hash, client/spouse_contact_id) as the vendors know their records.

    ``names``: CRM key -> known key, of everything that has another; ``members``: household_id, contact_id, among whom
    the units' dependents are. The bytes stay canonical.
    """
    moved = [int(key.partition(":")[2]) for key in names if key.startswith("contact:")]
    homes = household_keys(members.loc[members["contact_id"].isin(moved), "household_id"])
    people = documents["client_contact_id"].isin(moved) | documents["spouse_contact_id"].isin(moved)
    people |= documents["unit_key"].isin(homes)
    if not people.any():
        return documents
    by_bytes = {key.encode(): known.encode() for key, known in names.items()}
    renamed = [
        _renamed(document, by_bytes) if concerned else document
        for document, concerned in zip(documents["document"], people, strict=True)
    ]
    hashes = [
        hashlib.sha256(document).hexdigest() if concerned else known
        for document, known, concerned in zip(renamed, documents["payload_hash"], people, strict=True)
    ]
    return documents.assign(
        document=pd.Series(renamed, index=documents.index, dtype=object),
        payload_hash=pd.Series(hashes, index=documents.index, dtype="str"),
    )


def in_items(items: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """eMoney's list of items (source_key) under the same keys."""
    if items.empty:
        return items
    return items.assign(source_key=items["source_key"].map(lambda key: names.get(key, key)).astype("str"))


def _renamed(document: bytes, names: Mapping[bytes, bytes]) -> bytes:
    document = _KEYS.sub(lambda found: found[1] + names.get(found[2], found[2]) + b'"', document)
    return _BENEFICIARIES.sub(lambda found: b'"beneficiaries":[%s]' % _sorted(found[1], names), document)


def _sorted(listed: bytes, names: Mapping[bytes, bytes]) -> bytes:
    """The list with its dependents' new names, in order again."""
    if _DEPENDENT not in listed:
        return listed
    people = []
    for quoted in listed.split(b","):
        person = quoted.strip(b'"')
        if person.startswith(_DEPENDENT):
            key = person.removeprefix(_DEPENDENT)
            person = _DEPENDENT + names.get(key, key)
        people.append(b'"%s"' % person)
    return b",".join(sorted(people))
