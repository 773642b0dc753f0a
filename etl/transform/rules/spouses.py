"""Spouse candidates by household role and by key relation, and which of them counts (HH-SPOUSE-*)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from etl.transform.arrays import NULL, Flags, Ints, flags, integers, join
from etl.transform.rules.contacts import ContactBook
from etl.values import FAMILY_RELATION_TYPES, SPOUSE_ROLES, is_one_of


@dataclass(frozen=True)
class Candidates:
    """Spouse candidates by one source: distinct contacts, several a unit where the CRM names several."""

    unit_no: Ints
    contact_id: Ints
    contact_at: Ints
    living: Ints  # how many a unit has that are neither deceased nor deleted
    gone: Ints  # how many a unit has that are
    is_client: Flags  # whether the client is one of them
    spouse_id: Ints  # the one that counts, NULL for none


def role_candidates(members: pd.DataFrame, client_id: Ints, book: ContactBook) -> Candidates:
    """HH-SPOUSE-ROLE: the other members whose role is one of the spouse roles."""
    named = members[flags(members["has_spouse_role"]) & ~flags(members["is_head"])]
    return _candidates(named[["unit_no", "contact_id"]], client_id, book)


def relation_candidates(relations: pd.DataFrame, client_id: Ints, book: ContactBook) -> Candidates:
    """HH-SPOUSE-RELATION: contacts tied to the client by a Family relation of the spouse roles, from either side."""
    is_spouse = is_one_of(relations["relation_type"], FAMILY_RELATION_TYPES)
    spouses = relations[is_spouse & is_one_of(relations["relation"], SPOUSE_ROLES)]
    one, other = integers(spouses["contact_id"]), integers(spouses["related_contact_id"])
    forward_unit, forward_at = join(client_id, one)
    backward_unit, backward_at = join(client_id, other)
    named = pd.DataFrame(
        {
            "unit_no": np.concatenate([forward_unit, backward_unit]),
            "contact_id": np.concatenate([other[forward_at], one[backward_at]]),
        }
    )
    return _candidates(named.drop_duplicates(), client_id, book)


def _candidates(named: pd.DataFrame, client_id: Ints, book: ContactBook) -> Candidates:
    """HH-SPOUSE-AMBIGUOUS, HH-SPOUSE-GONE: one living candidate who is not the client counts; else nobody does."""
    unit_no, contact_id = integers(named["unit_no"]), integers(named["contact_id"])
    contact_at = book.at(contact_id)
    is_living = ~(book.is_deleted | book.is_deceased)[contact_at]
    units = len(client_id)
    living = np.bincount(unit_no[is_living], minlength=units)
    is_client = np.zeros(units, dtype=np.bool_)
    is_client[unit_no[contact_id == client_id[unit_no]]] = True
    spouse_id = np.full(units, NULL, dtype=np.int64)
    spouse_id[unit_no[is_living]] = contact_id[is_living]
    spouse_id[(living != 1) | is_client] = NULL
    gone = np.bincount(unit_no[~is_living], minlength=units)
    return Candidates(unit_no, contact_id, contact_at, living, gone, is_client, spouse_id)
