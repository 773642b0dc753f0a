"""eMoney's verbs: the only modules that know its API are this one and its answers. Anything the real service does
differently is changed here.

Connections are never deleted: that would erase accounts and their history.
"""

import gzip
import time
import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Literal
from urllib.parse import urlencode

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from etl.errors import CredentialsRefused, InDoubt, SettingsError
from etl.load.emoney.responses import (
    Account,
    Connection,
    FeedState,
    FoundClient,
    Link,
    LinkResult,
    gone_at_404,
    read_accounts,
    read_client,
    read_connected,
    read_connections,
    read_feed,
    read_key_search,
    read_links,
    read_name_search,
    read_new_id,
    read_spouse,
)
from etl.load.http.request import Call, Response, SignedIn
from etl.load.http.strict_json import write_json
from etl.load.http.transport import Transport
from etl.load.http.validate import read_sign_in
from etl.names import spellings

__all__ = ["Account", "Connection", "EmoneyClient", "FeedState", "FoundClient", "Link", "LinkResult"]

ASSERTION_SECONDS = 240  # the vendor takes at most 5 minutes; the rest is for clocks that differ
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
INSTITUTION = "SmartOffice (Ebix CRM)"
CLIENTS = "/public/v1/clients"
CLIENT = "/public/v1/clients/{client_id}"
SPOUSE = CLIENT + "/spouse"
CONNECTIONS = CLIENT + "/connections"
FEED = "/public/v1/institutions/smartoffice/feeds/{feed_id}"
OK_OR_MISSING = frozenset({200, 404})


@lru_cache(maxsize=4)
def _signing_key(pem: str) -> Any:
    """The private key, read and checked once: that takes longer than to sign with it."""
    return load_pem_private_key(pem.encode(), password=None)


