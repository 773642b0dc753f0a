"""What the guards find in the extract: units and records that have vanished, and a ledger that cannot be the right one.

The extract is compared with the last finished run: the units of that run, and how many records each had.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import orjson
import pandas as pd

from etl.errors import VENDOR_NAMES, CredentialsRefused, SetAside, VendorUnavailable
from etl.extract.census import Census
from etl.extract.changes import TABLES, Movement
from etl.frames import are_among, each_row
from etl.load.ledger import guards
from etl.units import UnitKey
from include.pipelines.guards.stop import Cause, Limit, hash_of, is_guarded, linked_marker, named
from include.pipelines.run.context import RunContext
from include.pipelines.run.vendors import emoney_client, profiles_client

log = logging.getLogger(__name__)

Counts = np.ndarray[tuple[int, int], np.dtype[np.int64]]

# Units that are looked up at a vendor for which the ledger has no links.
LOOKED_UP = 20


def of_extract(
    context: RunContext,
    vendor: str,
    census: Census,
    enrolled: pd.Index,
    movement: Movement,
    linked: pd.DataFrame,
    states: pd.DataFrame,
) -> list[Cause]:
    """Units and records that have vanished since the last finished run, and a ledger that cannot be the right one.

    ``linked``: unit_key of the vendor's links, as they are now; ``states``: as `runs.read_unit_states` gives them.
    """
    if not is_guarded(context):
        return []
    if census.units.empty and len(linked):
        words = f"the CRM has no units, but {len(linked)} are linked: the extract cannot be right"
        return [Cause("crm_empty", vendor, words, len(linked), len(linked))]
    return [
        *_units_gone(context, vendor, census, states, linked),
        *_records_gone(context, vendor, census, movement, states),
        *_ledger_empty(context, vendor, census, enrolled),
    ]


def _units_gone(
    context: RunContext, vendor: str, census: Census, states: pd.DataFrame, linked: pd.DataFrame
) -> list[Cause]:
    known = states.loc[are_among(states["unit_key"], linked["unit_key"]), "unit_key"]
    gone = known[~are_among(known, census.units["unit_key"])].tolist()
    limit = Limit.of(context, "max_gone_percent")
    if not limit.is_passed(len(gone), len(gone), len(known)):
        return []
    words = f"{len(gone):,} of {len(known):,} linked units are no longer in the CRM: {named(gone)}"
    return [limit.cause("units_gone", vendor, words, len(gone), len(known), units=hash_of(sorted(gone)))]


def _records_gone(
    context: RunContext, vendor: str, census: Census, movement: Movement, states: pd.DataFrame
) -> Iterator[Cause]:
    """Compares the number of records in each table, for the units that are still there."""
    known, before = _counts(states)
    at = pd.Index(census.units["unit_key"]).get_indexer(known)
    units = census.units.iloc[at[at >= 0]].reset_index(drop=True)
    counted = before[at >= 0]
    fewer = np.maximum(counted - movement.counts.to_numpy()[at[at >= 0]], 0)
    limit = Limit.of(context, "max_gone_percent")
    for place in np.flatnonzero(fewer.any(axis=0)):
        table, was, lost = TABLES[place], pd.Series(counted[:, place]), pd.Series(fewer[:, place])
        offices = units.loc[lost > 0, "office_id"].dropna().unique()
        # Records that are gone from one office only are compared with that office's records.
        is_of_one = len(offices) == 1 and units["office_id"].nunique() > 1
        wholes = {} if is_of_one else {"": pd.Series(True, index=units.index)}
        parts = {f" of office {office}": units["office_id"] == office for office in offices}
        for where, rows in (wholes | parts).items():
            hit = rows & (lost > 0)
            affected, of = int(lost[rows].sum()), int(was[rows].sum())
            if not limit.is_passed(int(hit.sum()), affected, of):
                continue
            much = f"all {of:,} records" if affected == of else f"{affected:,} of {of:,} records"
            more = {"table": table, "pattern": where.strip(), "units": hash_of(sorted(units.loc[hit, "unit_key"]))}
            yield limit.cause("records_gone", vendor, f"{table}: {much}{where} are gone", affected, of, **more)
            if not where:
                break


def _counts(states: pd.DataFrame) -> tuple[pd.Series, Counts]:
    """The units of ``states`` (unit_key, records) whose records are counted, and a row of counts for each.

    A count for each of the `TABLES`.
    """
    known = states[states["records"].str.count(",") == len(TABLES) - 1]
    counts = np.array(orjson.loads(f"[{','.join(known['records'])}]"), dtype=np.int64).reshape(-1, len(TABLES))
    return known["unit_key"], counts


def _ledger_empty(context: RunContext, vendor: str, census: Census, enrolled: pd.Index) -> Iterator[Cause]:
    """The ledger has no unit at the vendor, although the vendor has units of this book.

    The surest sign is a file in the data folder, which says that its ledger had links. Without the file, some units are
    looked up at the vendor by the external ids that only this pipeline gives.
    """
    if not guards.is_blank(context.ledger, vendor):
        return
    name, marker = VENDOR_NAMES[vendor], linked_marker(context, vendor)
    if marker.exists():
        words = f"the ledger has no unit at {name}, but the ledger of this data folder had: it is another, or was lost"
        way = f" (bring it back or mend the connection `ledger`; if it is meant to be empty, remove {marker})"
        yield Cause("ledger_empty", vendor, words + way, 0, 0, pattern="marker")
        return
    # No unit that is not enrolled can be there. A few enrolled units may be: the load adopts them (MATCH-STORED).
    units, enough = (
        (census.units.loc[enrolled], context.settings.guard.at_least) if len(enrolled) else (census.units, 1)
    )
    found = _known_at(context, vendor, units, enough)
    if len(found) >= enough:
        words = f"the ledger has no unit at {name}, but {name} has {named(found)}, which Planbridge sent: it was lost"
        way = " (bring it back, or mend the connection `ledger` or PLANBRIDGE__DATA__FOLDER)"
        yield Cause("ledger_empty", vendor, words + way, 0, 0, pattern="external id")


def _known_at(context: RunContext, vendor: str, units: pd.DataFrame, enough: int) -> list[str]:
    """The keys of units that the vendor has under our external id, up to ``enough``, from a sample that changes daily.

    A vendor that cannot be asked counts as having none: its load cannot write either, and reports each unit.
    """
    has = _has_profiles(context) if vendor == "profiles" else _has_emoney(context)
    step = max(1, len(units) // LOOKED_UP)
    found: list[str] = []
    try:
        for unit in each_row(units.iloc[context.request.as_of.toordinal() % step :: step].head(LOOKED_UP)):
            if len(found) < enough and has(unit):
                found.append(unit.unit_key)
    except (CredentialsRefused, SetAside, VendorUnavailable) as error:
        log.warning("%s could not be asked whether it has units of a ledger that was lost: %s", vendor, error)
    return found


def _has_profiles(context: RunContext) -> Callable[[Any], bool]:
    client = profiles_client(context)

    def has(unit: Any) -> bool:
        return bool(client.find_by_external_id(UnitKey.parse(unit.unit_key).external_id).households)

    return has


def _has_emoney(context: RunContext) -> Callable[[Any], bool]:
    client = emoney_client(context)

    def has(unit: Any) -> bool:
        head = unit.client_contact_id
        return not pd.isna(head) and bool(client.find_by_external_id(f"contact:{head}"))

    return has
