"""Which contact a merged contact has become: by likeness, place or sent items; else a person decides."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from etl.load.ledger.identities import Merge
from etl.load.merged_contacts import Known, Unclear, decide_merges

LINKS = ("vendor", "unit_key", "client_contact_id", "spouse_contact_id", "vendor_client_id")


def known(
    links: list[tuple[Any, ...]],
    alike: list[tuple[int, int]],
    couples: Sequence[tuple[str, int, bool]] = (),
    **more: Any,
) -> Known:
    """Everybody in the links is in Deleted Records, but for ``living``."""
    linked = pd.DataFrame(links, columns=list(LINKS)).astype(
        {"client_contact_id": "Int64", "spouse_contact_id": "Int64"}
    )
    deleted = {one for row in links for one in row[2:4] if one is not None} - set(more.pop("living", ()))
    pairs = pd.DataFrame(alike, columns=["contact_id", "other_id"], dtype="int64").assign(matched_by="tax id")
    there = pd.DataFrame(list(couples), columns=["unit_key", "contact_id", "is_client"])
    return Known(deleted, linked, pairs, there, **{"owners": {}, "names": {}, "own": (), "apart": (), **more})


LONE = ("emoney", "C7", 7, None, "x")


def test_a_merged_lone_client_becomes_the_contact_who_is_alike_under_the_known_key() -> None:
    assert decide_merges(known([LONE], [(7, 8)])) == ([Merge(7, 8, "tax id", "contact:7")], [])
    moved = known([LONE], [(7, 8)], names={"contact:7": "contact:5"})
    assert decide_merges(moved)[0] == [Merge(7, 8, "tax id", "contact:5")]


def test_a_contact_with_a_known_key_keeps_it() -> None:
    assert decide_merges(known([LONE], [(7, 8)], own={8}))[0] == [Merge(7, 8, "tax id", None)]
    both = known([LONE, ("emoney", "C6", 6, None, "y")], [(7, 8), (6, 8)])
    assert decide_merges(both)[0] == [Merge(6, 8, "tax id", "contact:6"), Merge(7, 8, "tax id", None)]


def test_of_several_who_are_alike_the_one_with_the_place_or_the_sent_items_is_chosen() -> None:
    home = ("profiles", "H1", 7, 2, "h")
    placed = known([home], [(7, 8), (7, 9)], [("H1", 9, True), ("H1", 2, False)], living={2})
    assert decide_merges(placed)[0] == [Merge(7, 9, "tax id", "contact:7")]
    owned = known([LONE], [(7, 8), (7, 9)], owners={7: frozenset({9})})
    assert decide_merges(owned)[0] == [Merge(7, 9, "tax id", "contact:7")]


def test_several_equal_candidates_are_left_to_a_person() -> None:
    several = known([LONE], [(7, 8), (7, 9)])
    assert decide_merges(several) == ([], [Unclear("emoney", "C7", "x", 7, (8, 9), True)])
    assert decide_merges(known([LONE], [(7, 8), (7, 9)], apart={frozenset((7, 8))}))[0] == [
        Merge(7, 9, "tax id", "contact:7")
    ]


def test_likeness_alone_does_not_make_somebody_outside_a_living_household_the_merged_contact() -> None:
    home = ("profiles", "H1", 7, None, "h")
    assert decide_merges(known([home], [(7, 8)], [("H1", 7, True)])) == (
        [],
        [Unclear("profiles", "H1", "h", 7, (8,), True)],
    )


def test_another_person_with_the_place_or_the_rows_waits_with_both_named() -> None:
    rows = known([LONE], [], owners={7: frozenset({8})})
    assert decide_merges(rows) == ([], [Unclear("emoney", "C7", "x", 7, (8,), False)])
    home = ("profiles", "H1", 7, 2, "h")
    head = known([home], [], [("H1", 8, True), ("H1", 2, False)], living={2})
    assert decide_merges(head) == ([], [Unclear("profiles", "H1", "h", 7, (8,), False)])
    widow = known([home], [], [("H1", 2, True)], living={2})
    assert decide_merges(widow) == ([], [])  # LIFE-EVENT


def test_a_contact_who_left_without_a_trace_is_no_merge() -> None:
    assert decide_merges(known([LONE], [])) == ([], [])
