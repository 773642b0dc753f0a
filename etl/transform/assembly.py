"""One vendor's batch for a shard: documents, facts, receipts and users, by the rules and the vendor's document."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from etl.transform import emoney, profiles
from etl.transform.arrays import Frames
from etl.transform.facts import facts_of
from etl.transform.portfolio import Portfolio, gather
from etl.transform.receipts import receipts_of
from etl.transform.receipts.book import ReceiptBook
from etl.transform.rules import contacts, households, licenses
from etl.transform.rules.contacts import Reach
from etl.transform.rules.households import Households
from etl.transform.rules.licenses import RunAs
from etl.values import Vendor


@dataclass(frozen=True)
class VendorBatch:
    """What one vendor gets for a shard.

    ``documents``: unit_key, document (canonical JSON, bytes), payload_hash (SHA-256, hex), client_contact_id,
    spouse_contact_id (Int64); for eMoney also items (bytes), people_hash, items_hash (see `emoney.documents`).
    ``facts``: the frames that the gate checks. ``users``: unit_key, user_name, missing, missing_rule. ``items``
    (eMoney): unit_key, source_key, category, owner; in the order of each document's items. ``withheld`` (eMoney):
    unit_key, source_key, rule_id, lacking (names of rights) of records that the user's licenses keep back (LIC-*).
    """

    documents: pd.DataFrame
    facts: dict[str, pd.DataFrame]
    book: ReceiptBook
    users: pd.DataFrame
    items: pd.DataFrame = field(default_factory=pd.DataFrame)
    withheld: pd.DataFrame = field(default_factory=pd.DataFrame)

    @cached_property
    def receipts(self) -> pd.DataFrame:
        """unit_key, entity, entity_id, field (``*``: the whole record), rule_id of every value that does not go."""
        return self.book.frame()


def assemble(
    vendor: Vendor,
    frames: Frames,
    as_of: dt.date,
    service_user: str = "service",
    vendor_users: Mapping[str, str] | None = None,
    reached: Reach | None = None,
) -> VendorBatch:
    """Everything that a vendor gets for the units in its scope.

    ``vendor_users``: the user at eMoney of each CRM user, by user name (EMY-OWNER); None: clients get no owner.
    ``reached``: what `contacts.reach` makes of the frames; both vendors can share it. A unit whose client is no usable
    person has facts and receipts but no document (HH-HEAD).
    """
    reached = reached or contacts.reach(frames)
    family, run_as, owned = decide(vendor, frames, as_of, service_user, reached)
    unknown_owners, more = None, {}
    if vendor == "profiles":
        documents = profiles.documents(family, reached, owned)
    else:
        owners = licenses.owners_of(family, frames["users"], vendor_users)
        documents, unknown_owners = emoney.documents(family, reached, owned, owners.ids, as_of), owners.unknown
        more = {"items": emoney.items(family, owned), "withheld": emoney.withheld(family, owned, run_as)}
    receipts = receipts_of(family, reached, owned, frames, vendor)
    facts = facts_of(family, reached, owned, receipts, frames, vendor, unknown_owners)
    rows = documents.of_units(households.document_rows(family), family.is_usable)
    return VendorBatch(rows, facts, receipts, run_as.users, **more)


def decide(
    vendor: Vendor, frames: Frames, as_of: dt.date, service_user: str, reached: Reach
) -> tuple[Households, RunAs, Portfolio]:
    """What the rules decide about the units in a vendor's scope: who is in them, who runs them, what they own."""
    family = households.resolve(frames, vendor, reached.book)
    run_as = licenses.assign(family, frames, vendor, service_user)
    return family, run_as, gather(family, frames, as_of, vendor, run_as)
