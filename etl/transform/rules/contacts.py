"""Demographics: who is a person, which address, phone and e-mail is picked, and how values are written (DEM-*)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl.transform.arrays import (
    NULL,
    Flags,
    Frames,
    Ints,
    dates,
    flags,
    integers,
    matches,
    nulls,
    positions,
    sort_order,
    taken,
    trimmed,
    where,
)
from etl.transform.documents import NO_ALIASES, TEXT, Aliases, Json, Values, amounts, keys, quoted, records
from etl.transform.mapping.fields import ADDRESS_FIELDS, person_fields
from etl.values import ADDRESS_TYPES, E_MAIL, PERSON_RECORD_TYPES, PHONE_TYPES, VOICE_PHONES, by_label, is_one_of


@dataclass(frozen=True)
class ContactBook:
    """The contacts of a shard, looked up by position; position -1 is *no such contact*: no person, deleted, blank."""

    contacts: pd.DataFrame
    aliases: Aliases = field(default_factory=dict)
    _texts: dict[str, pa.Array] = field(default_factory=dict, repr=False)
    _quoted: dict[str, Json] = field(default_factory=dict, repr=False)

    @cached_property
    def ids(self) -> Ints:
        return integers(self.contacts["contact_id"])

    def at(self, ids: Ints) -> Ints:
        """The position of each contact id."""
        return positions(self.ids, ids)

    @cached_property
    def is_deleted(self) -> Flags:
        return np.append(flags(self.contacts["is_deleted"]), True)

    @cached_property
    def is_deceased(self) -> Flags:
        return np.append(flags(self.contacts["is_deceased"]), False)

    @cached_property
    def is_person(self) -> Flags:
        """HH-HEAD: a person who is not deleted."""
        return np.append(is_one_of(self.contacts["record_type"], PERSON_RECORD_TYPES), False) & ~self.is_deleted

    def texts(self, column: str) -> pa.Array:
        """DEM-TEXT for one column; birth dates as ``YYYY-MM-DD``."""
        if column not in self._texts:
            values = self.contacts[column]
            self._texts[column] = dates(values) if column == "birth_date" else trimmed(values)
        return self._texts[column]

    def quoted(self, column: str) -> Json:
        """The same as JSON."""
        if column not in self._quoted:
            self._quoted[column] = quoted(self.texts(column))
        return self._quoted[column]

    @cached_property
    def keys(self) -> Json:
        """The keys by which the vendors know the contacts."""
        return quoted(keys("contact", self.ids, self.aliases))

    @cached_property
    def is_complete(self) -> Flags:
        """DEM-DEPENDENT: there are first name, last name and birth date."""
        needed = ("first_name", "last_name", "birth_date")
        return np.append(~np.logical_or.reduce([nulls(self.texts(column)) for column in needed]), False)

    @cached_property
    def incomes(self) -> Ints:
        """Field matrix: annual salary, else total income, in cents. A salary that is not finite is no blank one."""
        salary = integers(self.contacts["annual_salary"])
        income = np.where(salary == NULL, integers(self.contacts["total_income"]), salary)
        return np.append(income, NULL)

    @cached_property
    def amounts(self) -> Json:
        """The incomes as JSON."""
        return amounts(self.incomes)


def pick(rows: pd.DataFrame, id_column: str, kinds: Ints, book: ContactBook, kind_count: int) -> Ints:
    """DEM-PICK: of several rows of one kind the preferred one, else the one with the lowest id.

    ``kinds`` numbers each row's kind (-1: goes nowhere). Returns positions in ``rows``, one line a kind and one
    column a contact position, -1 where there is none.
    """
    contact_at = book.at(integers(rows["contact_id"]))
    taken = np.flatnonzero((contact_at >= 0) & (kinds >= 0))
    slots = kinds[taken] * (len(book.ids) + 1) + contact_at[taken]
    order = sort_order(slots * 2 + ~flags(rows["is_preferred"])[taken], integers(rows[id_column])[taken])
    picked_slots, first = np.unique(slots[order], return_index=True)
    picks = np.full(kind_count * (len(book.ids) + 1), -1, dtype=np.int64)
    picks[picked_slots] = taken[order[first]]
    return picks.reshape(kind_count, -1)


@dataclass(frozen=True)
class Reach:
    """How the contacts of a shard are reached: what DEM-PICK picked, and the values as they go."""

    book: ContactBook
    addresses: pd.DataFrame
    phones: pd.DataFrame
    emails: pd.DataFrame

    @cached_property
    def address_kinds(self) -> Ints:
        """The number of each address's type; -1 for a type that goes nowhere."""
        return by_label(self.addresses["address_type"], ADDRESS_TYPES, -1).astype(np.int64)

    @cached_property
    def phone_kinds(self) -> Ints:
        return by_label(self.phones["phone_type"], PHONE_TYPES, -1).astype(np.int64)

    @cached_property
    def address_picks(self) -> Ints:
        return pick(self.addresses, "address_id", self.address_kinds, self.book, len(ADDRESS_TYPES))

    @cached_property
    def phone_picks(self) -> Ints:
        return pick(self.phones, "phone_id", self.phone_kinds, self.book, len(PHONE_TYPES))

    @cached_property
    def email_picks(self) -> Ints:
        """DEM-E-MAIL: picked over all types."""
        kinds = np.zeros(len(self.emails), dtype=np.int64)
        return pick(self.emails, "email_id", kinds, self.book, 1)

    @cached_property
    def address_values(self) -> Json:
        """DEM-ADDRESS: the six fields of the API; an address whose fields are all blank is null. Only picked ones."""
        picked = np.unique(self.address_picks[self.address_picks >= 0])
        rows = self.addresses.take(picked)
        columns = {column: trimmed(rows[column]) for _, column in ADDRESS_FIELDS}
        has_text = ~np.logical_and.reduce([Json(column).is_null for column in columns.values()])
        at = np.full(len(self.addresses), -1, dtype=np.int64)
        at[picked[has_text]] = np.flatnonzero(has_text)
        return records(ADDRESS_FIELDS, columns).take(at)

    @cached_property
    def phone_values(self) -> Json:
        """DEM-PHONE: the number, followed by `` x`` and the extension where there is one."""
        numbers, extensions = trimmed(self.phones["number"]), trimmed(self.phones["extension"])
        return quoted(pc.coalesce(pc.binary_join_element_wise(numbers, extensions, pa.scalar(" x", TEXT)), numbers))

    @cached_property
    def email_values(self) -> pa.Array:
        """E-mail addresses trimmed, valid or not."""
        return trimmed(self.emails["address"])

    @cached_property
    def sendable_emails(self) -> Json:
        """DEM-E-MAIL: the addresses that can be one."""
        return quoted(where(self.is_email, self.email_values))

    @cached_property
    def is_email(self) -> Flags:
        """DEM-E-MAIL: two parts without blanks around one ``@``."""
        return matches(self.emails["address"], E_MAIL)

    def address(self, kind: str, contact_at: Ints) -> Json:
        """The picked address of a kind for each contact position."""
        return self.address_values.take(self.address_picks[ADDRESS_TYPES[kind]][contact_at])

    def phone(self, kind: str, contact_at: Ints) -> Json:
        """The picked phone of a kind for each contact position."""
        return self.phone_values.take(self.phone_picks[PHONE_TYPES[kind]][contact_at])

    def has_address(self, contact_at: Ints) -> Flags:
        """DEM-SPARSE: whether an address of a type that goes is recorded."""
        nothing: Flags = np.logical_and.reduce([self.address(kind, contact_at).is_null for kind in ADDRESS_TYPES])
        return ~nothing

    def has_phone(self, contact_at: Ints) -> Flags:
        """DEM-SPARSE: whether a phone, which a fax is not, of a type that goes is recorded."""
        nothing: Flags = np.logical_and.reduce([self.phone(kind, contact_at).is_null for kind in VOICE_PHONES])
        return ~nothing

    def email(self, contact_at: Ints) -> pa.Array:
        """The picked e-mail for each contact position, trimmed, valid or not."""
        return taken(self.email_values, self.email_picks[0][contact_at])


