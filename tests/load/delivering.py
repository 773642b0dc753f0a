"""One household at a time, straight to the sandboxes: payloads as the gate lets them through, and who delivers them."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

from etl.load.delivery import VendorDelivery, begin_group, deliver
from etl.load.emoney.client import EmoneyClient
from etl.load.emoney.deliver import EmoneyDelivery
from etl.load.emoney.feed import Refreshed, send_feeds, settle_feeds, values_of
from etl.load.http.request import TransportSettings
from etl.load.http.transport import Transport
from etl.load.job import Delivered, Job, Payload
from etl.load.ledger import intents, links
from etl.load.ledger.feeds import Line
from etl.load.ledger.links import Link, Sent
from etl.load.ledger.locks import check_held
from etl.load.ledger.store import Ledger
from etl.load.profiles.client import ProfilesClient
from etl.load.profiles.deliver import ProfilesDelivery
from tests.keys import vendor_keys
from tests.load.documents import document, person
from tests.run_book import Vendors

DAY = date(2026, 11, 20)
NEXT_DAY = date(2026, 11, 23)
QUICK = TransportSettings(total_seconds=1.0, tries=4, backoff_base=0.01, backoff_cap=0.05, retry_after_cap=1.0)


def household(
    unit_key: str = "H1", client: int = 1, spouse: int | None = None, name: str = "Lee", **given: Any
) -> Payload:
    """A payload for Profiles; ``given`` is what its document says other than the valid one."""
    couple = {"clientB": person(firstName="Bea")} if spouse else {}
    content = {"case_name": "Lee", "document": document(**{**couple, **given})}
    return _payload(unit_key, content, client, spouse)


def emoney_person(contact_id: int = 1, **given: Any) -> dict[str, Any]:
    names = ("address", "homePhone", "cellPhone", "fax", "email")
    job = dict.fromkeys(("companyName", "address", "businessPhone", "businessFax", "title"))
    whole = {
        **dict.fromkeys(names), "externalId": f"contact:{contact_id}", "ownerId": None, "firstName": "Ann",
        "lastName": "Lee", "dateOfBirth": "1970-01-31", "maritalStatus": "Single", "job": job,
    }  # fmt: skip
    return {**whole, **given}


def emoney_spouse(contact_id: int = 2, **given: Any) -> dict[str, Any]:
    whole = emoney_person(contact_id, **{"firstName": "Bea", **given})
    return {name: whole[name] for name in ("externalId", "firstName", "lastName", "dateOfBirth", "cellPhone", "job")}


def couple(unit_key: str = "H1", client: int = 1, spouse: int | None = None, **given: Any) -> Payload:
    """A payload for eMoney; ``given`` is what its client says other than the valid one, ``partner`` the spouse."""
    partner = given.pop("partner", {})
    items = given.pop("items", [])
    status = {"maritalStatus": "Married"} if spouse else {}
    content = {
        "client": emoney_person(client, **{**status, **given}),
        "spouse": emoney_spouse(spouse, **partner) if spouse else None,
        "items": items,
    }
    return _payload(unit_key, content, client, spouse)


def _payload(unit_key: str, content: Mapping[str, Any], client: int, spouse: int | None) -> Payload:
    whole, people = (
        orjson.dumps(json.loads(json.dumps(one)), option=orjson.OPT_SORT_KEYS)
        for one in (content, {**content, "items": 0})
    )
    return Payload(unit_key, digest(whole), whole, client, spouse, people_hash=digest(people))


def item(source_key: str = "account:5", **given: Any) -> dict[str, Any]:
    plain = {
        "kind": "investment", "assetName": "Savings", "holdingsValue": 100.5, "cashBalance": None, "totalValue": 100.5,
        "typeOfFunds": "Non-Qualified", "owner": "client",
    }  # fmt: skip
    return {"sourceKey": source_key, **plain, **given}


def line(unit_key: str, client_id: str, *items: dict[str, Any], as_of: date = DAY) -> Line:
    content = orjson.dumps(list(items), option=orjson.OPT_SORT_KEYS)
    keys = " ".join(one["sourceKey"] for one in items)
    undated = Line(unit_key, client_id, digest(content), keys, items=content)
    return dated(undated, as_of)


def dated(one: Line, as_of: date) -> Line:
    """The line with the date of another day in each item."""
    assert one.items is not None
    items = [{"asOf": str(as_of), **item} for item in values_of(one.items)]
    return replace(one, items=orjson.dumps(items, option=orjson.OPT_SORT_KEYS))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def deliver_one(to: VendorDelivery, job: Job, payload: Payload) -> Delivered:
    """One unit, as a run by hand delivers it."""
    with begin_group(job, to.vendor, [payload]) as group:
        return deliver(to, job, payload, group)


def deliver_group(to: VendorDelivery, job: Job, payloads: Sequence[Payload]) -> list[Delivered]:
    """Units side by side, as a run of the office delivers them."""
    with begin_group(job, to.vendor, payloads) as group, ThreadPoolExecutor(len(payloads)) as pool:
        return list(pool.map(lambda one: deliver(to, job, one, group), payloads))


@dataclass
class Desk:
    """Delivers to both vendors, with a ledger of its own."""

    ledger: Ledger
    vendors: Vendors
    profiles_password: str = "sandbox"
    emoney_key: str = "sandbox-key"
    runs: int = 0
    sleep: Callable[[float], None] = time.sleep
    logged_in: list[EmoneyClient] | None = None  # a list: one client for all calls, for reading its key takes long
    keeps: tuple[str, ...] = ()

    def job(self, as_of: date = DAY, dry_run: bool = False) -> Job:
        self.runs += 1
        return Job(self.ledger, f"run-{self.runs}", as_of, dry_run, 0.3, self.sleep, keeps=self.keeps)

    def profiles_client(self) -> ProfilesClient:
        transport = Transport("profiles", self.vendors.profiles.url, settings=QUICK, before_call=check_held)
        return ProfilesClient(transport, "planbridge", self.profiles_password)

    def emoney_client(self) -> EmoneyClient:
        if self.logged_in is None:
            return self.new_emoney_client()
        if not self.logged_in:
            self.logged_in.append(self.new_emoney_client())
        return self.logged_in[0]

    def new_emoney_client(self) -> EmoneyClient:
        transport = Transport("emoney", self.vendors.emoney.url, settings=QUICK, before_call=check_held)
        return EmoneyClient(transport, "planbridge", self.emoney_key, vendor_keys()[0])

    def to_profiles(self, payload: Payload, as_of: date = DAY, dry_run: bool = False) -> Delivered:
        return deliver_one(ProfilesDelivery(self.profiles_client()), self.job(as_of, dry_run), payload)

    def to_emoney(self, payload: Payload, as_of: date = DAY, dry_run: bool = False) -> Delivered:
        return deliver_one(EmoneyDelivery(self.emoney_client()), self.job(as_of, dry_run), payload)

    def feed(self, *lines: Line, as_of: date = DAY, deadline: float = 2.0) -> Refreshed:
        of_the_day = [dated(one, as_of) for one in lines]
        return send_feeds(self.emoney_client(), self.job(as_of), of_the_day, deadline)

    def settle(self, as_of: date = DAY) -> Refreshed:
        return settle_feeds(self.emoney_client(), self.job(as_of))

    def link(self, vendor: str, unit_key: str = "H1") -> Link:
        found = links.find_link(self.ledger, vendor, unit_key)
        assert found is not None
        return found

    def sent(self, vendor: str, unit_key: str = "H1") -> dict[str, Sent]:
        return links.find_sent(self.ledger, vendor, unit_key)

    def in_doubt(self, vendor: str, unit_key: str = "H1") -> list[str]:
        return [intent.step for intent in intents.open_intents(self.ledger, vendor, unit_key)]


def decided(delivered: Delivered) -> set[tuple[str, str]]:
    return {(change.field, change.decision) for change in delivered.changes}


def make_desk(folder: Path, vendors: Vendors) -> Desk:
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    ledger.migrate()
    return Desk(ledger, vendors)


@pytest.fixture
def desk(tmp_path: Path, vendors: Vendors) -> Desk:
    """Nothing sent yet, vendors empty."""
    return make_desk(tmp_path, vendors)
