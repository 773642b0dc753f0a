"""Which units change their key with a batch (XFR-LINKS). Pure.

A client's unit is the household of which it is the head, else the client alone. A household that is not rebuilt in the
target leaves its head there as a unit of its own; a spouse who moves along has none.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from etl.load.office_files import GROUP_NO, SOURCE_ID


def moves(new: Mapping[str, pd.DataFrame], households: pd.DataFrame) -> pd.DataFrame:
    """from_unit, to_unit, group_no of every unit that the new rows take along.

    ``households``: those of the source that a moving contact is in or the head of.
    """
    contacts = new["contact"]
    new_of = pd.Series(contacts["contact_id"].array, index=contacts[SOURCE_ID].astype("int64"))
    group_of = pd.Series(contacts[GROUP_NO].array, index=contacts[SOURCE_ID].astype("int64"))
    rebuilt = new.get("household", pd.DataFrame({"household_id": [], "head_contact_id": [], SOURCE_ID: []}))
    unit_of = "C" + new_of.astype("str")
    home_of_head = pd.Series(("H" + rebuilt["household_id"].astype("str")).array, index=rebuilt["head_contact_id"])
    home_of_head = home_of_head[~home_of_head.index.duplicated()]
    unit_of = new_of.map(home_of_head).fillna(unit_of)
    alone = pd.DataFrame({"from_unit": "C" + unit_of.index.astype("str"), "to_unit": unit_of.array})
    left = households[households["head_contact_id"].isin(new_of.index) & households["deleted_at"].isna()]
    heads = left["head_contact_id"].astype("int64")
    homes = pd.DataFrame(
        {"from_unit": ("H" + left["household_id"].astype("str")).array, "to_unit": heads.map(unit_of).array}
    )
    same = pd.Series(
        ("H" + rebuilt["household_id"].astype("str")).array, index=("H" + rebuilt[SOURCE_ID].astype("str")).array
    )
    homes["to_unit"] = homes["from_unit"].map(same).fillna(homes["to_unit"])
    groups = pd.concat([pd.Series(group_of.array), pd.Series(heads.map(group_of).array)], ignore_index=True)
    units = pd.concat([alone, homes], ignore_index=True).assign(group_no=groups.astype("int64"))
    return units.astype({"from_unit": "str", "to_unit": "str"})