def reach(frames: Frames, aliases: Aliases = NO_ALIASES) -> Reach:
    """The contacts of a shard with their addresses, phones and e-mails, the same for both vendors.

    ``aliases``: see `etl.transform.documents.Aliases`.
    """
    book = ContactBook(frames["contacts"], aliases)
    return Reach(book, frames["addresses"], frames["phones"], frames["emails"])


def person_values(reached: Reach, contact_at: Ints, wanted: frozenset[str]) -> dict[str, Values]:
    """The values of the field matrix for the contacts at these positions, only those a role wants."""
    book = reached.book
    values: dict[str, Callable[[], Json]] = {
        "source_id": lambda: book.keys.take(contact_at),
        "residence": lambda: reached.address("residence", contact_at),
        "home_phone": lambda: reached.phone("home", contact_at),
        "mobile_phone": lambda: reached.phone("mobile", contact_at),
        "fax": lambda: reached.phone("fax", contact_at),
        "email": lambda: reached.sendable_emails.take(reached.email_picks[0][contact_at]),
        "business_address": lambda: reached.address("business", contact_at),
        "business_phone": lambda: reached.phone("business", contact_at),
        "business_fax": lambda: reached.phone("business fax", contact_at),
        "income": lambda: book.amounts.take(contact_at),
    }
    return {name: values[name]() if name in values else book.quoted(name).take(contact_at) for name in wanted}


def persons(
    reached: Reach,
    contact_at: Ints,
    role: str,
    shape_of: str | None = None,
    more: Mapping[str, Values] = MappingProxyType({}),
) -> Json:
    """The person objects of one role of the field matrix, in the order of the positions, with ``more`` fields.

    With ``shape_of`` they have all the fields of that role; those that the matrix never sends are null.
    """
    table = person_fields(role)
    values = person_values(reached, contact_at, frozenset(value for _, value in table))
    outer = {name: value for name, value in table if "." not in name}
    columns = {value: values[value] for value in outer.values()} | dict(more)
    for group in dict.fromkeys(name.split(".")[0] for name, _ in table if "." in name):
        inner = tuple((name.split(".")[1], value) for name, value in table if name.startswith(f"{group}."))
        outer[group] = group
        columns[group] = records(inner, values)
    columns["nothing"] = None
    missing = dict.fromkeys((name for name, _ in person_fields(shape_of or role) if "." not in name), "nothing")
    return records(tuple((missing | outer | {name: name for name in more}).items()), columns)


def spouses(reached: Reach, contact_at: Ints, role: str, shape_of: str | None = None) -> Json:
    """The spouse objects by unit, null where there is no spouse (position -1)."""
    there = contact_at >= 0
    at = np.where(there, np.cumsum(there) - 1, -1)
    return persons(reached, contact_at[there], role, shape_of).take(at)
