"""XFR-PRESENT: which contacts are in the target office before the transfer.

The id map knows contacts that an earlier transfer moved. Else a contact is there if the tax id is equal. Where no tax
id matches, first name, last name and birth date have to be equal, in any case. Two matches count as none, and are
reported.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from etl.values import normal

BY_ID_MAP, BY_TAX_ID, BY_NAME = "id map", "tax id", "name and birth date"
_NAME = ["first_name", "last_name", "birth_date"]


def find_present(people: pd.DataFrame, target: Mapping[str, pd.DataFrame], known: pd.DataFrame) -> pd.DataFrame:
    """`TransferPlan.present`: contact_id, target_contact_id, matched_by, matches; one row for each person."""
    people = people.sort_values("contact_id").drop_duplicates("contact_id").reset_index(drop=True)
    there = target["contacts"]
    mapped = known[known["entity"] == "contact"]
    mapped = pd.DataFrame(
        {"contact_id": mapped["source_id"].astype("Int64"), "target_contact_id": mapped["target_id"].astype("Int64")}
    )
    mapped = mapped[mapped["target_contact_id"].isin(there["contact_id"])]
    by_map = _found(people[["contact_id"]].merge(mapped, on="contact_id"), BY_ID_MAP)
    by_tax = _found(_joined(_tax_ids(people), _tax_ids(there), ["tax_id"]), BY_TAX_ID)
    by_name = _found(_joined(_names(people), _names(there), _NAME), BY_NAME)
    found = pd.concat([by_map, by_tax, by_name]).drop_duplicates("contact_id")
    present = people[["contact_id"]].merge(found, on="contact_id", how="left")
    present["matches"] = present["matches"].fillna(0).astype("int64")
    present["matched_by"] = present["matched_by"].astype("str")
    return present


def _found(pairs: pd.DataFrame, matched_by: str) -> pd.DataFrame:
    """One row for each contact that has a match; the target's contact only where there is exactly one."""
    matches = pairs.groupby("contact_id", as_index=False)["target_contact_id"].agg(["min", "nunique"])
    return pd.DataFrame(
        {
            "contact_id": matches["contact_id"],
            "target_contact_id": matches["min"].where(matches["nunique"] == 1).astype("Int64"),
            "matched_by": matched_by,
            "matches": matches["nunique"].astype("Int64"),
        }
    )


def _joined(people: pd.DataFrame, there: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    there = there.rename(columns={"contact_id": "target_contact_id"})
    return people.merge(there, on=on)[["contact_id", "target_contact_id"]]


def _tax_ids(people: pd.DataFrame) -> pd.DataFrame:
    numbers = people[["contact_id"]].assign(tax_id=people["tax_id"].str.strip())
    return numbers[numbers["tax_id"].fillna("") != ""]


def _names(people: pd.DataFrame) -> pd.DataFrame:
    names = people[["contact_id", "birth_date"]].copy()
    for name in ("first_name", "last_name"):
        words = people[name].fillna("")
        names[name] = words.map({word: normal(word) for word in words.unique()})
    return names[(names["first_name"] != "") & (names["last_name"] != "") & names["birth_date"].notna()]
