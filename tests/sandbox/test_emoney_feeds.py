"""eMoney: connections, the feed, and what it does to accounts."""

import gzip

import orjson
import pytest

from tests.sandbox.running import EmoneyCaller, investment, line, policy, wait_until

CLIENTS = "/public/v1/clients"


def test_a_client_has_one_connection(emoney: EmoneyCaller) -> None:
    path = f"{CLIENTS}/{emoney.add_client(connected=False)}/connections"
    assert emoney("GET", path).json() == {"connections": []}
    created = emoney("POST", path, json={"institution": "SmartOffice (Ebix CRM)"})
    assert created.status_code == 201
    again = emoney("POST", path, json={"institution": "SmartOffice (Ebix CRM)"})
    assert again.status_code == 409
    assert again.json()["id"] == created.json()["id"]
    expected = {"id": created.json()["id"], "institution": "SmartOffice (Ebix CRM)", "status": "active"}
    assert emoney("GET", path).json() == {"connections": [expected]}
    assert emoney("POST", path, json={"institution": "Another"}).status_code == 400


def test_deleting_a_connection_erases_its_accounts(emoney: EmoneyCaller) -> None:
    client = emoney.add_client()
    emoney.deliver("f1", line(client, investment()))
    path = f"{CLIENTS}/{client}/connections"
    connection = emoney("GET", path).json()["connections"][0]["id"]
    assert emoney("DELETE", f"{path}/{connection}").status_code == 200
    assert emoney.accounts(client) == {}
    assert emoney("DELETE", f"{path}/{connection}").status_code == 404


def test_a_feed_makes_accounts_available(emoney: EmoneyCaller) -> None:
    client = emoney.add_client()
    accepted = emoney.put_feed("f1", line(client, investment(), policy()))
    assert accepted.status_code == 202
    assert accepted.json() == {"feedId": "f1", "status": "queued"}
    feed = emoney.finished("f1")
    assert feed["counts"] == {"refreshed": 0, "unchanged": 0, "available": 2, "missing": 0, "rejected": 0}
    assert feed["newlyAvailable"] == [
        {"clientId": client, "sourceKey": "account:5"},
        {"clientId": client, "sourceKey": "policy:3"},
    ]
    assert feed["rejected"] == []
    assert feed["refreshedAt"]
    account = emoney.accounts(client, "available")["account:5"]
    assert account["name"] == "Brokerage"
    assert account["totalValue"] == 101.5
    assert account["classification"] is None
    assert account["lastRefreshedAt"] is None
    assert emoney.accounts(client, "linked") == {}


def test_only_linked_accounts_get_new_values(emoney: EmoneyCaller) -> None:
    client = emoney.add_client()
    emoney.deliver("f1", line(client, investment(), investment("account:6")))
    emoney.link(client, {"sourceKey": "account:5", "classification": "Cash", "owner": "spouse"})
    assert emoney.accounts(client)["account:5"]["lastRefreshedAt"] is None
    new = [investment(holdingsValue=7, totalValue=8), investment("account:6", totalValue=9)]
    feed = emoney.deliver("f2", line(client, *new))
    assert feed["counts"] == {"refreshed": 1, "unchanged": 0, "available": 1, "missing": 0, "rejected": 0}
    assert feed["newlyAvailable"] == []
    accounts = emoney.accounts(client)
    assert accounts["account:5"]["totalValue"] == 8
    assert accounts["account:5"]["owner"] == "spouse"
    assert accounts["account:5"]["classification"] == "Cash"
    assert accounts["account:5"]["lastRefreshedAt"] == feed["refreshedAt"]
    assert accounts["account:6"]["totalValue"] == 101.5


def test_equal_values_are_unchanged_but_refreshed(emoney: EmoneyCaller) -> None:
    client = emoney.add_client()
    emoney.deliver("f1", line(client, investment()))
    emoney.link(client, {"sourceKey": "account:5", "classification": "Cash", "owner": "client"})
    feed = emoney.deliver("f2", line(client, investment(asOf="2026-03-03")))
    assert feed["counts"]["unchanged"] == 1
    assert emoney.accounts(client)["account:5"]["lastRefreshedAt"] == feed["refreshedAt"]


