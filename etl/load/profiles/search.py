"""Profiles' Search list: the records that a unit may be, and what can be chosen from them.

The list is the household that carries our key or is the exact match, with its cases, or else all households of the same
last name (MATCH-EXACT, MATCH-LAST-NAME). One that is linked to another unit is shown as that, and cannot be chosen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from etl.errors import ParamsError
from etl.load import matching
from etl.load.job import Job, Payload
from etl.load.ledger import links
from etl.load.profiles.client import FoundHousehold, ProfilesClient, SearchResult
from etl.load.profiles.update import VENDOR

# What a user of SmartOffice chooses, by the words on the buttons.
BUTTONS = {
    "Update Case": "update_case",
    "Create New Case": "create_case",
    "Open Case": "open_case",
    "Create New Client and Case": "create_client_and_case",
}

# What namesakes have in common (MATCH-LAST-NAME).
SAME_LAST_NAME = "same last name"
_KINDS = {"key": "matched by our key", "exact": "that match exactly", "lastName": "of the same last name"}


@dataclass(frozen=True)
class Found:
    """What Profiles has for a unit: the records (client data), and what the matching rules say of them.

    ``match_type``: key (our external id), exact, lastName or none; ``keyed``: the households under our external id,
    linked to other units or not; ``linked_to``: of the households, those that are another unit's, with its key.
    """

    match_type: str
    households: tuple[FoundHousehold, ...] = field(repr=False)
    keyed: tuple[str, ...]
    linked_to: Mapping[str, str]
    decision: matching.Decision

    @property
    def free(self) -> tuple[FoundHousehold, ...]:
        """The households that can be chosen: those that are no other unit's."""
        return tuple(one for one in self.households if one.household_id not in self.linked_to)

    @property
    def shown(self) -> dict[str, Any]:
        """The list by ids alone, as the ledger keeps it and `choose` reads it."""
        listed = [
            {
                "household_id": household.household_id,
                "case_ids": [case.case_id for case in household.cases],
                "linked_to": self.linked_to.get(household.household_id),
            }
            for household in self.households
        ]
        return {"match_type": self.match_type, "households": listed}


@dataclass(frozen=True)
class Choice:
    """What is to be done, with which of the vendor's records."""

    action: str
    household_id: str | None = None
    case_id: str | None = None


def search(client: ProfilesClient, job: Job, payload: Payload) -> Found:
    """By our external id; where that finds nothing of ours, by the client's names and birth date."""
    by_key = client.find_by_external_id(payload.external_id)
    keyed = tuple(household.household_id for household in by_key.households)
    taken = links.others_linked(job.ledger, VENDOR, payload.unit_key, keyed)
    if not all(household_id in taken for household_id in keyed):
        return Found("key", by_key.households, keyed, taken, decide_profiles(by_key, None, taken))
    person = payload.read()["document"]["clientA"]
    exact = client.search(person["firstName"], person["lastName"], person["birthDate"])
    ids = [household.household_id for household in exact.households]
    taken = taken | links.others_linked(job.ledger, VENDOR, payload.unit_key, ids)
    decision = decide_profiles(by_key, exact, taken)
    return Found(exact.match_type, exact.households, keyed, taken, decision)


def decide_profiles(
    by_external_id: SearchResult, by_name: SearchResult | None, linked_elsewhere: Collection[str]
) -> matching.Decision:
    """Which household and case is the unit; ``linked_elsewhere`` holds household ids linked to other units.

    ``by_name`` may be None where the search by external id has found something: then it is not asked.
    """
    found = by_name or SearchResult("none", ())
    is_exact = found.match_type == "exact"
    exact, namesakes = (_cases(found), ()) if is_exact else ({}, tuple(_cases(found)))
    return matching.decide(_cases(by_external_id), exact, namesakes, linked_elsewhere)


def _cases(found: SearchResult) -> matching.Records:
    return {one.household_id: tuple(case.case_id for case in one.cases) for one in found.households}


def describe(found: Found) -> str:
    """What can be chosen from the list, in a line of ids."""
    if not found.households:
        return "Profiles has no household of this client or last name"
    if not found.free:
        return "every household of this client or last name in Profiles is linked to another unit"
    named = [
        f"{household.household_id} (cases {', '.join(case.case_id for case in household.cases) or 'none'})"
        for household in found.free[:10]
    ]
    more = len(found.free) - len(named)
    return f"households {_KINDS[found.match_type]}: {'; '.join(named)}{f' and {more} more' if more else ''}"


def buttons_for(shown: Mapping[str, Any]) -> tuple[str, ...]:
    """The buttons for which the list that is shown leaves something to do."""
    free = [one for one in shown["households"] if not one["linked_to"]]
    needs = {"create_client_and_case": True, "create_case": bool(free)}
    has_cases = any(one["case_ids"] for one in free)
    return tuple(button for button, action in BUTTONS.items() if needs.get(action, has_cases))


def choose(shown: Mapping[str, Any], action: str, household_id: str | None, case_id: str | None) -> Choice:
    """What a person wants done, checked against the list that was shown. Raises `ParamsError` in words.

    An id may be left out where the list holds one household only, or the household one case only.
    """
    if action == "create_client_and_case":
        if household_id or case_id:
            raise ParamsError("A new client and case belongs to no household or case of the list: leave the ids empty.")
        return Choice(action)
    household = _chosen_household(shown, household_id, case_id)
    if household["linked_to"]:
        raise ParamsError(f"Household {household['household_id']} is linked to {household['linked_to']} already.")
    if action == "create_case":
        if case_id:
            raise ParamsError("A new case has no id yet: give the household alone.")
        return Choice(action, household["household_id"])
    cases = household["case_ids"]
    if case_id is None and len(cases) != 1:
        which = f"has the cases {', '.join(cases)}: say which, by its id" if cases else "has no case"
        raise ParamsError(f"Household {household['household_id']} {which}.")
    return Choice(action, household["household_id"], case_id or cases[0])


def _chosen_household(shown: Mapping[str, Any], household_id: str | None, case_id: str | None) -> Mapping[str, Any]:
    listed: list[Mapping[str, Any]] = shown["households"]
    if case_id is not None:
        owners = [one for one in listed if case_id in one["case_ids"]]
        if not owners:
            raise ParamsError(f"Case {case_id} is not on the list of this unit. {_ids(listed)}")
        if household_id not in (None, owners[0]["household_id"]):
            raise ParamsError(f"Case {case_id} belongs to household {owners[0]['household_id']}, not {household_id}.")
        return owners[0]
    if household_id is not None:
        named = [one for one in listed if one["household_id"] == household_id]
        if not named:
            raise ParamsError(f"Household {household_id} is not on the list of this unit. {_ids(listed)}")
        return named[0]
    free = [one for one in listed if not one["linked_to"]]
    if not free:
        raise ParamsError("The list has no household to choose: answer Create New Client and Case.")
    if len(free) != 1:
        raise ParamsError(f"Say which household is meant, by its id. {_ids(free)}")
    return free[0]


def _ids(listed: list[Mapping[str, Any]]) -> str:
    free = [one["household_id"] for one in listed if not one["linked_to"]]
    return f"There are: {', '.join(free)}." if free else "No household of it can be chosen."
