"""What a vendor's assembly gives for a shard."""

from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from etl.transform.receipts.book import ReceiptBook


@dataclass(frozen=True)
class Built:
    """What one vendor gets for a shard.

    ``documents``: unit_key, document (canonical JSON, bytes), payload_hash (SHA-256, hex), client_contact_id,
    spouse_contact_id (Int64). ``facts``: the frames that the gate checks. ``users``: unit_key, user_name, missing,
    missing_rule. ``items`` (eMoney): unit_key, source_key, category, owner; in the order of each document's items.
    ``withheld`` (eMoney): unit_key, source_key, rule_id, lacking (names of rights) of what would go with them (LIC-*).
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