def test_a_missing_item_keeps_its_last_value_and_its_last_refresh(emoney: EmoneyCaller) -> None:
    client = emoney.add_client()
    emoney.deliver("f1", line(client, investment(), policy()))
    emoney.link(client, {"sourceKey": "account:5", "classification": "Cash", "owner": "client"})
    emoney.deliver("f2", line(client, investment(), policy()))
    before = emoney.accounts(client)
    for feed_id in ("f3", "f4"):
        assert emoney.deliver(feed_id, line(client))["counts"]["missing"] == 2
    assert emoney.accounts(client) == before
    back = emoney.deliver("f5", line(client, investment(), policy()))
    assert back["counts"] == {"refreshed": 0, "unchanged": 1, "available": 1, "missing": 0, "rejected": 0}
    assert emoney.accounts(client)["account:5"]["lastRefreshedAt"] == back["refreshedAt"]


def test_a_policy_number_must_be_masked(emoney: EmoneyCaller) -> None:
    client = emoney.add_client()
    numbers = ["***1234", "***", None, "1234", "***12345", "**1234", 12]
    items = [policy(f"policy:{place}", policyNumber=number) for place, number in enumerate(numbers)]
    feed = emoney.deliver("f1", line(client, *items))
    assert [entry["sourceKey"] for entry in feed["rejected"]] == ["policy:3", "policy:4", "policy:5", "policy:6"]
    assert {entry["code"] for entry in feed["rejected"]} == {"policy_number_not_masked"}
    assert {entry["clientId"] for entry in feed["rejected"]} == {client}
    assert feed["counts"]["available"] == 3
    assert feed["counts"]["rejected"] == 4


def test_a_client_without_an_active_connection_is_rejected(emoney: EmoneyCaller) -> None:
    client = emoney.add_client(connected=False)
    ailing = emoney.add_client()
    connection = emoney("GET", f"{CLIENTS}/{ailing}/connections").json()["connections"][0]["id"]
    emoney.send_form(f"/clients/{ailing}/connections/{connection}", status="needs_attention")
    feed = emoney.deliver("f1", line(client, investment()), line(ailing, investment()), line("em-9999", investment()))
    assert [entry["code"] for entry in feed["rejected"]] == ["no_connection", "no_connection", "unknown_client"]
    assert [entry["sourceKey"] for entry in feed["rejected"]] == [None, None, None]
    assert feed["counts"]["available"] == 0


def test_lines_and_items_that_cannot_be_read_are_rejected_and_the_others_go_on(emoney: EmoneyCaller) -> None:
    client = emoney.add_client()
    strange = [7, {}, investment(kind="car"), investment(owner="dog"), investment(), investment()]
    feed = emoney.deliver("f1", b"{", b"[]", line(client, *strange))
    codes = [entry["code"] for entry in feed["rejected"]]
    assert codes == ["invalid_line"] * 2 + ["invalid_item"] * 4 + ["duplicate_item"] * 2
    assert list(emoney.accounts(client)) == []


def test_repeating_a_feed_changes_nothing_and_other_content_is_refused(emoney: EmoneyCaller) -> None:
    client = emoney.add_client()
    content = orjson.dumps(line(client, investment()))
    done = emoney.deliver("f1", content)
    again = emoney.put_feed("f1", content=gzip.compress(content), headers={"Content-Encoding": "gzip"})
    assert again.status_code == 200
    assert again.json() == done
    assert emoney.put_feed("f1", line(client)).status_code == 409
    assert emoney.state()["counters"]["writes"]["PUT /public/v1/institutions/smartoffice/feeds/{feed_id}"] == 1


def test_a_feed_may_be_gzip(emoney: EmoneyCaller) -> None:
    client = emoney.add_client()
    content = gzip.compress(orjson.dumps(line(client, investment())))
    assert emoney.put_feed("f1", content=content, headers={"Content-Encoding": "gzip"}).status_code == 202
    assert emoney.finished("f1")["counts"]["available"] == 1


@pytest.mark.parametrize("content", [b"not gzip", gzip.compress(b"{}" * 1000)[:-20]], ids=["no gzip", "cut off"])
def test_broken_gzip_is_400(emoney: EmoneyCaller, content: bytes) -> None:
    assert emoney.put_feed("f1", content=content, headers={"Content-Encoding": "gzip"}).status_code == 400


