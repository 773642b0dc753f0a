"""What eMoney answers: the shapes and how they are read. An answer that is not of its shape, or not of the record
asked for, is Unreadable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from etl.errors import Gone
from etl.load.http.request import Answer
from etl.load.http.strict_json import Unreadable
from etl.load.http.validate import a_list, an_id, an_object, one_of, text_or_none, the_one_asked_for
from etl.names import same_name

COUNTS = ("refreshed", "unchanged", "available", "missing", "rejected")


@dataclass(frozen=True)
class FoundClient:
    """A client in a search answer; names and birth date (YYYY-MM-DD) are client data."""

    client_id: str
    first_name: str | None = field(repr=False)
    last_name: str | None = field(repr=False)
    birth_date: str | None = field(repr=False)
    owner_id: str | None
    external_id: str | None


@dataclass(frozen=True)
class Connection:
    """A client's connection to an institution."""

    connection_id: str
    institution: str | None
    status: Literal["active", "needs_attention"]


@dataclass(frozen=True)
class RejectedLine:
    """A feed line, or one item of it, that eMoney refused; the code says why (its message is not taken over)."""

    client_id: str
    source_key: str | None
    code: str


@dataclass(frozen=True)
class NewItem:
    """An item that eMoney saw for the first time: available, and waiting to be linked (EMY-NEW)."""

    client_id: str
    source_key: str


@dataclass(frozen=True)
class FeedState:
    """Where a feed stands; the figures and lists are final once ``status`` is done."""

    feed_id: str
    status: Literal["queued", "running", "done", "failed"]
    counts: Mapping[str, int]
    rejected: tuple[RejectedLine, ...]
    newly_available: tuple[NewItem, ...]
    refreshed_at: str | None


@dataclass(frozen=True)
class Account:
    """An account or policy at eMoney; ``values`` is the whole record."""

    source_key: str
    kind: Literal["investment", "policy"]
    name: str | None = field(repr=False)
    classification: str | None
    last_refreshed_at: str | None
    values: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Link:
    """What to link: an available item, its classification and its owner."""

    source_key: str
    classification: str
    owner: str


@dataclass(frozen=True)
class LinkResult:
    """How one link ended: 201 linked, 409 was linked before, 400 refused with a code."""

    source_key: str
    status: Literal[201, 400, 409]
    code: str | None


def gone_at_404(answer: Answer, client_id: str) -> None:
    if answer.status == 404:
        raise Gone(f"eMoney: client {client_id} does not exist any more")


def _read_found(node: dict[str, Any]) -> FoundClient:
    return FoundClient(
        an_id(node, "id"),
        text_or_none(node, "firstName"),
        text_or_none(node, "lastName"),
        text_or_none(node, "dateOfBirth"),
        text_or_none(node, "ownerId"),
        text_or_none(node, "externalId"),
    )


def read_name_search(answer: Answer, first: str, last: str) -> tuple[FoundClient, ...]:
    found = a_list(an_object(answer.json), "clients", _read_found)
    if not all(same_name(one.first_name, first) and same_name(one.last_name, last) for one in found):
        raise Unreadable("has clients that were not asked for")
    return found


def read_key_search(answer: Answer, key: str) -> tuple[FoundClient, ...]:
    found = a_list(an_object(answer.json), "clients", _read_found)
    for one in found:
        the_one_asked_for("externalId", one.external_id or "", key)
    return found


def read_client(answer: Answer, client_id: str) -> dict[str, Any]:
    gone_at_404(answer, client_id)
    body = an_object(answer.json)
    if "id" in body:
        the_one_asked_for("id", an_id(body, "id"), client_id)
    return body


def read_new_id(answer: Answer) -> str:
    return an_id(an_object(answer.json), "id")


def read_spouse(answer: Answer) -> dict[str, Any] | None:
    return None if answer.status == 404 else an_object(answer.json)


def read_connections(answer: Answer, client_id: str) -> tuple[Connection, ...]:
    gone_at_404(answer, client_id)
    return a_list(an_object(answer.json), "connections", _read_connection)


def _read_connection(node: dict[str, Any]) -> Connection:
    status = one_of(node, "status", "active", "needs_attention")
    return Connection(an_id(node, "id"), text_or_none(node, "institution"), status)


def read_connected(answer: Answer, client_id: str) -> str | None:
    """The id of the connection; None where one exists (409) and the answer does not say which."""
    gone_at_404(answer, client_id)
    body = an_object(answer.json)
    if answer.status == 409 and "id" not in body:
        return None
    return an_id(body, "id")


def read_feed(answer: Answer, feed_id: str) -> FeedState:
    if answer.status == 404:
        raise Gone(f"eMoney: feed {feed_id} is not known")
    body = an_object(answer.json)
    the_one_asked_for("feedId", an_id(body, "feedId"), feed_id)
    status = one_of(body, "status", "queued", "running", "done", "failed")
    return FeedState(
        feed_id,
        status,
        _read_counts(body, status),
        a_list(body, "rejected", _read_rejected) if body.get("rejected") is not None else (),
        a_list(body, "newlyAvailable", _read_new_item) if body.get("newlyAvailable") is not None else (),
        text_or_none(body, "refreshedAt"),
    )


def _read_counts(body: dict[str, Any], status: str) -> dict[str, int]:
    if body.get("counts") is None and status != "done":
        return {}
    counts = an_object(body.get("counts"), "counts")
    if not all(isinstance(counts.get(name), int) and counts[name] >= 0 for name in COUNTS):
        raise Unreadable("has counts that are no numbers")
    return {name: counts[name] for name in COUNTS}


def _read_rejected(node: dict[str, Any]) -> RejectedLine:
    source_key = an_id(node, "sourceKey") if node.get("sourceKey") is not None else None
    return RejectedLine(an_id(node, "clientId"), source_key, an_id(node, "code"))


def _read_new_item(node: dict[str, Any]) -> NewItem:
    return NewItem(an_id(node, "clientId"), an_id(node, "sourceKey"))


def read_accounts(answer: Answer, client_id: str) -> tuple[Account, ...]:
    gone_at_404(answer, client_id)
    return a_list(an_object(answer.json), "accounts", _read_account)


def _read_account(node: dict[str, Any]) -> Account:
    return Account(
        an_id(node, "sourceKey"),
        one_of(node, "kind", "investment", "policy"),
        text_or_none(node, "name"),
        text_or_none(node, "classification"),
        text_or_none(node, "lastRefreshedAt"),
        node,
    )


def read_links(answer: Answer, client_id: str, keys: list[str]) -> tuple[LinkResult, ...]:
    gone_at_404(answer, client_id)
    results = a_list(an_object(answer.json), "results", _read_link)
    if sorted(one.source_key for one in results) != sorted(keys):
        raise Unreadable("has results for other items than were asked for")
    return results


def _read_link(node: dict[str, Any]) -> LinkResult:
    status = node.get("status")
    if status not in (201, 400, 409):
        raise Unreadable("has a status that the contract does not know")
    return LinkResult(an_id(node, "sourceKey"), status, an_id(node, "code") if node.get("code") is not None else None)
