"""What eMoney answers: the models and how they are read.

A response that does not fit its model, or is about another record than the one asked for, is Unreadable.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from etl.errors import Gone
from etl.load.http.request import Response
from etl.load.http.strict_json import Unreadable
from etl.load.http.validate import Id, Model, an_object, read, read_id, read_list, require_asked_for
from etl.names import same_name

Count = Annotated[int, Meta(ge=0)]


class FoundClient(Model, frozen=True):
    """A client in the answer to a search; the birth date is YYYY-MM-DD."""

    client_id: Id = field(name="id")
    first_name: str | None = None
    last_name: str | None = None
    birth_date: str | None = field(default=None, name="dateOfBirth")
    external_id: str | None = None


class Connection(Model, frozen=True):
    """A client's connection to an institution."""

    connection_id: Id = field(name="id")
    status: Literal["active", "needs_attention"]
    institution: str | None = None


class RejectedLine(Model, frozen=True):
    """A feed line, or one item of it, that eMoney refused; the code says why (its message is not taken over)."""

    client_id: Id
    code: Id
    source_key: Id | None = None


class NewItem(Model, frozen=True):
    """An item that eMoney saw for the first time: available, and waiting to be linked (EMY-NEW)."""

    client_id: Id
    source_key: Id


class Counts(Model, frozen=True):
    """How many lines or items of a feed ended in which way."""

    refreshed: Count
    unchanged: Count
    available: Count
    missing: Count
    rejected: Count


class FeedState(Model, frozen=True):
    """Where a feed stands; the counts and lists are final once ``status`` is done."""

    feed_id: Id
    status: Literal["queued", "running", "done", "failed"]
    counts: Counts | None = None
    rejected: tuple[RejectedLine, ...] = ()
    newly_available: tuple[NewItem, ...] = ()


class Account(Model, frozen=True):
    """An account or policy at eMoney."""

    source_key: Id
    kind: Literal["investment", "policy"]
    classification: str | None = None
    last_refreshed_at: str | None = None


class Link(Model, frozen=True):
    """What to link: an available item, its classification and its owner."""

    source_key: str
    classification: str
    owner: str


class LinkResult(Model, frozen=True):
    """How one link ended: 201 linked, 409 was linked before, 400 refused with a code."""

    source_key: Id
    status: Literal[201, 400, 409]
    code: Id | None = None


def gone_at_404(response: Response, client_id: str) -> None:
    if response.status == 404:
        raise Gone(f"eMoney: client {client_id} does not exist any more")


def read_name_search(response: Response, first: str, last: str) -> tuple[FoundClient, ...]:
    found = read_list(response.json, "clients", FoundClient)
    if not all(same_name(one.first_name, first) and same_name(one.last_name, last) for one in found):
        raise Unreadable("has clients that were not asked for")
    return found


def read_key_search(response: Response, key: str) -> tuple[FoundClient, ...]:
    found = read_list(response.json, "clients", FoundClient)
    for one in found:
        require_asked_for("externalId", one.external_id, key)
    return found


def read_client(response: Response, client_id: str) -> dict[str, Any]:
    gone_at_404(response, client_id)
    body = an_object(response.json)
    if "id" in body:
        require_asked_for("id", read_id(body, "id"), client_id)
    return body


def read_new_id(response: Response) -> str:
    return read_id(response.json, "id")


def read_spouse(response: Response) -> dict[str, Any] | None:
    return None if response.status == 404 else an_object(response.json)


def read_connections(response: Response, client_id: str) -> tuple[Connection, ...]:
    gone_at_404(response, client_id)
    return read_list(response.json, "connections", Connection)


def read_connected(response: Response, client_id: str) -> str | None:
    """The id of the connection; None where one exists (409) and the answer does not say which."""
    gone_at_404(response, client_id)
    if response.status == 409 and "id" not in an_object(response.json):
        return None
    return read_id(response.json, "id")


def read_feed(response: Response, feed_id: str) -> FeedState:
    if response.status == 404:
        raise Gone(f"eMoney: feed {feed_id} is not known")
    present = {name: value for name, value in an_object(response.json).items() if value is not None}
    state = read(present, FeedState)
    require_asked_for("feedId", state.feed_id, feed_id)
    if state.status == "done" and state.counts is None:
        raise Unreadable("is done and has no counts")
    return state


def read_accounts(response: Response, client_id: str) -> tuple[Account, ...]:
    gone_at_404(response, client_id)
    return read_list(response.json, "accounts", Account)


def read_links(response: Response, client_id: str, keys: list[str]) -> tuple[LinkResult, ...]:
    gone_at_404(response, client_id)
    results = read_list(response.json, "results", LinkResult)
    if sorted(one.source_key for one in results) != sorted(keys):
        raise Unreadable("has results for other items than were asked for")
    return results