def test_a_feed_that_is_too_large_is_413(emoney: EmoneyCaller) -> None:
    assert emoney.put_feed("f1", content=b"{}\n" * 5000).status_code == 202
    assert emoney.put_feed("f2", content=b"{}\n" * 5001).status_code == 413
    bomb = gzip.compress(b" " * (16 * 1024 * 1024 + 1))
    assert emoney.put_feed("f3", content=bomb, headers={"Content-Encoding": "gzip"}).status_code == 413
    assert emoney.put_feed("f4", content=b" " * (16 * 1024 * 1024 + 1)).status_code == 413
    assert emoney("GET", "/public/v1/institutions/smartoffice/feeds/f2").status_code == 404


def test_a_feed_must_be_ndjson(emoney: EmoneyCaller) -> None:
    assert emoney.put_feed("f1", b"{}", headers={"Content-Type": "application/json"}).status_code == 415


def test_a_full_feed_is_processed_quickly(emoney: EmoneyCaller) -> None:
    clients = [f"em-{number}" for number in range(100_000, 105_000)]
    items = [investment(f"account:{place}") for place in range(6)]
    feed = emoney.deliver("f1", *(line(client, *items) for client in clients))
    assert feed["counts"]["rejected"] == 5000


def test_links_answer_one_by_one(emoney: EmoneyCaller) -> None:
    client = emoney.add_client()
    emoney.deliver("f1", line(client, investment(), policy()))
    link = {"sourceKey": "account:5", "classification": "Cash", "owner": "client"}
    response = emoney.link(client, link, link, {"sourceKey": "policy:3"}, {"sourceKey": "x"}, "nonsense")
    assert response.status_code == 207
    assert response.json()["results"] == [
        {"sourceKey": "account:5", "status": 201, "code": None},
        {"sourceKey": "account:5", "status": 409, "code": "already_linked"},
        {"sourceKey": "policy:3", "status": 400, "code": "classification_required"},
        {"sourceKey": "x", "status": 400, "code": "unknown_account"},
        {"sourceKey": None, "status": 400, "code": "unknown_account"},
    ]
    assert list(emoney.accounts(client, "linked")) == ["account:5"]
    assert list(emoney.accounts(client, "available")) == ["policy:3"]


def test_accounts_are_asked_for_by_a_state_that_exists(emoney: EmoneyCaller) -> None:
    assert emoney("GET", f"{CLIENTS}/{emoney.add_client()}/accounts?state=lost").status_code == 400


def test_a_feed_may_stay_running_until_the_fault_ends(emoney: EmoneyCaller) -> None:
    client = emoney.add_client()
    emoney.faults({"kind": "feed_stays_running"})
    emoney.put_feed("f1", line(client, investment()))
    wait_until(lambda: emoney.feed("f1")["status"], lambda status: status == "running")
    assert emoney.accounts(client) == {}
    emoney.faults()
    assert emoney.finished("f1")["counts"]["available"] == 1


def test_a_feed_may_stay_running_for_a_while(emoney: EmoneyCaller) -> None:
    emoney.faults({"kind": "feed_stays_running", "seconds": 0.2})
    emoney.put_feed("f1", line(emoney.add_client(), investment()))
    assert emoney.finished("f1")["status"] == "done"


def test_a_feed_may_fail(emoney: EmoneyCaller) -> None:
    emoney.faults({"kind": "feed_fails", "count": 1})
    client = emoney.add_client()
    emoney.put_feed("f1", line(client, investment()))
    assert emoney.feed("f1")["status"] == "failed"
    assert emoney.accounts(client) == {}


def test_a_fault_may_reject_lines(emoney: EmoneyCaller) -> None:
    clients = [emoney.add_client() for _ in range(3)]
    emoney.faults({"kind": "feed_rejects", "lines": [2], "code": "stale_client"})
    feed = emoney.deliver("f1", *(line(client, investment()) for client in clients))
    assert [(entry["clientId"], entry["code"]) for entry in feed["rejected"]] == [(clients[1], "stale_client")]
    assert feed["counts"]["available"] == 2
    emoney.faults({"kind": "feed_rejects", "share": 1.0})
    assert emoney.deliver("f2", line(clients[0]))["counts"]["rejected"] == 1
