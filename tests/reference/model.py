"""What each vendor gets of one unit, and what is found wrong with it, straight from the rule book.

``Model(read_crm(url), as_of).profiles("H12")`` and ``.emoney("H12")`` give a `Verdict`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.reference import accounts, households, liabilities, people, policies
from tests.reference.households import Unit
from tests.reference.licenses import License, license_of
from tests.reference.records import Crm, Row
from tests.reference.tables import CRITICAL, Finding, finding, text

Json = dict[str, Any]
CASE_NAME_LENGTH = 49


@dataclass(frozen=True)
class Verdict:
    """One unit at one vendor. `document` is None where HH-HEAD fails.

    Profiles: ``{"case_name", "document"}``; eMoney: ``{"client", "spouse", "items"}``, lists in order of their keys.
    """

    unit_key: str
    document: Json | None
    findings: tuple[Finding, ...]
    license: License
    client_contact_id: int | None
    spouse_contact_id: int | None

    @property
    def is_held(self) -> bool:
        """A critical finding holds the whole household back from that vendor."""
        return any(found.severity == CRITICAL for found in self.findings)


class Model:
    """The rule book applied to one CRM as of one day."""

    def __init__(self, crm: Crm, as_of: date, service_user: str = "service") -> None:
        self.crm = crm
        self.as_of = as_of
        self.service_user = service_user

    def unit_keys(self) -> list[str]:
        """SCP-1 to SCP-3: every unit of the CRM."""
        return households.unit_keys(self.crm)

    def profiles(self, unit_key: str) -> Verdict:
        """The unit as Profiles gets it."""
        unit = households.read_unit(self.crm, unit_key)
        permit = license_of(self.crm, unit, "profiles", self.service_user)
        if unit.client is None:
            return _without_client(unit, permit)
        spouse = households.couple_by_role(unit).spouse
        going = _what_goes(self.crm, unit.client, spouse, households.dependents(unit, spouse), permit, "profiles")
        return Verdict(
            unit_key,
            {"case_name": case_name(unit), "document": self._profiles_document(going)},
            tuple(self._profiles_findings(unit, going)),
            permit,
            unit.client.contact_id,
            spouse.contact_id if spouse is not None else None,
        )

    def emoney(self, unit_key: str) -> Verdict:
        """The unit as eMoney gets it."""
        unit = households.read_unit(self.crm, unit_key)
        permit = license_of(self.crm, unit, "emoney", self.service_user)
        if unit.client is None:
            return _without_client(unit, permit)
        spouse = households.couple_by_relation(self.crm, unit.client).spouse
        going = _what_goes(self.crm, unit.client, spouse, [], permit, "emoney")
        return Verdict(
            unit_key,
            self._emoney_document(going),
            tuple(self._emoney_findings(unit, going)),
            permit,
            unit.client.contact_id,
            spouse.contact_id if spouse is not None else None,
        )

    def _profiles_document(self, going: Going) -> Json:
        crm, party = self.crm, going.party
        kind = {row.policy_id: policies.kind(crm, row) for row in going.policies}
        annuities = [row for row in going.policies if kind[row.policy_id] == "annuity"]
        insurance = [row for row in going.policies if kind[row.policy_id] in policies.INSURANCE]
        client_b = people.profiles_person(crm, going.spouse, is_client=False) if going.spouse is not None else None
        return {
            "clientA": people.profiles_person(crm, going.client, is_client=True),
            "clientB": client_b,
            "dependents": [people.profiles_dependent(row) for row in going.dependents if people.is_complete(row)],
            "assets": [accounts.profiles_asset(crm, row, party[row.primary_contact_id]) for row in going.accounts]
            + [policies.profiles_annuity(crm, row, party) for row in annuities],
            "liabilities": [
                liabilities.profiles_liability(row, party[row.primary_contact_id], self.as_of)
                for row in going.liabilities
            ],
            "insurancePolicies": [policies.profiles_policy(crm, row, party) for row in insurance],
        }

    def _profiles_findings(self, unit: Unit, going: Going) -> list[Finding]:
        crm, persons = self.crm, going.persons
        others = [contact.contact_id for _, contact in unit.other_members if contact.contact_id not in persons]
        found = households.household_findings(crm, unit, "profiles")
        own = households.own_children(unit)
        found += people.people_findings(crm, going.client, going.spouse, going.dependents, "profiles", self.as_of, own)
        found += _left_out(crm, going, "profiles")
        found += _per_record("ACC-SCOPE-PROFILES", "account", accounts.accounts_of(crm, others))
        found += _per_record("LIA-SCOPE", "liability", liabilities.liabilities_of(crm, others))
        for row in going.accounts:
            found += accounts.account_findings(crm, row, going.policies, "profiles")
        for row in going.liabilities:
            found += liabilities.liability_findings(row, self.as_of)
        for row in going.policies:
            found += policies.policy_findings(crm, row, going.party, "profiles")
        return found

    def _emoney_document(self, going: Going) -> Json:
        crm, client, spouse = self.crm, going.client, going.spouse
        return {
            "client": people.emoney_client(crm, client, has_spouse=spouse is not None),
            "spouse": people.emoney_spouse(crm, spouse) if spouse is not None else None,
            "items": [accounts.emoney_investment(row, going.party[row.primary_contact_id]) for row in going.accounts]
            + [policies.emoney_policy(crm, row, client, spouse) for row in going.policies],
        }

    def _emoney_findings(self, unit: Unit, going: Going) -> list[Finding]:
        crm = self.crm
        found = households.household_findings(crm, unit, "emoney")
        found += people.people_findings(crm, going.client, going.spouse, [], "emoney", self.as_of)
        found += _left_out(crm, going, "emoney")
        for row in going.accounts:
            found += accounts.account_findings(crm, row, going.policies, "emoney")
        for row in going.policies:
            found += policies.policy_findings(crm, row, going.party, "emoney")
        return found


@dataclass(frozen=True)
class Going:
    """The people of a unit at one vendor and the records that go there; `party` names the people as the vendor does."""

    client: Row
    spouse: Row | None
    dependents: list[Row]
    party: dict[int, str]
    accounts: list[Row]
    liabilities: list[Row]
    policies: list[Row]
    policies_left_out: list[Row]

    @property
    def persons(self) -> list[int]:
        """Client and spouse."""
        return [row.contact_id for row in (self.client, self.spouse) if row is not None]


def _what_goes(crm: Crm, client: Row, spouse: Row | None, dependents: list[Row], permit: License, vendor: str) -> Going:
    names = ("clientA", "clientB") if vendor == "profiles" else ("client", "spouse")
    party = {row.contact_id: f"dependent:contact:{row.contact_id}" for row in dependents if people.is_complete(row)}
    party[client.contact_id] = names[0]
    persons = [client.contact_id]
    if spouse is not None:
        party[spouse.contact_id] = names[1]
        persons.append(spouse.contact_id)
    in_scope = policies.policies_of(crm, persons) if permit.policies_go else []
    left_out = [row for row in in_scope if policies.why_left_out(crm, row, persons, vendor) is not None]
    return Going(
        client,
        spouse,
        dependents,
        party,
        accounts.accounts_of(crm, persons) if permit.investments_go else [],
        liabilities.liabilities_of(crm, persons) if vendor == "profiles" else [],
        [row for row in in_scope if row not in left_out],
        left_out,
    )


def case_name(unit: Unit) -> str:
    """The household's name, else the client's first and last name, cut at 49 characters."""
    assert unit.client is not None
    names = (text(unit.client.first_name), text(unit.client.last_name))
    household_name = text(unit.household.name) if unit.household is not None else None
    return (household_name or " ".join(name for name in names if name))[:CASE_NAME_LENGTH]


def _without_client(unit: Unit, permit: License) -> Verdict:
    """HH-HEAD: without a head there is nobody to send."""
    return Verdict(unit.key, None, (finding("HH-HEAD", unit.entity, unit.entity_id),), permit, None, None)


def _left_out(crm: Crm, going: Going, vendor: str) -> list[Finding]:
    """POL-STATUS, POL-TYPE, POL-INSURED-OTHER: policies that do not go."""
    reasons = [
        (policies.why_left_out(crm, row, going.persons, vendor), row.policy_id) for row in going.policies_left_out
    ]
    return [finding(reason, "policy", policy_id) for reason, policy_id in reasons if reason is not None]


def _per_record(rule_id: str, entity: str, rows: Iterable[Row]) -> list[Finding]:
    return [finding(rule_id, entity, getattr(row, f"{entity}_id")) for row in rows]
