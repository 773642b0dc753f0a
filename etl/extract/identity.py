"""Which contacts are one person: by tax id, or by names and birth date (MATCH-TWICE, MATCH-MERGED).

Everything is set-wise: one statement reads what identifies people, for the whole CRM or for those who may be the same
as a few. Tax ids are compared by their digits, names in one form (`etl.names`); what identifies nobody matches nobody.
Only keys leave this module: ``tax`` and ``name`` are numbers that are equal where tax ids, or names and birth dates,
are; -1 where there is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import sqlalchemy as sa

from etl import schema as s
from etl.extract.census import Census, in_order, may_name_a_spouse, read_households
from etl.extract.contact_units import are_spouses, households_of, own_units, spouses_of, units_led_by
from etl.extract.source import Snapshot, to_frame
from etl.frames import one_text
from etl.names import name_form
from etl.units import household_keys
from etl.values import SPOUSE_ROLES, SPOUSE_WORDS, is_one_of

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]

BY_CONTACT, BY_TAX_ID, BY_NAME = "one contact", "tax id", "names and birth date"

# A tax id has nine digits: fewer are a part of one.
TAX_ID_DIGITS = 9
# What is typed where a tax id is asked for and not known: one digit again and again, or the digits in their order.
PLACEHOLDERS = ["123456789", *(digit * count for digit in "0123456789" for count in range(TAX_ID_DIGITS, 21))]
_DAYS = 4_000_000  # more than from the year 1 to the year 9999

# group: a number; unit_key; contact_id; is_client: the unit's client, else its spouse; matched_by: one of the three.
TWIN_COLUMNS = ("group", "unit_key", "contact_id", "is_client", "matched_by")
_NOBODY = pd.DataFrame({"unit_key": pd.Series(dtype="str"), "contact_id": pd.Series(dtype="int64")})
_IDENTIFYING = ["tax_id", "first_name", "last_name", "birth_date"]


@dataclass(frozen=True)
class Twins:
    """The units that have a person in common (`find_twins`), and those that are their client's primary household."""

    groups: pd.DataFrame
    primary: set[str]


def read_twins(snapshot: Snapshot, census: Census, identities: pd.DataFrame) -> Twins:
    """Of the whole CRM."""
    return _twins(snapshot, census.units, identities)


def read_twins_around(
    snapshot: Snapshot, census: Census, unit: int, linked_alone: Iterable[int]
) -> tuple[pd.DataFrame, Twins]:
    """One unit and all that have its client or spouse as theirs, as rows of `Census.units`; and their twins.

    ``linked_alone``: contacts who are units of their own though not by SCP-2.
    """
    mine = census.units.loc[[unit]]
    partners = read_partners(snapshot, mine, of_these_alone=True)
    couple = pd.concat([mine["client_contact_id"].dropna(), partners["contact_id"]]).astype("int64")
    identities = read_identities_like(snapshot, couple)
    # The census of a unit has all units with its client: it is enough where nobody else may be one of the couple.
    units = _units_of(snapshot, census, identities, linked_alone) if _some_look_alike(identities) else census.units
    return units, _twins(snapshot, units, identities, of_these_alone=True)


def _units_of(
    snapshot: Snapshot, census: Census, identities: pd.DataFrame, linked_alone: Iterable[int]
) -> pd.DataFrame:
    """The census and the units of all who may be one of the couple."""
    others = identities.loc[~identities["is_deleted"], "contact_id"]
    tied = spouses_of(snapshot, others)["head"]
    homes = households_of(snapshot, others)["household_id"]
    found = [
        census.units,
        units_led_by(snapshot, pd.concat([others, tied]).drop_duplicates()),
        read_households(snapshot, s.household.c.household_id, homes),
        own_units(snapshot, others[others.isin(list(linked_alone))]),
    ]
    return in_order(pd.concat(found).drop_duplicates("unit_key"))


def _twins(snapshot: Snapshot, units: pd.DataFrame, identities: pd.DataFrame, of_these_alone: bool = False) -> Twins:
    # Spouses count where two contacts may be one person, and there alone.
    partners = read_partners(snapshot, units, of_these_alone) if _some_look_alike(identities) else _NOBODY
    groups = find_twins(units, partners, identities)
    return Twins(groups, read_primary(snapshot, groups))


def _some_look_alike(identities: pd.DataFrame) -> bool:
    """Whether two contacts that are not deleted have one tax id, or one name and birth date."""
    there = identities[~identities["is_deleted"]]
    return any(there.loc[there[key] >= 0, key].duplicated().any() for key in ("tax", "name"))


def read_identities(snapshot: Snapshot) -> pd.DataFrame:
    """contact_id, is_deleted, birth_date, tax, name of every contact of the CRM. One statement."""
    return _identities(to_frame(snapshot.read(_people(snapshot))))


