"""What Profiles answers: the models and how they are read.

A response that does not fit its model, or is about another record than the one asked for, is Unreadable.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import field

from etl.errors import CaseOpen, CredentialsRefused, Gone, Rejected, VersionConflict
from etl.load.http.request import Response, SignedIn
from etl.load.http.strict_json import Unreadable
from etl.load.http.validate import Id, Model, an_object, read, read_id, read_sign_in, require_asked_for
from etl.load.profiles.document import Document, require_shape
from etl.names import same_name

State = Literal["closed", "open"]
OPERATOR_MUST_ACT = {
    "password_expired": "the password of the Profiles log-in has expired: log in at Profiles in a browser, set a new "
    "one and put it into the connection `profiles`",
    "eula_not_accepted": "the license agreement is not accepted: log in at Profiles in a browser with the user of the "
    "connection `profiles` and accept it",
}


class FoundCase(Model, frozen=True):
    """A case in the answer to a search."""

    case_id: Id
    state: State
    version: Id
    name: str | None = None


class FoundPerson(Model, frozen=True):
    """The client of a household; the birth date is YYYY-MM-DD."""

    first_name: str | None = None
    last_name: str | None = None
    birth_date: str | None = None


class FoundHousehold(Model, frozen=True):
    """A household in the answer to a search."""

    household_id: Id
    client: FoundPerson = field(name="clientA")
    cases: tuple[FoundCase, ...]
    external_source_id: str | None = None


class SearchResult(Model, frozen=True):
    """``exact``: the households asked for; ``lastName``: namesakes only; ``none``: no household."""

    match_type: Literal["exact", "lastName", "none"]
    households: tuple[FoundHousehold, ...]


class Case(Model, frozen=True):
    """A case as it is now; ``opened_by`` and ``opened_at`` are set while ``state`` is open."""

    case_id: Id
    household_id: Id
    state: State
    version: Id
    document: Document
    name: str | None = None
    opened_by: str | None = None
    opened_at: str | None = None


class Created(Model, frozen=True):
    """A new case, with its household."""

    household_id: Id
    case_id: Id
    version: Id


def read_token(response: Response) -> SignedIn:
    if response.status == 403:
        reasons = [OPERATOR_MUST_ACT[code] for code in response.fault.codes if code in OPERATOR_MUST_ACT]
        raise CredentialsRefused(f"Profiles refuses the log-in (403): {reasons[0] if reasons else response.fault}")
    if response.status == 401:
        raise CredentialsRefused(
            "Profiles refuses the log-in (401): user name or password of the connection `profiles` is wrong"
        )
    return read_sign_in(response.json, "token")


def read_name_search(response: Response, first: str, last: str, birth_date: str) -> SearchResult:
    found = _read_search(response)
    for household in found.households:
        client = household.client
        same_last = same_name(client.last_name, last)
        same_person = same_last and same_name(client.first_name, first) and client.birth_date == birth_date
        if not (same_person if found.match_type == "exact" else same_last):
            raise Unreadable("has households that were not asked for")
    return found


def read_key_search(response: Response, key: str) -> SearchResult:
    found = _read_search(response)
    for household in found.households:
        require_asked_for("externalSourceId", household.external_source_id, key)
    return found


def _read_search(response: Response) -> SearchResult:
    found = read(response.json, SearchResult)
    if (found.match_type == "none") != (not found.households):
        raise Unreadable("has a matchType that contradicts its households")
    return found


def read_household_asked_for(response: Response, household_id: str) -> FoundHousehold:
    _gone_at_404(response, f"household {household_id}")
    found = read(response.json, FoundHousehold)
    require_asked_for("householdId", found.household_id, household_id)
    return found


def read_created(response: Response) -> Created:
    return read(response.json, Created)


def read_created_case(response: Response, household_id: str) -> Created:
    _gone_at_404(response, f"household {household_id}")
    return read({**an_object(response.json), "householdId": household_id}, Created)


def read_case(response: Response, case_id: str) -> Case:
    _gone_at_404(response, f"case {case_id}")
    case = read(response.json, Case)
    require_asked_for("caseId", case.case_id, case_id)
    etag = response.headers.get("ETag")
    if etag is not None:
        require_asked_for("version in its ETag", etag.strip().removeprefix("W/").strip('"'), case.version)
    require_shape(case.document)
    return case


def read_replaced(response: Response, case_id: str, version: str) -> str:
    _gone_at_404(response, f"case {case_id}")
    if response.status == 412:
        raise VersionConflict(f"Profiles: case {case_id} is no longer at version {version}")
    if response.status == 409:
        body: Mapping[str, Any] = response.json
        if body.get("reason") != "case_open":
            raise Rejected(f"Profiles: PUT /api/cases/{{case_id}} answered 409 ({response.fault})", status=409)
        by, at = (body.get(name) if isinstance(body.get(name), str) else None for name in ("openedBy", "openedAt"))
        raise CaseOpen(f"Profiles: case {case_id} is open; it can be written when the advisor has closed it", by, at)
    new_version = read_id(response.json, "version")
    if new_version == version:
        raise Unreadable("has the old version as the new one")
    return new_version


def read_url(response: Response, case_id: str) -> str:
    _gone_at_404(response, f"case {case_id}")
    url = an_object(response.json).get("url")
    if not isinstance(url, str) or not url.startswith(("https://", "http://")) or not url.isprintable():
        raise Unreadable("has no usable url")
    return url


def _gone_at_404(response: Response, record: str) -> None:
    if response.status == 404:
        raise Gone(f"Profiles: {record} does not exist any more")
