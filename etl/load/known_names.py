"""Documents of records that came from another office, with the keys under which the vendors know them (XFR-LINKS).

A vendor matches accounts, policies and people by the CRM key that it was first told. After a transfer the CRM has new
keys, and eMoney has no way to rename one: so a moved record goes on under its first key (``account:905`` goes as
``account:5``), at both vendors. Equal data then give the very bytes that were sent before the transfer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import pandas as pd

# Only where a key stands: a quote within a text is escaped, so that none of these can stand in one.
_KEYS = re.compile(rb'("(?:externalSourceId|externalId|sourceKey)":")([a-z]+:-?\d+)"')
_BENEFICIARIES = re.compile(rb'"beneficiaries":\[([^\]]*)\]')
_DEPENDENT = b"dependent:"


def in_documents(documents: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """The documents (document, payload_hash, client_contact_id, spouse_contact_id) as the vendors know their records.

    ``names``: CRM key -> known key, of everything that ever moved; the bytes stay canonical.
    """
    moved = [int(key.partition(":")[2]) for key in names if key.startswith("contact:")]
    people = documents["client_contact_id"].isin(moved) | documents["spouse_contact_id"].isin(moved)
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
