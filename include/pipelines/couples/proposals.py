"""The proposal for a life event, from the CRM: where each person goes, and which records have no clear owner.

These records have no clear owner: joint accounts, policies that name the other partner as owner, insured or
beneficiary, and everything of a person who has died or was deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from etl.frames import each_row
from etl.load.ledger.life_events import LifeEvent
from etl.units import contact_key
from etl.values import SPOUSE_ROLES, is_one_of
from include.report.run.proposals import PersonGoes, Proposal, RecordGoes

Frames = Mapping[str, pd.DataFrame]

# Account Type or How Held of an account that belongs to two people.
JOINT_WORDS = ("joint", "jtwros", "community property", "tenants in common", "tenants by entirety")
# The frame of each kind of record, and the column by which people know a record.
RECORDS = {
    "account": ("accounts", "account_name"),
    "policy": ("policies", "plan_name"),
    "liability": ("liabilities", "lender"),
}
NAMED_AS = {"owner_contact_id": "owner", "primary_insured_id": "insured"}


def propose(vendor: str, unit_key: str, event: LifeEvent, frames: Frames) -> Proposal:
    """The proposal for one unit; ``frames``: of its shard, with the people who are not in it any more."""
    couple = _Couple(unit_key, _foreseen(event), frames)
    people = tuple(couple.person(contact_id) for contact_id in couple.everybody)
    records = tuple(record for contact_id in couple.everybody for record in couple.records(contact_id))
    what = what_happened(event)
    goes = "; ".join(f"contact {one.contact_id}: {one.goes}" for one in people)
    unclear = ", ".join(record.source_key.replace(":", " ") for record in records if not record.is_clear)
    in_short = f"{what} Proposal: {goes}. Without a clear owner: {unclear or 'nothing'}."
    along = couple.partners if vendor == "profiles" else {}
    return Proposal(
        vendor, unit_key, event.kind, what, in_short, (*steps(vendor, unit_key, couple.event), *_also(along)), people,
        records,
        tuple(conf_of(vendor, contact_id) for contact_id in couple.left_over(vendor)),
    )  # fmt: skip


def _foreseen(event: LifeEvent) -> LifeEvent:
    """The event as it will be applied: SmartOffice is to name the spouse as head after a head who has died."""
    if event.kind != "head_died" or event.client != event.client_sent or event.spouse is None:
        return event
    return replace(event, client=event.spouse, spouse=None)


def what_happened(event: LifeEvent) -> str:
    """The event in a sentence of ids."""
    words = {
        "divorce": f"Divorce: contact {event.spouse_sent}, the spouse last sent, is not the spouse any more.",
        "widowhood": f"Widowhood: the spouse last sent (contact {event.spouse_sent}) has died.",
        "new_spouse": f"New spouse: contact {event.spouse}; contact {event.spouse_sent} was last sent.",
        "new_head": f"New head: contact {event.client}; contact {event.client_sent} was last sent.",
        "head_died": f"The head last sent (contact {event.client_sent}) has died.",
    }[event.kind]
    if event.is_swap:
        is_new = event.spouse_sent is None
        words += " The former head is the spouse now." if is_new else " Head and spouse have changed places."
    if event.kind == "head_died":
        is_same = event.client == event.client_sent
        survivor = f" (contact {event.spouse}, the spouse)" if event.spouse is not None else ""
        words += f" There is no new head yet: choose one in SmartOffice first{survivor}." if is_same else ""
        words += "" if is_same else f" The head is contact {event.client} now."
    return words


def steps(vendor: str, unit_key: str, event: LifeEvent) -> tuple[str, ...]:
    """What a run by hand does at the vendor once a person has confirmed the event."""
    if event.kind == "head_died" and event.client == event.client_sent:
        return ("Nothing, before SmartOffice names another head.",)
    if vendor == "profiles":
        couple = f"contact {event.client}" + (f" and contact {event.spouse}" if event.spouse is not None else "")
        return (
            "The case of the couple as it was is left as it is, and is never linked again.",
            f"{unit_key} gets a new client and case for {couple}.",
        )
    status = f"The client's status becomes {event.status_left}"
    status += ", with a previous marriage." if event.status_left == "Divorced" else "."
    parted = (status, f"Contact {event.spouse_sent} is deleted as its spouse.")
    if event.is_swap:
        people = f"its person becomes contact {event.client}, its spouse contact {event.spouse}"
        return (f"The client stays the couple's: {people}.",)
    if event.client == event.client_sent:
        married = ("Then the status becomes Married, and the new spouse is added.",) if event.spouse is not None else ()
        return (*parted, *married)
    stays = f"The client stays contact {event.client_sent}'s" + (", as it is." if event.client_died else ".")
    own = f"{unit_key} gets a client of its own for contact {event.client}."
    return (stays, *(parted if event.has_parted and not event.client_died else ()), own)


def _also(partners: Mapping[int, str]) -> Iterator[str]:
    return (
        f"Contact {one} gets a client and case of its own in the same run, as {key}." for one, key in partners.items()
    )


def conf_of(vendor: str, contact_id: int) -> str:
    """The configuration of a run by hand for a former partner."""
    action = {"action": "create_client_and_case"} if vendor == "profiles" else {}
    return json.dumps({"contact_id": contact_id, "vendor": vendor, **action})


@dataclass(frozen=True)
class _Couple:
    """The couple as it was last sent and as it is now, in the frames of the CRM."""

    unit_key: str
    event: LifeEvent
    frames: Frames

    @property
    def now(self) -> tuple[int | None, int | None]:
        return self.event.client, self.event.spouse

    @property
    def everybody(self) -> list[int]:
        """Those last sent, then those who came."""
        both = (self.event.client_sent, self.event.spouse_sent, *self.now)
        return list(dict.fromkeys(contact_id for contact_id in both if contact_id is not None))

    @property
    def partners(self) -> dict[int, str]:
        """Former partners who lead exactly one unit: contact -> unit key."""
        led = {contact_id: self._units_of(contact_id) for contact_id in self.event.parted}
        return {contact_id: units[0] for contact_id, units in led.items() if len(units) == 1}

    def left_over(self, vendor: str) -> list[int]:
        """Former partners for whom the confirmed run does nothing; at eMoney the client last sent keeps the record."""
        done = set(self.partners) if vendor == "profiles" else {self.event.client_sent}
        return [one for one in self.event.parted if one not in done and self._fate(one) is None]

    def person(self, contact_id: int) -> PersonGoes:
        was = {self.event.client_sent: "client", self.event.spouse_sent: "spouse"}.get(contact_id, "not sent so far")
        return PersonGoes(contact_id, self._name(contact_id), was, self._goes(contact_id))

    def records(self, contact_id: int) -> list[RecordGoes]:
        """The records of a primary contact."""
        found = []
        for kind, (frame, name) in RECORDS.items():
            rows = self.frames[frame]
            for row in each_row(rows[rows["primary_contact_id"] == contact_id]):
                record_id, label = int(getattr(row, f"{kind}_id")), getattr(row, name)
                doubt = self._doubt(kind, row, contact_id)
                goes = doubt or self._goes(contact_id)
                words = "" if pd.isna(label) else str(label).strip()
                found.append(RecordGoes(f"{kind}:{record_id}", words, contact_id, goes, doubt is None))
        return found

    def _doubt(self, kind: str, row: Any, contact_id: int) -> str | None:
        """Why a record has no clear owner."""
        if self._fate(contact_id) is not None:
            return f"no clear owner: contact {contact_id} {self._fate(contact_id)}"
        if not self.event.has_parted:
            return None
        if kind == "account" and _is_joint(row.account_type, row.how_held):
            return "no clear owner: held jointly"
        if kind == "policy" and (named := self._named(row, contact_id)):
            return f"no clear owner: names {named}"
        return None

    def _named(self, policy: Any, contact_id: int) -> str:
        """The other partners whom a policy names, with the role of each."""
        others = {one for one in (self.event.client_sent, self.event.spouse_sent) if one not in (None, contact_id)}
        parts = {role: getattr(policy, name) for name, role in NAMED_AS.items()}
        named = [
            f"contact {int(one)} as {role}" for role, one in parts.items() if not pd.isna(one) and int(one) in others
        ]
        rows = self.frames["beneficiaries"]
        heirs = rows.loc[rows["policy_id"] == policy.policy_id, "contact_id"]
        named += [f"contact {one} as beneficiary" for one in sorted(others) if (heirs == one).any()]
        return ", ".join(named)

    def _goes(self, contact_id: int) -> str:
        """Where a contact goes, in ids."""
        fate = self._fate(contact_id)
        if fate is not None:
            return f"{fate}: nothing is sent of this contact"
        if contact_id in self.now:
            return f"{self.unit_key}, as its {'head' if contact_id == self.event.client else 'spouse'}"
        units = self._units_of(contact_id)
        if units:
            return f"{' and '.join(units)}, a unit of its own"
        return (
            "no unit of its own in SmartOffice, where this contact is still, or again, somebody's spouse: goes as that"
        )

    def _units_of(self, contact_id: int) -> list[str]:
        """The units that a contact leads. In the household in another role, a contact is a unit alone (SCP-7)."""
        led, members = self.frames["client_of"], self.frames["members"]
        units = set(led.loc[led["contact_id"] == contact_id, "unit_key"]) - {self.unit_key}
        roles = members.loc[members["contact_id"] == contact_id, "role"]
        if not units and len(roles) and not is_one_of(roles, SPOUSE_ROLES).any():
            units = {contact_key(contact_id)}
        return sorted(units)

    def _fate(self, contact_id: int) -> str | None:
        rows = self.frames["contacts"]
        mine = rows[rows["contact_id"] == contact_id]
        if mine.empty:
            return "is not in SmartOffice any more"
        if mine["is_deceased"].astype(bool).any():
            return "has died"
        return "is deleted in SmartOffice" if mine["is_deleted"].astype(bool).any() else None

    def _name(self, contact_id: int) -> str:
        rows = self.frames["contacts"]
        mine = rows.loc[rows["contact_id"] == contact_id, ["first_name", "last_name"]].fillna("")
        return " ".join(mine.iloc[0]).strip() if len(mine) else ""


def _is_joint(*labels: Any) -> bool:
    texts = [str(label).strip().lower() for label in labels if not pd.isna(label)]
    return any(word in text for text in texts for word in JOINT_WORDS)