class EmoneyClient:
    """Calls in the name of one api key.

    Every method may raise VendorUnavailable and CredentialsRefused, every write also InDoubt (read before sending
    again) and Rejected (nothing was written); those that name a client raise Gone where it does not exist.
    """

    def __init__(
        self, transport: Transport, client_id: str, api_key: str, private_key_pem: str, institution: str = INSTITUTION
    ) -> None:
        self._transport = transport
        self._client_id, self._api_key, self._private_key = client_id, api_key, private_key_pem
        self._institution = institution
        transport.log_in_with(self.log_in)

    def log_in(self) -> SignedIn:
        """A new access token. CredentialsRefused where eMoney does not take the assertion."""
        return self._transport.call(
            Call(
                "POST",
                "/connect/token",
                self._read_token,
                "reads",
                body=self._token_request,
                headers={"Content-Type": "application/x-www-form-urlencoded", "apikey": self._api_key},
                accepts=frozenset({200, 400, 401, 403}),
                signed_in=False,
            )
        )

    def _token_request(self) -> bytes:
        """A fresh assertion: eMoney takes each ``jti`` once, so that every try needs its own."""
        now = int(time.time())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": f"{self._transport.base_url}/connect/token",
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": uuid.uuid4().hex,
        }
        try:
            assertion = jwt.encode(claims, _signing_key(self._private_key), algorithm="RS256")
        except (ValueError, TypeError, UnsupportedAlgorithm, jwt.PyJWTError):
            assertion = None
        if assertion is None:
            raise SettingsError("The private key of the connection `emoney` is no RSA key in PEM form.")
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
            "scope": "API",
        }
        return urlencode(form).encode()

    def _read_token(self, response: Response) -> SignedIn:
        if response.status != 200:
            raise CredentialsRefused(
                f"eMoney refuses the log-in ({response.status}: {response.fault}); check client id, api key and "
                "private key of the connection `emoney`, the certificate that eMoney holds, and this machine's clock"
            )
        return read_sign_in(response.json, "access_token", {"apikey": self._api_key})

    def search(self, first: str, last: str) -> tuple[FoundClient, ...]:
        """Clients of that name, in any case, composed or decomposed."""
        read = partial(read_name_search, first=first, last=last)
        found: dict[str, FoundClient] = {}
        for firsts, lasts in spellings(first, last):
            query = {"firstName": firsts, "lastName": lasts}
            clients = self._transport.call(Call("GET", CLIENTS, read, "reads", query=query))
            found |= {one.client_id: one for one in clients}
        return tuple(found.values())

    def find_by_external_id(self, key: str) -> tuple[FoundClient, ...]:
        """Clients that carry our key (``contact:7``)."""
        read = partial(read_key_search, key=key)
        return self._transport.call(Call("GET", CLIENTS, read, "reads", query={"externalId": key}))

    def client(self, client_id: str) -> dict[str, Any]:
        """The client's record."""
        read = partial(read_client, client_id=client_id)
        return self._transport.call(Call("GET", CLIENT, read, "reads", {"client_id": client_id}, accepts=OK_OR_MISSING))

    def create_client(self, body: Mapping[str, Any]) -> str:
        """Make a client; gives its id. Two equal calls make two clients."""
        accepts = frozenset({201})
        call = Call("POST", CLIENTS, read_new_id, "writes", body=write_json(dict(body)), accepts=accepts)
        return self._transport.call(call)

    def patch_client(self, client_id: str, patch: Mapping[str, Any]) -> None:
        """Change the fields of the merge patch, leave all others."""
        body, headers = write_json(dict(patch)), {"Content-Type": "application/merge-patch+json"}
        self._transport.call(_change("PATCH", CLIENT, client_id, body, frozenset({200, 204, 404}), headers))

    def spouse(self, client_id: str) -> dict[str, Any] | None:
        """The client's spouse, or None."""
        ids = {"client_id": client_id}
        return self._transport.call(Call("GET", SPOUSE, read_spouse, "reads", ids, accepts=OK_OR_MISSING))

    def put_spouse(self, client_id: str, spouse: Mapping[str, Any]) -> None:
        """Set the whole spouse. Rejected (spouse_not_allowed) where the client is not married."""
        body, accepts = write_json(dict(spouse)), frozenset({200, 201, 204, 404})
        self._transport.call(_change("PUT", SPOUSE, client_id, body, accepts))

    def delete_spouse(self, client_id: str) -> None:
        """Take the spouse away; one who is not there is no error."""
        call = Call(
            "DELETE",
            SPOUSE,
            lambda answer: None,
            "idempotent",
            {"client_id": client_id},
            accepts=frozenset({200, 204, 404}),
            may_be_empty=True,
        )
        self._transport.call(call)

    def connections(self, client_id: str) -> tuple[Connection, ...]:
        """The client's connections, to whichever institution."""
        read = partial(read_connections, client_id=client_id)
        ids = {"client_id": client_id}
        return self._transport.call(Call("GET", CONNECTIONS, read, "reads", ids, accepts=OK_OR_MISSING))

    def connect(self, client_id: str) -> str:
        """Connect the client to our institution; gives the id of the connection, an existing one included."""
        connection_id = self._transport.call(
            Call(
                "POST",
                CONNECTIONS,
                partial(read_connected, client_id=client_id),
                "idempotent",
                {"client_id": client_id},
                body=write_json({"institution": self._institution}),
                accepts=frozenset({200, 201, 404, 409}),
            )
        )
        if connection_id is not None:
            return connection_id
        ours = [one for one in self.connections(client_id) if one.institution == self._institution]
        if len(ours) != 1:
            raise InDoubt(
                f"eMoney: client {client_id} has {len(ours)} connections to our institution where it should have one"
            )
        return ours[0].connection_id

    def put_feed(self, feed_id: str, lines: bytes) -> FeedState:
        """Deliver the feed (NDJSON, one line a client). Repeating it changes nothing; other content is Rejected."""
        return self._transport.call(
            Call(
                "PUT",
                FEED,
                partial(read_feed, feed_id=feed_id),
                "idempotent",
                {"feed_id": feed_id},
                body=gzip.compress(lines, compresslevel=1, mtime=0),
                headers={"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"},
                accepts=frozenset({200, 202}),
            )
        )

    def feed(self, feed_id: str) -> FeedState:
        """Where the feed stands. Gone where eMoney does not know it."""
        read, ids = partial(read_feed, feed_id=feed_id), {"feed_id": feed_id}
        return self._transport.call(Call("GET", FEED, read, "reads", ids, accepts=OK_OR_MISSING))

    def accounts(self, client_id: str, state: Literal["available", "linked"]) -> tuple[Account, ...]:
        """The client's available or linked items."""
        read = partial(read_accounts, client_id=client_id)
        ids, query = {"client_id": client_id}, {"state": state}
        return self._transport.call(
            Call("GET", CLIENT + "/accounts", read, "reads", ids, query=query, accepts=OK_OR_MISSING)
        )

    def link(self, client_id: str, links: Sequence[Link]) -> tuple[LinkResult, ...]:
        """Link and classify items; one result for each."""
        return self._transport.call(
            Call(
                "POST",
                CLIENT + "/links",
                partial(read_links, client_id=client_id, keys=[one.source_key for one in links]),
                "idempotent",
                {"client_id": client_id},
                body=write_json({"links": msgspec.to_builtins(list(links))}),
                accepts=frozenset({200, 207, 404}),
            )
        )


def _change(
    method: str,
    route: str,
    client_id: str,
    body: bytes,
    accepts: frozenset[int],
    headers: Mapping[str, str] | None = None,
) -> Call[None]:
    """A write to a client that may be repeated; raises Gone at 404."""
    return Call(
        method,
        route,
        partial(gone_at_404, client_id=client_id),
        "idempotent",
        {"client_id": client_id},
        body=body,
        headers=headers or {},
        accepts=accepts,
        may_be_empty=True,
    )
