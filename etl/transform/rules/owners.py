"""EMY-OWNER: whose client a client is at eMoney: the vendor user of the CRM user it is assigned to."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from etl.transform.arrays import NULL, Objects, integers, positions, texts, where, with_none
from etl.transform.rules.households import Households


@dataclass(frozen=True)
class Owners:
    """By unit number: ``ids``, the owner's id at the vendor; ``unknown``, the CRM user whom the table lacks."""

    ids: Objects
    unknown: Objects


def owners_of(households: Households, users: pd.DataFrame, vendor_users: Mapping[str, str] | None) -> Owners:
    """The owner of each unit. A client assigned to nobody has none; without a table nobody has, and none is missed."""
    assigned = np.append(integers(households.book.contacts["assigned_user_id"]), NULL)[households.client_at]
    names = with_none(texts(users["user_name"]))[positions(integers(users["user_id"]), assigned)]
    table = vendor_users or {}
    ids = np.array([table.get(name) for name in names], dtype=object)
    is_missed = [vendor_users is not None and name is not None and name not in table for name in names]
    return Owners(ids, where(np.array(is_missed, dtype=np.bool_), names))