def read_identities_like(snapshot: Snapshot, contact_ids: Iterable[int]) -> pd.DataFrame:
    """The same of these few contacts, and of all who may be one of them. Two statements."""
    these = _people(snapshot).where(s.contact.c.contact_id.in_(snapshot.id_list()))
    few = to_frame(snapshot.read(these, sorted(contact_ids)))
    born = few["birth_date"].dropna().unique()
    digits = _digits(few["tax_id"]).dropna().unique()
    if not len(born) and not len(digits):
        return _identities(few)
    same_day = [_is_day(snapshot, day.date().isoformat()) for day in pd.DatetimeIndex(born)]
    same_digits = [s.contact.c.tax_id.like("%" + "%".join(each) + "%") for each in digits]
    more = to_frame(snapshot.read(_people(snapshot).where(sa.or_(*same_day, *same_digits))))
    return _identities(pd.concat([few, more]))


def read_deleted(snapshot: Snapshot) -> pd.Series:
    """The ids of all contacts in Deleted Records. One statement."""
    contact = s.contact.c
    statement = sa.select(*snapshot.columns(contact.contact_id)).where(contact.deleted_at.is_not(None))
    return to_frame(snapshot.read(statement))["contact_id"]


def read_owners(snapshot: Snapshot, source_keys: Iterable[str]) -> dict[str, int]:
    """``account:5``, ``policy:3`` or ``liability:4`` -> its primary contact now. At most a statement for each kind."""
    owners: dict[str, int] = {}
    for kind, table, key in (
        ("account", s.investment_account, "account_id"),
        ("policy", s.policy, "policy_id"),
        ("liability", s.liability, "liability_id"),
    ):
        ids = [int(one.partition(":")[2]) for one in source_keys if one.startswith(f"{kind}:")]
        if ids:
            columns = snapshot.columns(table.c[key], table.c.primary_contact_id)
            rows = to_frame(
                snapshot.read(sa.select(*columns).where(table.c[key].in_(snapshot.id_list())), ids)
            ).dropna()
            owners |= {
                f"{kind}:{one}": int(owner) for one, owner in zip(rows[key], rows["primary_contact_id"], strict=True)
            }
    return owners


def same_people(of: pd.DataFrame, among: pd.DataFrame) -> pd.DataFrame:
    """contact_id, other_id, matched_by: who of ``among`` is the same person as somebody of ``of`` (identities both)."""
    if of.empty:
        return pd.DataFrame({"contact_id": of["contact_id"], "other_id": of["contact_id"], "matched_by": []})
    found = []
    for key, matched_by in (("tax", BY_TAX_ID), ("name", BY_NAME)):
        mine, theirs = (rows.loc[rows[key] >= 0, ["contact_id", key]] for rows in (of, among))
        pairs = mine.merge(theirs.rename(columns={"contact_id": "other_id"}), on=key)
        found.append(pairs[["contact_id", "other_id"]].assign(matched_by=matched_by))
    pairs = pd.concat(found)
    pairs = pairs[pairs["contact_id"] != pairs["other_id"]]
    return pairs.drop_duplicates(["contact_id", "other_id"], ignore_index=True)


def read_partners(snapshot: Snapshot, units: pd.DataFrame, of_these_alone: bool = False) -> pd.DataFrame:
    """unit_key, contact_id: who may be the spouse of each unit's client, by role or by relation.

    ``units``: rows of `Census.units`; ``of_these_alone`` reads what concerns them, else the whole CRM is read.
    """
    member, relation = s.household_member.c, s.key_relation.c
    names_a_spouse = sa.or_(*(sa.func.lower(member.role).contains(word) for word in SPOUSE_WORDS))
    homes = units[["unit_key", "household_id"]].dropna()
    statement = sa.select(*snapshot.columns(member.household_id, member.contact_id, member.role)).where(names_a_spouse)
    keys = homes["household_id"] if of_these_alone else None
    members = _read(snapshot, statement, member.household_id, keys)
    found = [homes.merge(members[is_one_of(members["role"], SPOUSE_ROLES)], on="household_id")]
    clients = units[["unit_key", "client_contact_id"]].dropna()
    sides = (relation.contact_id, relation.related_contact_id)
    statement = sa.select(*snapshot.columns(*sides, relation.relation_type, relation.relation)).where(
        may_name_a_spouse()
    )
    keys = clients["client_contact_id"] if of_these_alone else None
    ties = pd.concat([_read(snapshot, statement, side, keys) for side in (sides if of_these_alone else sides[:1])])
    ties = ties.loc[are_spouses(ties), [side.name for side in sides]]
    for columns in (["client_contact_id", "contact_id"], ["contact_id", "client_contact_id"]):
        found.append(clients.merge(ties.set_axis(columns, axis=1), on="client_contact_id"))
    partners = pd.concat(found)[["unit_key", "contact_id"]].drop_duplicates()
    own = partners.merge(clients, on="unit_key")
    return own.loc[own["contact_id"] != own["client_contact_id"], ["unit_key", "contact_id"]].reset_index(drop=True)


