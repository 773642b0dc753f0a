"""The API of Profiles: log-in, households, cases."""

import hmac
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from include.sandbox.common.api import Api, Call
from include.sandbox.common.records import complete
from include.sandbox.common.store import number_in
from include.sandbox.common.wire import Invalid, Json, Problem, Refused, answer, read_object
from include.sandbox.profiles.records import (
    Document,
    Keyed,
    Login,
    NewCase,
    NewHousehold,
    Opening,
    Replacement,
    complete_document,
)
from include.sandbox.profiles.store import CaseIsOpen, Store, VersionMoved, whole

HOUSEHOLDS = "/api/households"
CASE = "/api/cases/{case_id}"
SEARCHED = ("externalSourceId", "lastName", "firstName", "birthDate")


def refuse(status: int, message: str, **more: Any) -> Refused:
    return Refused(answer({"Message": message, **more}, status))


def case_open(case: Json) -> Refused:
    who = {"openedBy": case["openedBy"], "openedAt": case["openedAt"]}
    return refuse(409, "The request cannot be completed.", reason="case_open", **who)


@dataclass(frozen=True)
class ProfilesApi(Api):
    store: Store
    login: str
    password: str
    token_lifetime: float

    def say(self, path: str, status: int, code: str, message: str) -> Json:
        return {"Message": message}

    def say_invalid(self, problems: list[Problem]) -> Json:
        state: dict[str, list[str]] = {}
        for problem in problems:
            state.setdefault(problem.path, []).append(problem.message)
        return {"Message": "The request is invalid.", "ModelState": state}

    def authorize(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.store.has_session(token.strip()):
            body = {"Message": "Authorization has been denied for this request."}
            raise Refused(answer(body, 401, {"WWW-Authenticate": "Bearer"}))

    def limit_key(self, request: Request) -> str | None:
        return "everybody"

    @Call("POST", "/api/auth/login", body=Login, needs_token=False)
    async def log_in(self, request: Request) -> Response:
        given = await read_object(request)
        name_is_right = hmac.compare_digest(str(given.get("username")).encode(), self.login.encode())
        word_is_right = hmac.compare_digest(str(given.get("password")).encode(), self.password.encode())
        if not (name_is_right and word_is_right):
            raise refuse(401, "The user name or password is incorrect.")
        token = self.store.open_session(self.token_lifetime)
        return answer({"token": token, "expires_in": int(self.token_lifetime)})

    @Call("GET", HOUSEHOLDS, query=SEARCHED)
    async def search(self, request: Request) -> Response:
        """Households by our key, or by name and birth date; without an exact match, all of that last name."""
        key, last, first, born = (request.query_params.get(name) for name in SEARCHED)
        if key is not None:
            found, match_type = self.store.find_source(key), "exact"
        elif not last:
            raise Invalid([Problem("lastName", "required", "The lastName field is required.")])
        elif found := self.store.find_exact(last, first or "", born or ""):
            match_type = "exact"
        else:
            found, match_type = self.store.find_last_name(last), "lastName"
        return answer({"matchType": match_type if found else "none", "households": found})

    @Call("POST", HOUSEHOLDS, body=NewHousehold, wrote=201)
    async def create_household(self, request: Request) -> Response:
        """A new client with a case; two equal calls make two households."""
        body = await read_object(request)
        key = complete(Keyed, {"externalSourceId": body.get("externalSourceId")})["externalSourceId"]
        case = complete_document(NewCase, body.get("case"), "case")
        lag = request.state.marks.get("search_lag")
        household_id, case_id = self.store.add_household(key, case, lag.params["seconds"] if lag else None)
        created = {"householdId": str(household_id), "caseId": str(case_id), "version": 1}
        return answer(created, 201, {"Location": f"{HOUSEHOLDS}/{household_id}"})

    def _household(self, request: Request) -> Json:
        found = self.store.household(number_in(request.path_params["household_id"]))
        if found is None:
            raise refuse(404, "The household does not exist.")
        return found

    @Call("GET", HOUSEHOLDS + "/{household_id}")
    async def household(self, request: Request) -> Response:
        return answer(self._household(request))

    @Call("POST", HOUSEHOLDS + "/{household_id}/cases", body=NewCase, wrote=201)
    async def create_case(self, request: Request) -> Response:
        body = await read_object(request)
        household = self._household(request)
        case_id = self.store.add_case(int(household["householdId"]), complete_document(NewCase, body, "case"))
        return answer({"caseId": str(case_id), "version": 1}, 201, {"Location": f"/api/cases/{case_id}"})

    def _case(self, request: Request) -> Json:
        found = self.store.case(number_in(request.path_params["case_id"]))
        if found is None:
            raise refuse(404, "The case does not exist.")
        return found

    @Call("GET", CASE)
    async def case(self, request: Request) -> Response:
        found = self._case(request)
        return answer(whole(found), 200, {"ETag": f'"{found["version"]}"'})

    @Call("PUT", CASE, body=Replacement, headers=("If-Match",), wrote=200)
    async def replace_case(self, request: Request) -> Response:
        """Replace the whole document of the case at the version in If-Match."""
        body = await read_object(request)
        found = self._case(request)
        expected = request.headers.get("if-match")
        if expected is None:
            raise refuse(428, "The If-Match header is required.")
        document = complete_document(Document, body.get("document"), "document")
        try:
            version = self.store.replace(found, _version(expected), document)
        except CaseIsOpen as opened:
            raise case_open(opened.case) from opened
        except VersionMoved as moved:
            raise refuse(412, "The case has another version.", reason="version_conflict") from moved
        return answer({"version": version}, 200, {"ETag": f'"{version}"'})

    @Call("GET", CASE + "/url")
    async def case_url(self, request: Request) -> Response:
        found = self._case(request)
        return answer({"url": str(request.base_url.replace(path=f"/cases/{found['caseId']}"))})

    @Call("POST", CASE + "/open", body=Opening, wrote=200)
    async def open_case(self, request: Request) -> Response:
        body = await read_object(request)
        found = self._case(request)
        opened_by = complete(Opening, body)["openedBy"]
        if found["state"] == "open" and found["openedBy"] != opened_by:
            raise case_open(found)
        self.store.set_open(found, opened_by)
        return self._state(request)

    @Call("POST", CASE + "/close", wrote=200)
    async def close_case(self, request: Request) -> Response:
        self.store.set_open(self._case(request), None)
        return self._state(request)

    def _state(self, request: Request) -> Response:
        state = self._case(request)
        return answer({name: state[name] for name in ("caseId", "state", "openedBy", "openedAt", "version")})


def _version(if_match: str) -> str:
    """The version inside the quotes; something that no case has where the header has another form."""
    text = if_match.strip()
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] == '"' else "none"
