"""SCP and HH: the units of work, and who is client, spouse and dependent."""

from dataclasses import dataclass

from tests.reference.records import Crm, Row
from tests.reference.tables import CHILD, MARRIED, OWN_CHILD, SPOUSE, Finding, finding, label


@dataclass(frozen=True)
class Unit:
    """A household or a contact of its own; `head` is whom the CRM records as its client, usable or not."""

    key: str
    household: Row | None
    head: Row | None
    entity: str
    entity_id: int
    members: tuple[tuple[Row, Row], ...]  # (membership, contact), head included

    @property
    def client(self) -> Row | None:
        """None where HH-HEAD fails."""
        return self.head if is_person(self.head) else None

    @property
    def other_members(self) -> list[tuple[Row, Row]]:
        return [pair for pair in self.members if self.client is None or pair[1].contact_id != self.client.contact_id]


@dataclass(frozen=True)
class Couple:
    """The spouse candidates of one vendor's source, in order of id."""

    candidates: tuple[Row, ...]
    client_is_candidate: bool

    @property
    def living(self) -> list[Row]:
        return [candidate for candidate in self.candidates if not is_gone(candidate)]

    @property
    def is_ambiguous(self) -> bool:
        """HH-SPOUSE-AMBIGUOUS."""
        return len(self.living) > 1 or self.client_is_candidate

    @property
    def spouse(self) -> Row | None:
        return self.living[0] if len(self.living) == 1 and not self.is_ambiguous else None


def is_gone(contact: Row) -> bool:
    return bool(contact.is_deceased) or contact.deleted_at is not None


def is_person(contact: Row | None) -> bool:
    """HH-HEAD: a person who is not deleted."""
    return contact is not None and label(contact.record_type) == "contact" and contact.deleted_at is None


def unit_keys(crm: Crm) -> list[str]:
    """SCP-1, SCP-2, SCP-3: all households, and the client contacts that are in no household."""
    households = [household for household in crm.rows("household") if household.deleted_at is None]
    contacts = [contact for contact in crm.rows("contact") if _is_unit_of_its_own(crm, contact)]
    return [f"H{row.household_id}" for row in households] + [f"C{row.contact_id}" for row in contacts]


def _is_unit_of_its_own(crm: Crm, contact: Row) -> bool:
    """SCP-2; a household in Deleted Records is no household."""
    if contact.deleted_at is not None:
        return False
    if (label(contact.record_type), label(contact.subsystem_type)) != ("contact", "contact"):
        return False
    if label(contact.contact_type) != "client":
        return False
    return not _households_of(crm, contact.contact_id)


def _households_of(crm: Crm, contact_id: int) -> list[Row]:
    """The households a contact is in: as a member, or as the head who was never entered as one."""
    found = [crm.one("household", household_id=row.household_id)
             for row in crm.rows("household_member", contact_id=contact_id)]  # fmt: skip
    found += crm.rows("household", head_contact_id=contact_id)
    return [household for household in found if household is not None and household.deleted_at is None]


def units_of_client(crm: Crm, contact: Row) -> set[str]:
    """The units in the whole CRM whose client this contact is."""
    heads = crm.rows("household", head_contact_id=contact.contact_id)
    found = {f"H{row.household_id}" for row in heads if row.deleted_at is None}
    return found | ({f"C{contact.contact_id}"} if _is_unit_of_its_own(crm, contact) else set())


def read_unit(crm: Crm, key: str) -> Unit:
    """SCP-1, SCP-2: the unit behind its key."""
    entity_id = int(key[1:])
    if key.startswith("C"):
        return Unit(key, None, crm.contact(entity_id), "contact", entity_id, ())
    household = crm.one("household", household_id=entity_id)
    assert household is not None, key
    head = crm.contact(household.head_contact_id)
    members = []
    for membership in crm.rows("household_member", household_id=entity_id):
        contact = crm.contact(membership.contact_id)
        assert contact is not None
        members.append((membership, contact))
    return Unit(key, household, head, "household", entity_id, tuple(members))


