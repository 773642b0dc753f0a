"""How each breakage reaches the caller. `Voice` lends it the vendor's own error shapes."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from include.sandbox.common.faults import Fault
from include.sandbox.common.wire import Json, answer

# (path, status, code, message) -> the body in the vendor's shape for that place.
Voice = Callable[[str, int, str, str], Json]
Answer = Callable[[], Awaitable[Response]]

# The server's protocol lends the means to reset the caller's connection at once.
ABORT = "sandbox.abort"
AFTER_THE_COMMIT = {"reset_after", "truncated"}
ERROR_SHAPES: dict[str, Callable[[str, str], Json]] = {
    "token": lambda code, message: {"error": code, "error_description": message},
    "gateway": lambda code, message: {"fault": {"faultstring": message, "detail": {"errorcode": code}}},
    "application": lambda code, message: {
        "errors": [{"code": code, "message": message, "field": None}],
        "traceId": "0" * 32,
    },
    "message": lambda code, message: {"Message": message, "reason": code},
}
HTML_PAGE = (
    "<!DOCTYPE html><html><head><title>Service interruption</title></head>"
    "<body><h1>Service interruption</h1><p>The proxy server received an invalid response.</p></body></html>"
)


def _retry_after(params: Json) -> dict[str, str]:
    """The header in the form that the fault asks for, seconds unless it says otherwise; empty for none."""
    wait, form = params["retry_after"], params.get("form", "seconds")
    if form == "date":
        return {"Retry-After": formatdate(time.time() + (wait or 0), usegmt=True)}
    return {"Retry-After": str(math.ceil(wait))} if form == "seconds" and wait is not None else {}


def _plain(fault: Fault, voice: Voice, path: str) -> Response | None:
    """The answer of those breakages that are an ordinary response; None for the others."""
    params = fault.params
    match fault.kind:
        case "too_many":
            body = voice(path, 429, "too_many_requests", "Too many requests.")
            return answer(body, 429, _retry_after(params))
        case "unavailable":
            body = voice(path, 503, "service_unavailable", "The service is not available.")
            return answer(body, 503, _retry_after(params))
        case "html":
            return HTMLResponse(HTML_PAGE, params["status"])
        case "unauthorized":
            body = voice(path, 401, "invalid_token", "Authorization has been denied for this request.")
            return answer(body, 401, {"WWW-Authenticate": "Bearer"})
        case "forbidden":
            return answer({"Message": "The log-in needs attention.", "reason": params["reason"]}, 403)
        case "not_done":
            return answer({"success": False, "message": params["message"]})
        case "error":
            return answer(ERROR_SHAPES[params["shape"]](params["code"], params["message"]), params["status"])
    return None


async def _drip(response: Response | None, every_seconds: float, receive: Receive, send: Send) -> None:
    """A body that never ends: one blank at a time, until the caller hangs up."""
    headers = [(b"content-type", b"application/json")]
    status = 200 if response is None else response.status_code
    await send({"type": "http.response.start", "status": status, "headers": headers})
    gone = asyncio.ensure_future(_wait_for_disconnect(receive))
    try:
        while not gone.done():
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            await asyncio.wait([gone], timeout=every_seconds)
    finally:
        gone.cancel()


async def _read_to_the_end(receive: Receive) -> None:
    """Take the whole request, so that the caller meets the reset while waiting for the answer."""
    while (await receive()).get("more_body"):
        continue


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _truncate(response: Response, params: Json, scope: Scope, receive: Receive, send: Send) -> None:
    body = bytes(response.body)
    kept = body[: max(1, int(len(body) * params["keep"]))]
    if not params["announce_all"]:
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        await Response(kept, response.status_code, headers)(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": kept, "more_body": True})
    await asyncio.sleep(0.05)  # the bytes leave before the connection does
    scope["extensions"][ABORT]()


async def break_call(fault: Fault, carry_out: Answer, voice: Voice, request: Request, send: Send) -> None:
    """Carry the call out or not, as the fault says, and give the caller the broken answer."""
    scope, receive = request.scope, request.receive
    done: Response | None = None
    if fault.kind in AFTER_THE_COMMIT or fault.params.get("after_commit"):
        done = await carry_out()
    if fault.kind == "reset_before":
        await _read_to_the_end(receive)
    if fault.kind in ("reset_before", "reset_after"):
        scope["extensions"][ABORT]()
    elif fault.kind == "drip":
        await _drip(done, fault.params["every_seconds"], receive, send)
    elif fault.kind == "truncated" and done is not None:
        await _truncate(done, fault.params, scope, receive, send)
    else:
        response = _plain(fault, voice, scope["path"])
        if response is not None:
            await response(scope, receive, send)
