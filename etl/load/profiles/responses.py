"""What Profiles answers: the shapes and how they are read. An answer that is not of its shape, or not of the record
asked for, is Unreadable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from etl.errors import CaseOpen, CredentialsRefused, Gone, Rejected, VersionConflict
from etl.load.http.request import Answer, SignedIn
from etl.load.http.strict_json import Unreadable
from etl.load.http.validate import (
    a_list,
    a_token,
    an_id,
    an_object,
    one_of,
    seconds_or_none,
    text_or_none,
    the_one_asked_for,
)
from etl.load.profiles.document import Document, require_shape
from etl.names import same_name

OPERATOR_MUST_ACT = {
    "password_expired": "the password of the Profiles log-in has expired: log in at Profiles in a browser, set a new "
    "one and put it into the connection `profiles`",
    "eula_not_accepted": "the license agreement is not accepted: log in at Profiles in a browser with the user of the "
    "connection `profiles` and accept it",
}


@dataclass(frozen=True)
class FoundCase:
    """A case in a search answer."""

    case_id: str
    name: str | None = field(repr=False)
    state: str
    version: str


@dataclass(frozen=True)
class FoundHousehold:
    """A household in a search answer; the names and the birth date (YYYY-MM-DD) are client data."""

    household_id: str
    first_name: str | None = field(repr=False)
    last_name: str | None = field(repr=False)
    birth_date: str | None = field(repr=False)
    external_source_id: str | None
    cases: tuple[FoundCase, ...]


@dataclass(frozen=True)
class SearchResult:
    """``exact``: the households asked for; ``lastName``: namesakes only; ``none``: no household."""

    match_type: Literal["exact", "lastName", "none"]
    households: tuple[FoundHousehold, ...]


@dataclass(frozen=True)
class Case:
    """A case as it is now; ``opened_by`` and ``opened_at`` are set while ``state`` is open."""

    case_id: str
    household_id: str
    name: str | None = field(repr=False)
    state: str
    version: str
    opened_by: str | None
    opened_at: str | None
    document: Document = field(repr=False)


class Created(NamedTuple):
    """A new case, with its household."""

    household_id: str
    case_id: str
    version: str


def read_token(answer: Answer) -> SignedIn:
    if answer.status == 403:
        reasons = [OPERATOR_MUST_ACT[code] for code in answer.fault.codes if code in OPERATOR_MUST_ACT]
        raise CredentialsRefused(f"Profiles refuses the log-in (403): {reasons[0] if reasons else answer.fault}")
    if answer.status == 401:
        raise CredentialsRefused(
            "Profiles refuses the log-in (401): user name or password of the connection `profiles` is wrong"
        )
    body = an_object(answer.json)
    return SignedIn({"Authorization": f"Bearer {a_token(body, 'token')}"}, seconds_or_none(body, "expires_in"))


def read_name_search(answer: Answer, first: str, last: str, birth_date: str) -> SearchResult:
    found = _read_search(answer)
    for household in found.households:
        same_last = same_name(household.last_name, last)
        same_person = same_last and same_name(household.first_name, first) and household.birth_date == birth_date
        if not (same_person if found.match_type == "exact" else same_last):
            raise Unreadable("has households that were not asked for")
    return found


def read_key_search(answer: Answer, key: str) -> SearchResult:
    found = _read_search(answer)
    for household in found.households:
        the_one_asked_for("externalSourceId", household.external_source_id or "", key)
    return found


def _read_search(answer: Answer) -> SearchResult:
    body = an_object(answer.json)
    match_type = one_of(body, "matchType", "exact", "lastName", "none")
    households = a_list(body, "households", _read_household)
    if (match_type == "none") != (not households):
        raise Unreadable("has a matchType that contradicts its households")
    return SearchResult(match_type, households)


def _read_household(node: dict[str, Any]) -> FoundHousehold:
    client = an_object(node.get("clientA"), "clientA")
    return FoundHousehold(
        an_id(node, "householdId"),
        text_or_none(client, "firstName"),
        text_or_none(client, "lastName"),
        text_or_none(client, "birthDate"),
        text_or_none(node, "externalSourceId"),
        a_list(node, "cases", _read_found_case),
    )


def _read_found_case(node: dict[str, Any]) -> FoundCase:
    return FoundCase(
        an_id(node, "caseId"),
        text_or_none(node, "name"),
        one_of(node, "state", "closed", "open"),
        an_id(node, "version"),
    )


def read_household_asked_for(answer: Answer, household_id: str) -> FoundHousehold:
    _gone_at_404(answer, f"household {household_id}")
    found = _read_household(an_object(answer.json))
    the_one_asked_for("householdId", found.household_id, household_id)
    return found


def read_created(answer: Answer) -> Created:
    body = an_object(answer.json)
    return Created(an_id(body, "householdId"), an_id(body, "caseId"), an_id(body, "version"))


def read_created_case(answer: Answer, household_id: str) -> Created:
    _gone_at_404(answer, f"household {household_id}")
    body = an_object(answer.json)
    return Created(household_id, an_id(body, "caseId"), an_id(body, "version"))


def read_case(answer: Answer, case_id: str) -> Case:
    _gone_at_404(answer, f"case {case_id}")
    body = an_object(answer.json)
    the_one_asked_for("caseId", an_id(body, "caseId"), case_id)
    version = an_id(body, "version")
    etag = answer.headers.get("ETag")
    if etag is not None:
        the_one_asked_for("version in its ETag", etag.strip().removeprefix("W/").strip('"'), version)
    document = an_object(body.get("document"), "document")
    require_shape(document)
    return Case(
        case_id,
        an_id(body, "householdId"),
        text_or_none(body, "name"),
        one_of(body, "state", "closed", "open"),
        version,
        text_or_none(body, "openedBy"),
        text_or_none(body, "openedAt"),
        document,
    )


def read_replaced(answer: Answer, case_id: str, version: str) -> str:
    _gone_at_404(answer, f"case {case_id}")
    if answer.status == 412:
        raise VersionConflict(f"Profiles: case {case_id} is no longer at version {version}")
    if answer.status == 409:
        body: Mapping[str, Any] = answer.json
        if body.get("reason") != "case_open":
            raise Rejected(f"Profiles: PUT /api/cases/{{case_id}} answered 409 ({answer.fault})", status=409)
        by, at = (body.get(name) if isinstance(body.get(name), str) else None for name in ("openedBy", "openedAt"))
        raise CaseOpen(f"Profiles: case {case_id} is open; it can be written when the advisor has closed it", by, at)
    new_version = an_id(an_object(answer.json), "version")
    if new_version == version:
        raise Unreadable("has the old version as the new one")
    return new_version


def read_url(answer: Answer, case_id: str) -> str:
    _gone_at_404(answer, f"case {case_id}")
    url = an_object(answer.json).get("url")
    if not isinstance(url, str) or not url.startswith(("https://", "http://")) or not url.isprintable():
        raise Unreadable("has no usable url")
    return url


def _gone_at_404(answer: Answer, record: str) -> None:
    if answer.status == 404:
        raise Gone(f"Profiles: {record} does not exist any more")
