"""eMoney's verbs, against the sandbox and against answers that lie."""

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from etl.errors import CredentialsRefused, Gone, InDoubt, Rejected, SettingsError, VendorUnavailable
from etl.load.emoney.client import EmoneyClient, FeedState, Link
from etl.load.emoney.patch import changed_fields
from etl.load.http.limiter import Limit, SharedLimiter
from etl.load.http.request import TransportSettings
from etl.load.http.transport import Transport
from include.sandbox.emoney.app import EmoneyApp, Settings
from include.sandbox.emoney.assertion import read_public_key
from tests.keys import make_key_pair
from tests.load.documents import address
from tests.load.http.servers import reply, scripted
from tests.sandbox.running import serve

FAST = TransportSettings(total_seconds=2.0, tries=4, breaker_failures=100)
LOGGED_IN = reply(200, {"access_token": "abc", "token_type": "Bearer", "expires_in": 1800})
JOB = {"companyName": "Acme", "address": None, "businessPhone": None, "businessFax": None, "title": None}
CLIENT: dict[str, Any] = {
    "externalId": "contact:7",
    "ownerId": None,
    "firstName": "Ann",
    "lastName": "Lee",
    "dateOfBirth": "1970-01-31",
    "maritalStatus": "Single",
    "address": None,
    "homePhone": None,
    "cellPhone": None,
    "fax": None,
    "email": "ann@example.com",
    "job": JOB,
}
SPOUSE = {
    "externalId": "contact:8",
    "firstName": "Bea",
    "lastName": "Lee",
    "dateOfBirth": "1971-01-31",
    "cellPhone": None,
    "job": JOB,
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("keys")
    make_key_pair(folder / "key.pem", folder / "certificate.pem")
    return folder / "key.pem", folder / "certificate.pem"


@pytest.fixture
def vendor(tmp_path: Path, keys: tuple[Path, Path]) -> Iterator[str]:
    settings = Settings(tmp_path / "emoney.db", read_public_key(keys[1]), limit_per_minute=30, limit_in_flight=4)
    with serve(EmoneyApp(settings)) as url:
        yield url


def connect(url: str, keys: tuple[Path, Path], **given: Any) -> EmoneyClient:
    known: dict[str, Any] = {"settings": FAST, "sleep": lambda seconds: None, "rng": random.Random(1)}
    transport = Transport("eMoney", url, **{**known, **given})
    return EmoneyClient(transport, "planbridge", "sandbox-key", keys[0].read_text())


@pytest.fixture
def client(vendor: str, keys: tuple[Path, Path]) -> EmoneyClient:
    return connect(vendor, keys)


def order(vendor: str, *faults: dict[str, Any]) -> None:
    requests.post(f"{vendor}/_sandbox/faults", json=list(faults), timeout=10).raise_for_status()


def counters(vendor: str) -> dict[str, Any]:
    counted: dict[str, Any] = requests.get(f"{vendor}/_sandbox/state?only=counters", timeout=10).json()["counters"]
    return counted


def until_done(client: EmoneyClient, feed_id: str) -> FeedState:
    deadline = time.monotonic() + 20
    while (state := client.feed(feed_id)).status in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return state


def line(client_id: str, value: float = 10.5) -> bytes:
    item = {
        "sourceKey": "account:5",
        "kind": "investment",
        "asOf": "2026-01-31",
        "assetName": "Account",
        "holdingsValue": value,
        "cashBalance": None,
        "totalValue": value,
        "typeOfFunds": "Qualified",
        "owner": "client",
    }
    return json.dumps({"clientId": client_id, "asOf": "2026-01-31", "items": [item]}).encode() + b"\n"


def test_a_new_client_is_found_by_our_key_and_by_name(client: EmoneyClient) -> None:
    client_id = client.create_client(CLIENT)
    for found in (client.find_by_external_id("contact:7"), client.search("ANN", "lee")):
        assert [(one.client_id, one.birth_date, one.external_id) for one in found] == [
            (client_id, "1970-01-31", "contact:7")
        ]
    assert client.client(client_id)["job"]["companyName"] == "Acme"
    assert client.search("Zoe", "Lee") == ()


def test_a_patch_changes_what_it_names_and_nothing_else(client: EmoneyClient) -> None:
    client_id = client.create_client(CLIENT)
    client.patch_client(client_id, {"remark": "typed in by an advisor", "cellPhone": "555-0177"})
    now = {**CLIENT, "address": address(), "job": {**JOB, "title": "Baker"}}
    client.patch_client(client_id, changed_fields(CLIENT, now))
    held = client.client(client_id)
    assert held["remark"] == "typed in by an advisor"
    assert held["cellPhone"] == "555-0177"
    assert held["address"] == address()
    assert held["job"] == {**JOB, "title": "Baker"}


def test_a_spouse_comes_and_goes(client: EmoneyClient) -> None:
    client_id = client.create_client(CLIENT)
    assert client.spouse(client_id) is None
    with pytest.raises(Rejected, match="spouse_not_allowed"):
        client.put_spouse(client_id, SPOUSE)
    client.patch_client(client_id, {"maritalStatus": "Married"})
    client.put_spouse(client_id, SPOUSE)
    spouse = client.spouse(client_id)
    assert spouse is not None
    assert spouse["externalId"] == "contact:8"
    for _ in range(2):
        client.delete_spouse(client_id)
        assert client.spouse(client_id) is None


def test_connecting_twice_gives_the_same_connection(vendor: str, client: EmoneyClient) -> None:
    client_id = client.create_client(CLIENT)
    first = client.connect(client_id)
    assert client.connect(client_id) == first
    assert [(one.connection_id, one.institution, one.status) for one in client.connections(client_id)] == [
        (first, "SmartOffice (Ebix CRM)", "active")
    ]


def test_connecting_over_a_lost_answer_makes_one_connection(vendor: str, client: EmoneyClient) -> None:
    client_id = client.create_client(CLIENT)
    order(vendor, {"kind": "reset_after", "path": "*/connections", "method": "POST", "count": 1})
    connection_id = client.connect(client_id)
    assert [one.connection_id for one in client.connections(client_id)] == [connection_id]
    assert counters(vendor)["writes"]["POST /public/v1/clients/{client_id}/connections"] == 1


def test_a_feed_makes_items_available_and_linking_makes_them_live(client: EmoneyClient) -> None:
    client_id = client.create_client(CLIENT)
    client.connect(client_id)
    assert client.put_feed("2026-01-31-1", line(client_id)).feed_id == "2026-01-31-1"
    state = until_done(client, "2026-01-31-1")
    assert state.status == "done"
    assert state.counts.available == 1
    assert [(one.client_id, one.source_key) for one in state.newly_available] == [(client_id, "account:5")]
    (available,) = client.accounts(client_id, "available")
    assert (available.source_key, available.kind) == ("account:5", "investment")
    asked = [Link("account:5", "Taxable Investment", "client")]
    assert [one.status for one in client.link(client_id, asked)] == [201]
    assert [one.status for one in client.link(client_id, asked)] == [409]
    assert client.accounts(client_id, "available") == ()
    client.put_feed("2026-02-01-1", line(client_id, 11.25))
    until_done(client, "2026-02-01-1")
    (linked,) = client.accounts(client_id, "linked")
    assert linked.classification == "Taxable Investment"
    assert linked.last_refreshed_at is not None


def test_a_feed_may_be_repeated_but_not_changed(vendor: str, client: EmoneyClient) -> None:
    client_id = client.create_client(CLIENT)
    client.connect(client_id)
    order(vendor, {"kind": "reset_after", "path": "*/feeds/*", "method": "PUT", "count": 1})
    client.put_feed("one", line(client_id))
    client.put_feed("one", line(client_id))
    with pytest.raises(Rejected, match="409"):
        client.put_feed("one", line(client_id, 99))
    assert counters(vendor)["writes"]["PUT /public/v1/institutions/smartoffice/feeds/{feed_id}"] == 1


def test_a_rejected_line_comes_with_its_code(client: EmoneyClient) -> None:
    client_id = client.create_client(CLIENT)
    client.put_feed("one", line(client_id))
    state = until_done(client, "one")
    assert state.counts.rejected == 1
    assert [(one.client_id, one.code) for one in state.rejected] == [(client_id, "no_connection")]


def test_what_does_not_exist_is_gone(client: EmoneyClient) -> None:
    asks: list[Callable[[], Any]] = [
        lambda: client.client("999"),
        lambda: client.patch_client("999", {"fax": None}),
        lambda: client.put_spouse("999", SPOUSE),
        lambda: client.connections("999"),
        lambda: client.connect("999"),
        lambda: client.accounts("999", "linked"),
        lambda: client.link("999", []),
        lambda: client.feed("999"),
    ]
    for ask in asks:
        with pytest.raises(Gone):
            ask()


@pytest.mark.parametrize(
    ("fault", "made"),
    [({"kind": "reset_before"}, 0), ({"kind": "reset_after"}, 1), ({"kind": "html", "after_commit": True}, 1)],
)
def test_a_creation_that_met_a_fault_is_never_sent_twice(
    vendor: str, client: EmoneyClient, fault: dict[str, Any], made: int
) -> None:
    order(vendor, {**fault, "method": "POST", "path": "/public/v1/clients", "count": 1})
    with pytest.raises(InDoubt):
        client.create_client(CLIENT)
    assert len(client.find_by_external_id("contact:7")) == made


def test_a_token_that_is_void_in_mid_run_is_renewed_once(vendor: str, client: EmoneyClient) -> None:
    client.search("Ann", "Lee")
    order(vendor, {"kind": "unauthorized", "method": "POST", "path": "/public/v1/clients", "revoke": True, "count": 1})
    client.create_client(CLIENT)
    assert counters(vendor)["calls"]["POST /connect/token"] == 2


def test_a_lost_answer_of_the_token_endpoint_is_asked_again_with_a_fresh_assertion(
    vendor: str, client: EmoneyClient
) -> None:
    order(vendor, {"kind": "reset_after", "path": "/connect/token", "count": 2})
    assert client.search("Ann", "Lee") == ()
    assert counters(vendor)["calls"]["POST /connect/token"] == 3


def test_the_assertion_is_what_the_contract_asks_for(keys: tuple[Path, Path]) -> None:
    with scripted(LOGGED_IN, reply(200, {"clients": []})) as server:
        connect(server.url, keys).search("Ann", "Lee")
        form = dict(parse_qsl(server.requests[0].body.decode()))
        headers = server.requests[1].headers
    public_key = load_pem_private_key(keys[0].read_bytes(), None).public_key()
    url = f"{server.url}/connect/token"
    claims = jwt.decode(form["client_assertion"], public_key, ["RS256"], audience=url)
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("planbridge", "planbridge", url)
    assert 0 < claims["exp"] - time.time() <= 300
    assert (form["grant_type"], form["scope"]) == ("client_credentials", "API")
    assert (headers["authorization"], headers["apikey"]) == ("Bearer abc", "sandbox-key")


def test_a_key_that_emoney_does_not_know_stops_the_load(vendor: str, tmp_path: Path) -> None:
    make_key_pair(tmp_path / "other.pem", tmp_path / "other-certificate.pem")
    client = connect(vendor, (tmp_path / "other.pem", tmp_path / "other-certificate.pem"))
    for _ in range(2):
        with pytest.raises(CredentialsRefused, match="certificate"):
            client.search("Ann", "Lee")
    assert counters(vendor)["calls"] == {"POST /connect/token": 1}


def test_a_private_key_that_is_none_is_a_setting_to_correct(vendor: str) -> None:
    transport = Transport("eMoney", vendor, settings=FAST)
    with pytest.raises(SettingsError, match="private key") as caught:
        EmoneyClient(transport, "planbridge", "sandbox-key", "-----BEGIN NOTHING-----").search("Ann", "Lee")
    assert caught.value.__context__ is None


def test_the_shared_limiter_keeps_the_vendor_from_throttling(
    vendor: str, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    """The sandbox takes 30 calls a minute; 26 and the log-in go without any 429."""
    limiter = SharedLimiter(tmp_path / "limiter", "sandbox-key", Limit(calls=30, in_flight=4))
    client = connect(vendor, keys, limiter=limiter)
    for _ in range(26):
        client.search("Ann", "Lee")
    assert not [status for status in counters(vendor)["statuses"] if status.endswith("429")]


@pytest.mark.parametrize(
    "body",
    [
        {"clients": [{"id": "1", "firstName": "Eve", "lastName": "Lee"}]},
        {"clients": [{"id": None, "firstName": "Ann", "lastName": "Lee"}]},
        {"clients": None},
        {"clients": ["1"]},
        [],
    ],
)
def test_a_search_answer_that_was_not_asked_for_is_not_believed(keys: tuple[Path, Path], body: Any) -> None:
    with scripted(LOGGED_IN, reply(200, body)) as server, pytest.raises(VendorUnavailable):
        connect(server.url, keys).search("Ann", "Lee")


@pytest.mark.parametrize(
    "body",
    [
        {"feedId": "other", "status": "done"},
        {"feedId": "one", "status": "finished"},
        {"feedId": "one", "status": "done", "counts": None},
        {"feedId": "one", "status": "done", "counts": {"refreshed": -1}},
        {"feedId": "one", "status": "running", "rejected": ["line 1"]},
    ],
)
def test_a_feed_state_that_is_not_what_was_asked_for_is_not_believed(keys: tuple[Path, Path], body: Any) -> None:
    with scripted(LOGGED_IN, reply(200, body)) as server, pytest.raises(VendorUnavailable):
        connect(server.url, keys).feed("one")


def test_link_results_for_other_items_are_not_believed(keys: tuple[Path, Path]) -> None:
    body = {"results": [{"sourceKey": "account:6", "status": 201, "code": None}]}
    with scripted(LOGGED_IN, reply(207, body)) as server, pytest.raises(InDoubt):
        connect(server.url, keys).link("1", [Link("account:5", "Roth IRA", "client")])


def test_a_connection_that_exists_is_looked_up_where_the_refusal_does_not_name_it(keys: tuple[Path, Path]) -> None:
    listed = {"connections": [{"id": "c1", "institution": "SmartOffice (Ebix CRM)", "status": "needs_attention"}]}
    with scripted(LOGGED_IN, reply(409, {"errors": [], "traceId": "1"}), reply(200, listed)) as server:
        assert connect(server.url, keys).connect("1") == "c1"
    script = [LOGGED_IN, reply(409, {"errors": [], "traceId": "1"}), reply(200, {"connections": []})]
    with scripted(*script) as server, pytest.raises(InDoubt):
        connect(server.url, keys).connect("1")