def find_twins(units: pd.DataFrame, partners: pd.DataFrame, identities: pd.DataFrame) -> pd.DataFrame:
    """`TWIN_COLUMNS`: the groups of units that have one person as their client, or as another's spouse.

    The two records of one couple are no group, nor is a client who is, by the same contact, another unit's spouse
    (HH-COUPLE-TWICE). Deleted contacts are nobody's twin.
    """
    clients = units[["unit_key", "client_contact_id"]].dropna().rename(columns={"client_contact_id": "contact_id"})
    places = pd.concat([clients.assign(is_client=True), partners.assign(is_client=False)], ignore_index=True)
    places = places.astype({"contact_id": "int64"})
    there = identities[~identities["is_deleted"] & identities["contact_id"].isin(places["contact_id"])]
    groups = [_groups(places[places["is_client"]], "contact_id", BY_CONTACT)]
    for key, matched_by in (("tax", BY_TAX_ID), ("name", BY_NAME)):
        twins = there[(there[key] >= 0) & there[key].duplicated(keep=False)]
        if len(twins):
            groups.append(_groups(places.merge(twins[["contact_id", key]], on="contact_id"), key, matched_by))
    found = pd.concat(groups, ignore_index=True)
    found["group"], _ = pd.factorize(one_text(found, ["matched_by", "group"]))
    return found


def read_primary(snapshot: Snapshot, twins: pd.DataFrame) -> set[str]:
    """The units whose household is the primary one of their client, among clients who head several."""
    several = twins.loc[twins["matched_by"] == BY_CONTACT, "contact_id"].unique()
    if not len(several):
        return set()
    member = s.household_member.c
    columns = snapshot.columns(member.household_id, member.contact_id, member.is_primary)
    rows = to_frame(snapshot.read(sa.select(*columns).where(member.contact_id.in_(snapshot.id_list())), several))
    rows = rows[rows["is_primary"]]
    return set(household_keys(rows["household_id"]))


def _groups(places: pd.DataFrame, key: str, matched_by: str) -> pd.DataFrame:
    """Places with one key in more than one unit, of which one is a client's."""
    chosen = places[places[key].duplicated(keep=False)]
    if len(chosen):
        units = chosen.groupby(key)["unit_key"].transform("nunique")
        clients = chosen.groupby(key)["is_client"].transform("any")
        chosen = chosen[(units > 1) & clients]
    return chosen.assign(group=chosen[key], matched_by=matched_by)[list(TWIN_COLUMNS)]


def _people(snapshot: Snapshot) -> sa.Select[tuple[object, ...]]:
    contact = s.contact.c
    deleted = sa.type_coerce(contact.deleted_at.is_not(None), sa.Boolean).label("is_deleted")
    columns = snapshot.columns(contact.contact_id, *(contact[name] for name in _IDENTIFYING))
    return sa.select(*columns, deleted)


def _read(
    snapshot: Snapshot, statement: sa.Select[tuple[object, ...]], key: sa.Column[object], keys: pd.Series | None
) -> pd.DataFrame:
    if keys is None:
        return to_frame(snapshot.read(statement))
    return to_frame(snapshot.read(statement.where(key.in_(snapshot.id_list())), keys))


def _identities(people: pd.DataFrame) -> pd.DataFrame:
    # SCP-KEY-TWICE reports a contact that stands twice, SCP-STRAY one whose key cannot be read.
    people = people.dropna(subset="contact_id").drop_duplicates("contact_id", ignore_index=True)
    tax, _ = pd.factorize(_digits(people["tax_id"]))
    first, last = (_name_codes(people[name]) for name in ("first_name", "last_name"))
    both, _ = pd.factorize(first * (last.max(initial=0) + 1) + last)
    days = people["birth_date"].to_numpy(dtype="datetime64[D]").astype(np.int64)
    is_named = (first >= 0) & (last >= 0) & people["birth_date"].notna().to_numpy()
    return pd.DataFrame(
        {
            "contact_id": people["contact_id"].astype("int64"),
            "is_deleted": people["is_deleted"].astype("bool"),
            "birth_date": people["birth_date"],
            "tax": tax.astype(np.int64),
            "name": np.where(is_named, both * _DAYS + days + _DAYS // 2, -1),
        }
    )


def _digits(tax_ids: pd.Series) -> pd.Series:
    """The digits of tax ids; null where they are none."""
    digits = tax_ids.astype("str").str.replace(r"[^0-9]", "", regex=True)
    return digits.where((digits.str.len() >= TAX_ID_DIGITS) & ~digits.isin(PLACEHOLDERS))


def _name_codes(column: pd.Series) -> Numbers:
    """A number for each name, the same for equal ones in the form in which names are compared; -1 for none."""
    codes, distinct = pd.factorize(column)
    forms, _ = pd.factorize(np.array([name_form(name) or None for name in distinct], dtype=object))
    return np.append(forms, -1)[codes].astype(np.int64)


def _is_day(snapshot: Snapshot, day: str) -> sa.ColumnElement[bool]:
    """Whether a contact was born on this day (YYYY-MM-DD)."""
    (birth_date,) = snapshot.columns(s.contact.c.birth_date)
    wanted = sa.literal(day, sa.Text)
    return (
        sa.type_coerce(birth_date, sa.Text) == wanted if snapshot.is_sqlite else birth_date == sa.cast(wanted, sa.Date)
    )