def couple_by_role(unit: Unit) -> Couple:
    """HH-SPOUSE-ROLE: the Profiles spouse, by the role of the other members."""
    found = [contact for membership, contact in unit.other_members if label(membership.role) in SPOUSE]
    return Couple(tuple(found), client_is_candidate=False)


def couple_by_relation(crm: Crm, client: Row) -> Couple:
    """HH-SPOUSE-RELATION: the eMoney spouse, by key relations of type Family from either side."""
    found: dict[int, Row] = {}
    client_is_candidate = False
    from_client = [(row, row.related_contact_id) for row in crm.rows("key_relation", contact_id=client.contact_id)]
    to_client = [(row, row.contact_id) for row in crm.rows("key_relation", related_contact_id=client.contact_id)]
    for relation, other_id in from_client + to_client:
        if label(relation.relation_type) != "family" or label(relation.relation) not in SPOUSE:
            continue
        other = crm.contact(other_id)
        assert other is not None
        if other_id == client.contact_id:
            client_is_candidate = True
        else:
            found[other_id] = other
    return Couple(tuple(found[key] for key in sorted(found)), client_is_candidate)


def dependents(unit: Unit, spouse: Row | None) -> list[Row]:
    """HH-DEPENDENT: the Profiles dependents, those with missing fields still among them."""
    found = []
    for membership, contact in unit.other_members:
        if contact.deleted_at is not None or (spouse is not None and contact.contact_id == spouse.contact_id):
            continue
        if label(membership.role) in CHILD or label(contact.subsystem_type) == "dependent":
            found.append(contact)
    return found


def own_children(unit: Unit) -> frozenset[int]:
    """DEM-AGES: members who are a child by role, but no stepchild."""
    return frozenset(
        contact.contact_id for membership, contact in unit.other_members if label(membership.role) in OWN_CHILD
    )


def household_findings(crm: Crm, unit: Unit, vendor: str) -> list[Finding]:
    """The HH rules of one vendor for a unit that has a client."""
    client = unit.client
    assert client is not None
    role, relation = couple_by_role(unit), couple_by_relation(crm, client)
    couple = role if vendor == "profiles" else relation
    is_married = label(client.marital_status) in MARRIED
    broken = []
    if not _is_primary_household(unit, client):
        broken.append("HH-PRIMARY")
    if is_married and not couple.candidates and not couple.client_is_candidate:
        broken.append("HH-SPOUSE-ROLE-MISSING" if vendor == "profiles" else "HH-SPOUSE-RELATION-MISSING")
    if vendor == "emoney" and couple.living and not label(client.marital_status):
        broken.append("HH-MARITAL-STATUS")
    if vendor == "profiles" and not label(client.marital_status):
        broken.append("HH-MARITAL-STATUS-PROFILES")
    if couple.is_ambiguous:
        broken.append("HH-SPOUSE-AMBIGUOUS")
    if couple.candidates and not couple.living and not couple.client_is_candidate:
        broken.append("HH-SPOUSE-GONE")
    if _names(role) != _names(relation):
        broken.append("HH-ROLE-RELATION")
    if client.is_deceased:
        broken.append("HH-DECEASED-HEAD")
    if couple.spouse is not None and units_of_client(crm, couple.spouse) - {unit.key}:
        broken.append("HH-COUPLE-TWICE")
    return [finding(rule_id, unit.entity, unit.entity_id) for rule_id in broken]


def _is_primary_household(unit: Unit, client: Row) -> bool:
    """HH-PRIMARY; a unit without a household has nothing to flag."""
    if unit.household is None:
        return True
    return any(row.is_primary for row, contact in unit.members if contact.contact_id == client.contact_id)


def _names(couple: Couple) -> int | None:
    """HH-ROLE-RELATION: the one spouse a source names; a source that names several names none (HH-SPOUSE-AMBIGUOUS)."""
    return couple.spouse.contact_id if couple.spouse is not None else None
