"""The API of Profiles: log-in, households, cases."""

import hmac
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from include.sandbox.common.fields import Record
from include.sandbox.common.gate import ApiRoute
from include.sandbox.common.wire import Refused, answer, read_object
from include.sandbox.profiles.document import key_problem, name_refusals, refusals
from include.sandbox.profiles.store import Case, CaseIsOpen, Store, VersionMoved

LARGEST_ID_DIGITS = 18


def say(path: str, status: int, code: str, message: str) -> dict[str, Any]:
    """An error as Profiles words it."""
    return {"Message": message}


def refuse(status: int, message: str, **more: Any) -> Refused:
    return Refused(answer({"Message": message, **more}, status))


def check(state: dict[str, list[str]]) -> None:
    if state:
        raise refuse(400, "The request is invalid.", ModelState=state)


def as_id(text: str) -> int:
    """The number behind an id; one that is none belongs to nothing (0)."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LARGEST_ID_DIGITS else 0


@dataclass(frozen=True)
class Api:
    store: Store
    login: str
    password: str
    token_lifetime: float

    def routes(self) -> list[ApiRoute]:
        created, done = frozenset({201}), frozenset({200})
        return [
            ApiRoute("POST", "/api/auth/login", self.log_in, needs_token=False),
            ApiRoute("GET", "/api/households", self.search),
            ApiRoute("POST", "/api/households", self.create_household, created),
            ApiRoute("GET", "/api/households/{household_id}", self.household),
            ApiRoute("POST", "/api/households/{household_id}/cases", self.create_case, created),
            ApiRoute("GET", "/api/cases/{case_id}", self.case),
            ApiRoute("PUT", "/api/cases/{case_id}", self.replace_case, done),
            ApiRoute("GET", "/api/cases/{case_id}/url", self.case_url),
            ApiRoute("POST", "/api/cases/{case_id}/open", self.open_case, done),
            ApiRoute("POST", "/api/cases/{case_id}/close", self.close_case, done),
        ]

    def authorize(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.store.sessions.is_open(token.strip()):
            body = say(request.url.path, 401, "", "Authorization has been denied for this request.")
            raise Refused(answer(body, 401, {"WWW-Authenticate": "Bearer"}))

    async def log_in(self, request: Request) -> Response:
        given = await read_object(request)
        name_is_right = hmac.compare_digest(str(given.get("username")).encode(), self.login.encode())
        word_is_right = hmac.compare_digest(str(given.get("password")).encode(), self.password.encode())
        if not (name_is_right and word_is_right):
            raise refuse(401, "The user name or password is incorrect.")
        return answer({"token": self.store.sessions.open(self.token_lifetime), "expires_in": int(self.token_lifetime)})

    async def search(self, request: Request) -> Response:
        asked = request.query_params
        if "externalSourceId" in asked:
            found = self.store.find_source(asked["externalSourceId"])
            return answer({"matchType": "exact" if found else "none", "households": found})
        if not asked.get("lastName"):
            raise refuse(400, "The request is invalid.", ModelState={"lastName": ["The lastName field is required."]})
        exact = self.store.find_exact(asked["lastName"], asked.get("firstName", ""), asked.get("birthDate", ""))
        if exact:
            return answer({"matchType": "exact", "households": exact})
        found = self.store.find_last_name(asked["lastName"])
        return answer({"matchType": "lastName" if found else "none", "households": found})

    async def create_household(self, request: Request) -> Response:
        body = await read_object(request)
        wrong_key = key_problem(body.get("externalSourceId"))
        check({"externalSourceId": [wrong_key]} if wrong_key else {})
        if not isinstance(body.get("case"), dict):
            check({"case": ["The case field is required."]})
        check(_case_refusals(body["case"]))
        lag = request.state.marks.get("search_lag")
        household_id, case_id = self.store.add_household(body, lag.params["seconds"] if lag else None)
        created = {"householdId": str(household_id), "caseId": str(case_id), "version": 1}
        return answer(created, 201, {"Location": f"/api/households/{household_id}"})

    async def household(self, request: Request) -> Response:
        found = self.store.household(as_id(request.path_params["household_id"]))
        if found is None:
            raise refuse(404, "The household does not exist.")
        return answer(found)

    async def create_case(self, request: Request) -> Response:
        body = await read_object(request)
        household_id = as_id(request.path_params["household_id"])
        if self.store.household(household_id) is None:
            raise refuse(404, "The household does not exist.")
        check(_case_refusals(body))
        document = {name: value for name, value in body.items() if name != "name"}
        case_id = self.store.add_case(household_id, body["name"], document)
        return answer({"caseId": str(case_id), "version": 1}, 201, {"Location": f"/api/cases/{case_id}"})

    def _case(self, request: Request) -> Case:
        found = self.store.case(as_id(request.path_params["case_id"]))
        if found is None:
            raise refuse(404, "The case does not exist.")
        return found

    async def case(self, request: Request) -> Response:
        found = self._case(request)
        return answer(found.body(), 200, {"ETag": f'"{found.version}"'})

    async def replace_case(self, request: Request) -> Response:
        body = await read_object(request)
        found = self._case(request)
        expected = request.headers.get("if-match")
        if expected is None:
            raise refuse(428, "The If-Match header is required.")
        document = body.get("document")
        if not isinstance(document, dict):
            check({"document": ["The document field is required."]})
            raise AssertionError
        check(refusals(document))
        try:
            version = self.store.replace(found, _version(expected), document)
        except CaseIsOpen as opened:
            raise case_open(opened.case) from opened
        except VersionMoved as moved:
            raise refuse(412, "The case has another version.", reason="version_conflict") from moved
        return answer({"version": version}, 200, {"ETag": f'"{version}"'})

    async def case_url(self, request: Request) -> Response:
        found = self._case(request)
        return answer({"url": str(request.base_url.replace(path=f"/cases/{found.case_id}"))})

    async def open_case(self, request: Request) -> Response:
        opened_by = (await read_object(request)).get("openedBy")
        found = self._case(request)
        if not isinstance(opened_by, str) or not opened_by.strip():
            raise refuse(400, "The request is invalid.", ModelState={"openedBy": ["The openedBy field is required."]})
        if found.state == "open" and found.opened_by != opened_by:
            raise case_open(found)
        self.store.set_open(found.case_id, opened_by)
        return answer(_state(self._case(request)))

    async def close_case(self, request: Request) -> Response:
        self.store.set_open(self._case(request).case_id, None)
        return answer(_state(self._case(request)))


def case_open(case: Case) -> Refused:
    more = {"reason": "case_open", "openedBy": case.opened_by, "openedAt": case.opened_at}
    return refuse(409, "The request cannot be completed.", **more)


def _case_refusals(case: Record) -> dict[str, list[str]]:
    return {**name_refusals(case.get("name")), **refusals(case)}


def _version(if_match: str) -> str:
    """The version inside the quotes; something that no case has where the header has another form."""
    text = if_match.strip()
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] == '"' else "none"


def _state(case: Case) -> dict[str, Any]:
    return {
        "caseId": str(case.case_id),
        "state": case.state,
        "openedBy": case.opened_by,
        "openedAt": case.opened_at,
        "version": case.version,
    }
