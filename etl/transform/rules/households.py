"""Who is client, spouse and dependent of each unit (HH-*).

Units are numbered in the order of their keys; everything below works with that number and gets its ``unit_key`` at
the end. A unit whose client is no usable person has its facts but nobody in it: no document, nothing goes (HH-HEAD).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl.transform.arrays import (
    NULL,
    Flags,
    Frames,
    Ints,
    Series,
    flags,
    integers,
    join,
    nullable,
    sort_order,
    taken,
    trimmed,
)
from etl.transform.documents import TEXT
from etl.transform.rules.contacts import ContactBook
from etl.transform.rules.members import is_primary_household, memberships_of, people_of
from etl.transform.rules.spouses import Candidates, relation_candidates, role_candidates
from etl.values import CASE_NAME_LENGTH, Vendor


@dataclass(frozen=True)
class Households:
    """The units of one vendor in a shard.

    ``units``: unit_key, household_id, household_name by unit number. ``people``: unit_no, contact_id, contact_at,
    role, rule_id (why somebody does not go, null for those who do), ordered by unit and contact; everybody who is
    client, member or spouse candidate.
    """

    units: pd.DataFrame
    book: ContactBook
    client_id: Ints
    client_at: Ints
    is_usable: Flags  # HH-HEAD
    by_role: Candidates
    by_relation: Candidates
    spouse_id: Ints
    spouse_at: Ints
    people: pd.DataFrame
    is_primary: Flags

    def keys_of(self, unit_no: Ints) -> Series:
        """The unit keys of these unit numbers."""
        return self.units["unit_key"].take(unit_no).reset_index(drop=True)

    def of_role(self, *roles: int) -> pd.DataFrame:
        """The people who go in one of these roles, ordered by unit and contact."""
        return self.people[self.people["role"].isin(roles)]


def resolve(frames: Frames, vendor: Vendor, book: ContactBook) -> Households:
    """HH-HEAD, HH-PRIMARY, HH-SPOUSE-ROLE, HH-SPOUSE-RELATION and HH-DEPENDENT for the units in a vendor's scope.

    Each vendor keeps its own source of the spouse: Profiles the household role, eMoney the key relation.
    """
    in_scope = frames["units"][flags(frames["units"][f"in_{vendor}"])]
    units = in_scope.sort_values("unit_key", ignore_index=True)
    client_id = integers(units["client_contact_id"])
    client_at = book.at(client_id)
    is_usable = book.is_person[client_at]
    members = memberships_of(frames["members"], units, client_id, book)
    by_role = role_candidates(members, client_id, book)
    by_relation = relation_candidates(frames["relations"], client_id, book)
    chosen = by_role if vendor == "profiles" else by_relation
    spouse_id = np.where(is_usable, chosen.spouse_id, NULL)
    people = people_of(vendor, members, chosen, client_id, is_usable, spouse_id, book)
    is_primary = is_primary_household(units, members)
    spouse_at = book.at(spouse_id)
    return Households(
        units, book, client_id, client_at, is_usable, by_role, by_relation, spouse_id, spouse_at, people, is_primary
    )


def case_names(households: Households) -> pa.Array:
    """The household's name, else the client's first and last name, cut where Profiles cuts it."""
    parts = [taken(households.book.texts(part), households.client_at) for part in ("first_name", "last_name")]
    # To skip the nulls would lose the rows that have nothing else.
    whole = pc.binary_join_element_wise(*parts, pa.scalar(" ", TEXT), null_handling="replace", null_replacement="")
    names = pc.coalesce(trimmed(households.units["household_name"]), pc.utf8_trim(whole, " "))
    return pc.utf8_slice_codeunits(names, 0, CASE_NAME_LENGTH)


def spouse_unit_keys(households: Households, client_of: pd.DataFrame) -> Series:
    """HH-COUPLE-TWICE: the other unit whose client the spouse is, the first by key; null for none."""
    unit_no, row_at = join(households.spouse_id, integers(client_of["contact_id"]))
    others = pd.DataFrame({"unit_no": unit_no, "key": client_of["unit_key"].take(row_at).to_numpy()})
    first = others.sort_values("key").drop_duplicates("unit_no").set_index("unit_no")["key"]
    return first.reindex(range(len(households.units))).astype("str").reset_index(drop=True)


def document_rows(households: Households) -> pd.DataFrame:
    """unit_key, client_contact_id and spouse_contact_id (Int64) by unit number."""
    return pd.DataFrame(
        {
            "unit_key": households.units["unit_key"],
            "client_contact_id": nullable(households.client_id),
            "spouse_contact_id": nullable(households.spouse_id),
        }
    )


def records_of(households: Households, rows: pd.DataFrame, id_column: str) -> pd.DataFrame:
    """The accounts, policies or liabilities whose primary contact is anybody of a unit, ordered by unit and id.

    unit_no, role, row_at (position in ``rows``) and the id. A contact may stand in several units; then so does the
    record.
    """
    people, ids = households.people, integers(rows[id_column])
    person_at, row_at = join(integers(people["contact_id"]), integers(rows["primary_contact_id"]))
    unit_no = integers(people["unit_no"])[person_at]
    order = sort_order(unit_no, ids[row_at])
    row_at, role = row_at[order], integers(people["role"])[person_at[order]]
    return pd.DataFrame({"unit_no": unit_no[order], "role": role, "row_at": row_at, id_column: ids[row_at]})
