"""New keys: of the rows that a transfer writes, and of the units that move with them (XFR-LINKS).

A row gets a key above every key of the source and of the target, each given once: a record then has one key in both
offices, for units of both stand in one ledger. The unit of a client is the household that the client heads, else the
client alone. The head of a household that is not rebuilt in the target becomes a unit alone. A spouse who moves along
has no unit.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import sqlalchemy as sa

from etl import canonical
from etl.load.ledger.transfers import keys
from etl.load.transfer.job import Keys, TransferJob
from etl.units import contact_key, household_key, household_keys


def reserve(job: TransferJob, wanted: Mapping[str, pd.Series[int]]) -> Keys:
    """New keys by old key, for each table of ``wanted`` (old keys). A reserved key that is not used is lost."""
    old = {entity: sorted({int(key) for key in old_keys}) for entity, old_keys in wanted.items()}
    above = {entity: max(_highest(engine, entity) for engine in job.databases.all) for entity in old}
    return keys.take(job.ledger, job.transfer, old, above)


def _highest(engine: sa.Engine, entity: str) -> int:
    highest = sa.select(sa.func.coalesce(sa.func.max(canonical.key_column(entity)), 0))
    with engine.connect() as connection:
        return int(connection.execute(highest).scalar_one())


def rekeyed_units(new: Mapping[str, pd.DataFrame], households: pd.DataFrame) -> pd.DataFrame:
    """from_unit, to_unit, group_no of every unit that moves with the new rows.

    ``households``: those of the source that a moving contact is a member or the head of.
    """
    contacts = new["contact"]
    old = [int(key) for key in contacts["source_id"]]
    group_of = dict(zip(old, map(int, contacts["group"]), strict=True))
    home_of, same = _rebuilt(new.get("household"))
    made = zip(old, map(int, contacts["contact_id"]), strict=True)
    unit_of = {key: home_of.get(new_key, contact_key(new_key)) for key, new_key in made}
    found = [(contact_key(key), unit, group_of[key]) for key, unit in unit_of.items()]
    left = households[households["head_contact_id"].isin(old) & households["deleted_at"].isna()]
    for household_id, head in zip(left["household_id"], left["head_contact_id"], strict=True):
        unit = household_key(household_id)
        found.append((unit, same.get(unit, unit_of[int(head)]), group_of[int(head)]))
    units = pd.DataFrame(found, columns=["from_unit", "to_unit", "group_no"])
    return units.astype({"from_unit": "str", "to_unit": "str", "group_no": "int64"})


def _rebuilt(households: pd.DataFrame | None) -> tuple[dict[int, str], dict[str, str]]:
    """The new unit of each new head, the first where there are several; and of each old household."""
    if households is None:
        return {}, {}
    homes = household_keys(households["household_id"])
    of_heads = zip(map(int, households["head_contact_id"]), homes, strict=True)
    of_old = zip(household_keys(households["source_id"]), homes, strict=True)
    return dict(reversed(list(of_heads))), dict(of_old)
