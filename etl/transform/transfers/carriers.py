"""XFR-CARRIER: a carrier or product that the target office does not own is recreated there, once per target.

The target owns a record that belongs to the target office (in one database), that an earlier transfer recreated there,
or that reads the same: a carrier by name and NAIC id, its product by plan name and types. Of several the lowest id
counts.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from etl.transform.transfers.contract import Selection
from etl.transform.transfers.decisions import Decisions, truth
from etl.values import normal

_RULE = "XFR-CARRIER"
_CARRIER_READS, _PRODUCT_READS = ["name", "naic_id"], ["carrier", "plan_name", "insurance_type", "plan_type"]


def decide_carriers(
    selection: Selection,
    rows: Mapping[str, pd.DataFrame],
    needed: pd.Series,
    target: Mapping[str, pd.DataFrame],
    known: pd.DataFrame,
) -> tuple[list[Decisions], pd.DataFrame]:
    """The decisions on products and carriers, and those that the target owns: entity, entity_id, target_id.

    ``needed``: the product ids of moving records.
    """
    carriers, products = rows["carrier"], rows["product"]
    all_carriers = _owned("carrier", carriers, selection, target["carriers"], known)
    all_carriers = all_carriers.fillna(_alike(carriers, target["carriers"], "carrier_id", _CARRIER_READS))
    under = products.assign(carrier=products["carrier_id"].map(all_carriers.set_axis(carriers["carrier_id"])))
    there = target["products"].assign(carrier=target["products"]["carrier_id"])
    all_products = _owned("product", products, selection, there, known)
    all_products = all_products.fillna(_alike(under, there, "product_id", _PRODUCT_READS))
    decided = [_decide("product", products, needed, all_products)]
    of_new_products = products.loc[decided[0].moves, "carrier_id"]
    decided.append(_decide("carrier", carriers, of_new_products, all_carriers))
    owned = [
        pd.DataFrame({"entity": each.entity, "entity_id": each.ids, "target_id": targets.astype("str")})
        for each, targets in zip(decided, (all_products, all_carriers), strict=True)
    ]
    return decided, pd.concat(owned, ignore_index=True).dropna(subset="target_id")


def _decide(entity: str, rows: pd.DataFrame, needed: pd.Series, owned: pd.Series) -> Decisions:
    decisions = Decisions.all_move(entity, rows, _RULE, "the target office does not own it")
    decisions.recreates = True
    is_needed = rows[f"{entity}_id"].isin(needed.dropna())
    decisions.stay(~is_needed, _RULE, "nothing that moves needs it" if entity == "product" else "its products stay")
    decisions.stay(owned.notna(), _RULE, "the target office owns it")
    return decisions


def _owned(
    entity: str, rows: pd.DataFrame, selection: Selection, there: pd.DataFrame, known: pd.DataFrame
) -> pd.Series:
    """The key in the target of rows that belong to the target office, or that were recreated there before."""
    key = rows[f"{entity}_id"]
    own = key.where(truth(rows["office_id"] == selection.target_office_id) & selection.same_database)
    mapped = known[known["entity"] == entity].drop_duplicates("source_id")
    made = key.map(pd.Series(mapped["target_id"].astype("Int64").array, index=mapped["source_id"].astype("Int64")))
    made = made.where(made.isin(there[f"{entity}_id"]))
    owned: pd.Series = own.astype("Int64").fillna(made.astype("Int64"))
    return owned


def _alike(rows: pd.DataFrame, there: pd.DataFrame, key: str, names: list[str]) -> pd.Series:
    """The key in the target of rows that read the same there, trimmed and in any case."""
    if there.empty:
        return pd.Series(pd.NA, index=rows.index, dtype="Int64")
    lowest = there.sort_values(key)
    lowest = lowest.assign(reads=_reading(lowest, names)).drop_duplicates("reads")
    return _reading(rows, names).map(lowest.set_index("reads")[key]).astype("Int64")


def _reading(rows: pd.DataFrame, names: list[str]) -> pd.Series:
    columns = [rows[name].astype("str").fillna("") for name in names]
    readings = [tuple(normal(value) for value in values) for values in zip(*columns, strict=True)]
    return pd.Series(readings, index=rows.index, dtype=object)
