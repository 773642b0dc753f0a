"""Profiles' verbs: the only modules that know its API are this one and its answers. Anything the real service does
differently is changed here."""

from functools import partial

from etl.load.http.request import Call, SignedIn
from etl.load.http.strict_json import write_json
from etl.load.http.transport import Transport
from etl.load.profiles.document import Document
from etl.load.profiles.responses import (
    Case,
    Created,
    FoundHousehold,
    SearchResult,
    read_case,
    read_created,
    read_created_case,
    read_household_asked_for,
    read_key_search,
    read_name_search,
    read_replaced,
    read_token,
    read_url,
)
from etl.names import spellings

# What a search can have found, the best first.
MATCH_TYPES = ("exact", "lastName", "none")

__all__ = ["Case", "Created", "FoundHousehold", "ProfilesClient", "SearchResult"]


class ProfilesClient:
    """Calls in the name of one log-in.

    Every method may raise VendorUnavailable and CredentialsRefused, every write also InDoubt (read before sending
    again) and Rejected (nothing was written).
    """

    def __init__(self, transport: Transport, username: str, password: str) -> None:
        self._transport = transport
        self._username, self._password = username, password
        transport.log_in_with(self.log_in)

    def log_in(self) -> SignedIn:
        """A new token. CredentialsRefused where only an operator can help."""
        credentials = write_json({"username": self._username, "password": self._password})
        return self._transport.call(
            Call(
                "POST",
                "/api/auth/login",
                read_token,
                "reads",
                body=credentials,
                accepts=frozenset({200, 401, 403}),
                signed_in=False,
            )
        )

    def search(self, first: str, last: str, birth_date: str) -> SearchResult:
        """Households by the client's names (any case, composed or decomposed) and birth date (YYYY-MM-DD)."""
        read = partial(read_name_search, first=first, last=last, birth_date=birth_date)
        answers: list[SearchResult] = []
        for firsts, lasts in spellings(first, last):
            query = {"lastName": lasts, "firstName": firsts, "birthDate": birth_date}
            answers.append(self._transport.call(Call("GET", "/api/households", read, "reads", query=query)))
        match_type = min((one.match_type for one in answers), key=MATCH_TYPES.index)
        best = (household for one in answers if one.match_type == match_type for household in one.households)
        return SearchResult(match_type, tuple({household.household_id: household for household in best}.values()))

    def find_by_external_id(self, key: str) -> SearchResult:
        """Households that carry our key (``household:12``, ``contact:7``)."""
        read = partial(read_key_search, key=key)
        return self._transport.call(Call("GET", "/api/households", read, "reads", query={"externalSourceId": key}))

    def household(self, household_id: str) -> FoundHousehold:
        """One household. Gone where there is none."""
        read = partial(read_household_asked_for, household_id=household_id)
        route = "/api/households/{household_id}"
        ids, accepts = {"household_id": household_id}, frozenset({200, 404})
        return self._transport.call(Call("GET", route, read, "reads", ids, accepts=accepts))

    def create_household(self, external_id: str, case_name: str, document: Document) -> Created:
        """Make client and case. Two equal calls make two households."""
        body = {"externalSourceId": external_id, "case": {"name": case_name, **document}}
        accepts = frozenset({201})
        call = Call("POST", "/api/households", read_created, "writes", body=write_json(body), accepts=accepts)
        return self._transport.call(call)

    def create_case(self, household_id: str, name: str, document: Document) -> Created:
        """Make a further case. Gone where there is no such household."""
        return self._transport.call(
            Call(
                "POST",
                "/api/households/{household_id}/cases",
                partial(read_created_case, household_id=household_id),
                "writes",
                {"household_id": household_id},
                body=write_json({"name": name, **document}),
                accepts=frozenset({201, 404}),
            )
        )

    def read_case(self, case_id: str) -> Case:
        """The case with its document. Gone where there is none."""
        read, accepts = partial(read_case, case_id=case_id), frozenset({200, 404})
        return self._transport.call(
            Call("GET", "/api/cases/{case_id}", read, "reads", {"case_id": case_id}, accepts=accepts)
        )

    def replace_case(self, case_id: str, document: Document, version: str) -> str:
        """Replace the whole document of the case at ``version``; gives the new version.

        CaseOpen (an advisor has it open), VersionConflict (it changed since it was read), Gone.
        """
        return self._transport.call(
            Call(
                "PUT",
                "/api/cases/{case_id}",
                partial(read_replaced, case_id=case_id, version=version),
                "writes",
                {"case_id": case_id},
                body=write_json({"document": document}),
                headers={"If-Match": f'"{version}"'},
                accepts=frozenset({200, 404, 409, 412}),
            )
        )

    def case_url(self, case_id: str) -> str:
        """The address under which an advisor opens the case. Gone where there is none."""
        read, accepts = partial(read_url, case_id=case_id), frozenset({200, 404})
        return self._transport.call(
            Call("GET", "/api/cases/{case_id}/url", read, "reads", {"case_id": case_id}, accepts=accepts)
        )
