"""The transport against real sockets that misbehave."""

import gzip
import random
import socket
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from etl.errors import CredentialsRefused, InDoubt, LockLost, Rejected, VendorUnavailable
from etl.load.http.request import Call, Response, SignedIn, TransportSettings
from etl.load.http.retry import CircuitBreaker, RetryBudget, full_jitter, retry_after
from etl.load.http.strict_json import Unreadable
from etl.load.http.transport import Transport
from include.sandbox.common.server import listen
from tests.load.http.servers import Request, Scripted, Step, raw, reply, reset, scripted

FAST = TransportSettings(connect_seconds=1.0, total_seconds=1.0, tries=3, breaker_failures=100)
SECRET = "Quentin Secret"


class Waits:
    """A sleep that only notes how long it should have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def make(url: str, **given: Any) -> Transport:
    known = {"settings": FAST, "sleep": Waits(), "rng": random.Random(1)}
    return Transport("Vendor", url, **{**known, **given})


def get(**given: Any) -> Call[Any]:
    known: dict[str, Any] = {"query": {"lastName": SECRET}, "signed_in": False}
    known["ids"] = {"thing_id": "7"}
    return Call("GET", "/things/{thing_id}", lambda answer: answer.json, "reads", **{**known, **given})


def write(**given: Any) -> Call[Any]:
    known: dict[str, Any] = {"body": SECRET.encode(), "signed_in": False}
    return Call(
        "PUT", "/things/{thing_id}", lambda answer: answer.json, "writes", {"thing_id": "7"}, **{**known, **given}
    )


def drip(content: bytes, before: bytes = b"") -> Step:
    """Sends ``before`` at once and then a byte every fifth of a second, for ever."""

    def step(connection: Any, request: Request) -> None:
        connection.sendall(before)
        for byte in content * 1000:
            connection.sendall(bytes([byte]))
            time.sleep(0.2)

    return step


def silent(connection: Any, request: Request) -> None:
    time.sleep(3)


OK = reply(200, {"fine": 1})
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY_FAULTS: dict[str, Step] = {
    "truncated": raw(HEAD + b'Content-Length: 100\r\n\r\n{"fine":'),
    "cut off JSON": reply(200, b'{"fine": '),
    "cut off chunks": raw(HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"fin'),
    "a key twice": reply(200, b'{"fine": 1, "fine": 2}'),
    "NaN": reply(200, b'{"fine": NaN}'),
    "infinity": reply(200, b'{"fine": -Infinity}'),
    "a number that fills the memory": reply(200, b'{"fine": 1e999999999}'),
    "too deep": reply(200, b"[" * 100_000),
    "half a surrogate pair": reply(200, b'{"fine": "\\ud800"}'),
    "not UTF-8": reply(200, b'{"fine": "\xff"}'),
    "empty": reply(200, b""),
    "HTML": reply(200, b"<html>all is well</html>", {"Content-Type": "text/html"}),
    "broken gzip": reply(200, b"no gzip at all", {"Content-Encoding": "gzip"}),
    "huge": reply(200, b" " * (5 * 1024 * 1024 + 1)),
    "a gzip bomb": reply(200, gzip.compress(b" " * (200 * 1024 * 1024)), {"Content-Encoding": "gzip"}),
}
NO_ANSWER: dict[str, Step] = {
    "reset": reset,
    "closed": lambda connection, request: None,
    "silent": silent,
    "a slow drip of the body": drip(b" ", HEAD + b"\r\n"),
    "a slow drip of the headers": drip(b"X-Y: 1\r\n", b"HTTP/1.1 200 OK\r\n"),
    "no HTTP": raw(b"SSH-2.0-whatever\r\n\r\n"),
    "500": reply(500, {"Message": SECRET}),
    "502 in HTML": reply(502, b"<html>" + SECRET.encode() + b"</html>"),
    "503": reply(503, {"fault": {"faultstring": SECRET}}),
    "408": reply(408),
}
FAULTS = BODY_FAULTS | NO_ANSWER
CASES = [pytest.param(step, id=name) for name, step in FAULTS.items()]


@pytest.mark.parametrize("fault", CASES)
def test_a_read_is_tried_again_after_a_fault(fault: Step) -> None:
    with scripted(fault, OK) as server:
        assert make(server.url).call(get()) == {"fine": 1}
        assert len(server.requests) == 2


@pytest.mark.parametrize("fault", CASES)
def test_a_write_that_met_a_fault_is_in_doubt_and_never_sent_again(fault: Step) -> None:
    with scripted(fault, OK) as server:
        with pytest.raises(InDoubt) as caught:
            make(server.url).call(write())
        assert len(server.requests) == 1
    assert "PUT /things/{thing_id}" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("fault", [pytest.param(step, id=name) for name, step in NO_ANSWER.items()])
def test_no_fault_outlasts_the_deadline(fault: Step) -> None:
    with scripted(fault) as server:
        transport = make(server.url, settings=TransportSettings(total_seconds=0.6, tries=1))
        began = time.monotonic()
        with pytest.raises(VendorUnavailable):
            transport.call(get())
        assert time.monotonic() - began < 1.6


def test_an_error_holds_neither_query_nor_body_in_any_of_its_causes() -> None:
    for fault in (reset, reply(500, {"Message": SECRET}), BODY_FAULTS["broken gzip"]):
        with scripted(fault) as server, pytest.raises(VendorUnavailable) as caught:
            make(server.url).call(get())
        assert SECRET.split()[1] not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


def test_a_call_to_nobody_says_that_there_is_no_connection() -> None:
    with scripted(OK) as server:
        url = server.url
    for call in (get(), write()):
        transport = make(url)
        with pytest.raises(VendorUnavailable, match="found no connection"):
            transport.call(call)
        assert sum(transport.counts.values()) == 3


def test_a_write_is_sent_again_where_no_byte_left() -> None:
    with scripted(OK) as server:
        url = server.url
    later: list[Any] = []

    def open_again(seconds: float) -> None:
        port = int(url.rpartition(":")[2])
        later.append(serve_on(port))

    try:
        assert make(url, sleep=open_again).call(write()) == {"fine": 1}
    finally:
        for stop in later:
            stop()


def serve_on(port: int) -> Callable[[], None]:
    listener = listen(port)
    server = Scripted([OK], "")
    thread = threading.Thread(target=lambda: server.handle(listener.accept()[0]))
    thread.start()

    def stop() -> None:
        thread.join(5)
        listener.close()

    return stop


@pytest.mark.parametrize("status", [425, 429])
def test_a_write_that_was_surely_not_done_is_sent_again(status: int) -> None:
    with scripted(reply(status), reply(status), OK) as server:
        assert make(server.url).call(write()) == {"fine": 1}
        assert len(server.requests) == 3


def test_a_write_that_is_throttled_to_the_end_was_not_done() -> None:
    with scripted(reply(429)) as server, pytest.raises(VendorUnavailable, match="answered 429"):
        make(server.url).call(write())


def test_an_idempotent_write_is_tried_again_and_stays_in_doubt_if_no_try_ends_well() -> None:
    with scripted(reset, reply(503), OK) as server:
        assert make(server.url).call(idempotent()) == {"fine": 1}
    with scripted(reset, reply(429), reply(429)) as server, pytest.raises(InDoubt):
        make(server.url).call(idempotent())


def idempotent(signed_in: bool = False) -> Call[Any]:
    return Call("PUT", "/things", lambda answer: answer.json, "idempotent", body=b"{}", signed_in=signed_in)


@pytest.mark.parametrize("fault", [reply(503), reply(404, {"Message": "no such thing"})])
def test_a_write_in_doubt_stays_so_where_the_log_in_for_its_second_try_fails(fault: Step) -> None:
    now = [0.0]

    def time_passes(connection: Any, request: Request) -> None:
        now[0] += 100.0
        reset(connection, request)

    with scripted(OK, time_passes, fault) as server:
        transport = make(server.url, now=lambda: now[0])
        log_in = Call("GET", "/log-in", lambda answer: SignedIn({}, 50.0), "reads", signed_in=False)
        transport.log_in_with(lambda: transport.call(log_in))
        with pytest.raises(InDoubt):
            transport.call(idempotent(signed_in=True))
        with pytest.raises(VendorUnavailable):
            transport.call(idempotent(signed_in=True))
        assert [request.method for request in server.requests[:3]] == ["GET", "PUT", "GET"]


def test_a_write_in_doubt_stays_so_where_the_household_was_lost_before_its_second_try() -> None:
    checks: list[int] = []

    def check(_for_a_write: bool) -> None:
        checks.append(1)
        if len(checks) > 1:
            raise LockLost("H12")

    with scripted(reset, OK) as server:
        with pytest.raises(InDoubt):
            make(server.url, before_call=check).call(idempotent())
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 422])
def test_another_4xx_is_a_refusal_at_once(status: int) -> None:
    with scripted(reply(status, {"Message": SECRET}), OK) as server:
        with pytest.raises(Rejected) as caught:
            make(server.url).call(write())
        assert len(server.requests) == 1
    assert caught.value.status == status
    assert SECRET not in str(caught.value)


ERROR_BODIES = {
    "application": (
        {"Message": SECRET, "ModelState": {"clientA.birthDate": [SECRET], f"x {SECRET}": []}},
        ("clientA.birthDate",),
    ),
    "errors": (
        {"errors": [{"code": "blank", "message": SECRET, "field": "job.title"}], "traceId": "1"},
        ("job.title",),
    ),
    "item": (
        {"Message": "", "ModelState": {"assets[0].holdings[12].holdingsValue": []}},
        ("assets[0].holdings[12].holdingsValue",),
    ),
    "token": ({"error": "invalid_client", "error_description": SECRET}, ()),
    "gateway": ({"fault": {"faultstring": SECRET}}, ()),
    "HTML": (b"<html>" + SECRET.encode(), ()),
    "list": ([SECRET], ()),
    "odd": ({"errors": [SECRET, {"code": 5, "field": [SECRET]}], "Message": 1}, ()),
}


@pytest.mark.parametrize(("body", "fields"), ERROR_BODIES.values(), ids=ERROR_BODIES.keys())
def test_a_refusal_tells_codes_and_field_paths_and_nothing_else(body: Any, fields: tuple[str, ...]) -> None:
    with scripted(reply(400, body)) as server, pytest.raises(Rejected) as caught:
        make(server.url).call(write())
    assert caught.value.fields == fields
    assert SECRET not in str(caught.value)
    assert "answered 400" in str(caught.value)


def test_an_expected_refusal_counts_only_in_the_vendors_own_words() -> None:
    missing = Call(
        "GET", "/things", lambda answer: answer.status, "reads", accepts=frozenset({200, 404}), signed_in=False
    )
    with scripted(reply(404, {"Message": "gone"})) as server:
        assert make(server.url).call(missing) == 404
    for words in (b"<html>Not Found</html>", {"fault": {"faultstring": "no route"}}, {"whatever": 1}):
        with scripted(reply(404, words)) as server, pytest.raises(VendorUnavailable):
            make(server.url).call(missing)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with scripted(OK) as other, scripted(reply(status, b"", {"Location": other.url + "/stolen"})) as server:
        with pytest.raises(VendorUnavailable):
            make(server.url).call(get())
        with pytest.raises(InDoubt):
            make(server.url).call(write())
        assert other.requests == []
        assert len(server.requests) == 2


def test_a_success_of_another_kind_than_the_contract_names_is_in_doubt() -> None:
    with scripted(reply(202, {"fine": 1})) as server, pytest.raises(InDoubt, match="contract"):
        make(server.url).call(write())


def test_success_false_means_that_nothing_was_written() -> None:
    with scripted(reply(200, {"success": False, "message": SECRET})) as server, pytest.raises(Rejected) as caught:
        make(server.url).call(write())
    assert "nothing was written" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_an_answer_that_contradicts_the_question_is_in_doubt_for_a_write() -> None:
    def contradict(answer: Response) -> None:
        raise Unreadable("has another caseId than the one asked for")

    call = Call("PUT", "/things", contradict, "writes", body=b"{}", signed_in=False)
    with scripted(OK) as server, pytest.raises(InDoubt, match="another caseId"):
        make(server.url).call(call)


def test_money_comes_in_exact() -> None:
    with scripted(reply(200, b'{"large": 9999999999999999.99, "whole": 12345678901234567890}')) as server:
        answer = make(server.url).call(get())
    assert str(answer["large"]) == "9999999999999999.99"
    assert answer["whole"] == 12345678901234567890


def test_gzip_is_unpacked() -> None:
    with scripted(reply(200, gzip.compress(b'{"fine": 1}'), {"Content-Encoding": "gzip"})) as server:
        assert make(server.url).call(get()) == {"fine": 1}


def test_retry_after_in_seconds_is_obeyed() -> None:
    waits = Waits()
    with scripted(reply(429, b"", {"Retry-After": "7"}), OK) as server:
        make(server.url, sleep=waits).call(get())
    assert 7 <= waits.seconds[0] <= 8


def test_retry_after_as_a_date_is_obeyed_by_the_vendors_own_clock() -> None:
    waits, then = Waits(), 1_700_000_000.0
    headers = {"Date": formatdate(then, usegmt=True), "Retry-After": formatdate(then + 9, usegmt=True)}
    with scripted(reply(503, b"", headers), OK) as server:
        make(server.url, sleep=waits).call(get())
    assert 9 <= waits.seconds[0] <= 10


def test_retry_after_as_a_date_without_a_date_header_goes_by_our_clock() -> None:
    waits, then = Waits(), 1_700_000_000.0
    with scripted(reply(429, b"", {"Retry-After": formatdate(then + 9, usegmt=True)}), OK) as server:
        make(server.url, sleep=waits, wall_clock=lambda: then).call(get())
    assert 9 <= waits.seconds[0] <= 10


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *[("86400", 60.0), ("99999999999999999999", 60.0), ("0", 0.0), (formatdate(5, usegmt=True), 0.0)],
        *[("soon", None), ("-3", None), ("1.5", None), ("", None), (None, None), ("٣", None)],
    ],
)
def test_retry_after_is_capped_and_nonsense_is_passed_over(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, None, lambda: 1_700_000_000.0, 60.0) == seconds


def test_without_retry_after_the_wait_is_jittered_under_a_doubling_bound() -> None:
    draws = [[full_jitter(attempt, 0.5, 20.0, random.Random(seed)) for seed in range(300)] for attempt in range(8)]
    for attempt, drawn in enumerate(draws):
        bound = min(20.0, 0.5 * 2**attempt)
        assert 0 <= min(drawn) < bound * 0.1
        assert bound * 0.9 < max(drawn) <= bound


def test_the_retries_of_a_run_come_from_one_budget() -> None:
    budget = RetryBudget(3)
    with scripted(reply(503)) as server:
        for transport in (make(server.url, budget=budget), make(server.url, budget=budget)):
            with pytest.raises(VendorUnavailable):
                transport.call(get())
        assert len(server.requests) == 2 + 3
    assert budget.left == 0


def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_call_try_later() -> None:
    now = [0.0]
    settings = TransportSettings(total_seconds=1.0, tries=1, breaker_failures=3, breaker_pause=30.0)
    with scripted(*[reply(503)] * 4, OK) as server:
        transport = make(server.url, settings=settings, now=lambda: now[0])
        for _ in range(3):
            with pytest.raises(VendorUnavailable, match="answered 503"):
                transport.call(get())
        for call in (get(), write()):
            with pytest.raises(VendorUnavailable, match="too many calls failed"):
                transport.call(call)
        assert len(server.requests) == 3
        now[0] = 31.0
        with pytest.raises(VendorUnavailable, match="answered 503"):
            transport.call(get())
        with pytest.raises(VendorUnavailable, match="too many calls failed"):
            transport.call(get())
        now[0] = 62.0
        assert transport.call(get()) == {"fine": 1}
        assert transport.call(get()) == {"fine": 1}


def test_an_open_breaker_lets_only_one_call_try() -> None:
    now = [0.0]
    breaker = CircuitBreaker(1, 30.0, lambda: now[0])
    assert breaker.enter()
    breaker.failed()
    now[0] = 31.0
    assert [breaker.enter(), breaker.enter()] == [True, False]
    breaker.withdrew()
    assert breaker.enter()
    breaker.succeeded()
    assert [breaker.enter(), breaker.enter()] == [True, True]


def test_refusals_and_throttling_do_not_open_the_breaker() -> None:
    settings = TransportSettings(total_seconds=1.0, tries=2, breaker_failures=2)
    with scripted(*[reply(429)] * 4, *[reply(400)] * 4, OK) as server:
        transport = make(server.url, settings=settings)
        for _ in range(2):
            with pytest.raises(VendorUnavailable):
                transport.call(get())
        for _ in range(4):
            with pytest.raises(Rejected):
                transport.call(get())
        assert transport.call(get()) == {"fine": 1}


def signed(transport: Transport) -> list[int]:
    """Gives the transport a log-in that needs no server; the list counts."""
    log_ins: list[int] = []

    def log_in() -> SignedIn:
        log_ins.append(1)
        time.sleep(0.05)
        return SignedIn({"Authorization": f"Bearer {len(log_ins)}"})

    transport.log_in_with(log_in)
    return log_ins


def test_a_401_in_mid_run_brings_one_log_in_and_one_replay_of_a_write() -> None:
    with scripted(reply(401), OK) as server:
        transport = make(server.url)
        log_ins = signed(transport)
        assert transport.call(write(signed_in=True)) == {"fine": 1}
        assert [request.headers["authorization"] for request in server.requests] == ["Bearer 1", "Bearer 2"]
        assert server.requests[1].body == server.requests[0].body
    assert len(log_ins) == 2


def test_a_second_401_stops_the_load_for_good() -> None:
    with scripted(reply(401), reply(401), OK) as server:
        transport = make(server.url)
        log_ins = signed(transport)
        for _ in range(3):
            with pytest.raises(CredentialsRefused):
                transport.call(get(signed_in=True))
        assert len(server.requests) == 2
    assert len(log_ins) == 2


def test_many_threads_log_in_once_and_renew_once() -> None:
    def by_token(connection: Any, request: Request) -> None:
        good = request.headers["authorization"] == "Bearer 2"
        (OK if good else reply(401))(connection, request)

    with scripted(by_token) as server:
        transport = make(server.url)
        log_ins = signed(transport)
        failures: list[BaseException] = []

        def call_often() -> None:
            try:
                for _ in range(3):
                    assert transport.call(get(signed_in=True)) == {"fine": 1}
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=call_often) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert len(log_ins) == 2


def test_a_refused_log_in_is_not_tried_again() -> None:
    asked: list[int] = []

    def log_in() -> SignedIn:
        asked.append(1)
        raise CredentialsRefused("wrong password")

    transport = make("http://127.0.0.1:9")
    transport.log_in_with(log_in)
    for _ in range(3):
        with pytest.raises(CredentialsRefused, match="wrong password"):
            transport.call(get(signed_in=True))
    assert asked == [1]


def test_a_token_is_renewed_before_it_ends() -> None:
    now = [0.0]
    with scripted(OK) as server:
        transport = make(server.url, now=lambda: now[0])
        log_ins: list[int] = []

        def log_in() -> SignedIn:
            log_ins.append(1)
            return SignedIn({}, 100.0)

        transport.log_in_with(log_in)
        for now[0] in (0.0, 89.0, 91.0, 95.0):
            transport.call(get(signed_in=True))
    assert len(log_ins) == 2


def test_the_callers_check_runs_before_every_single_request_and_knows_whether_it_writes() -> None:
    checks: list[tuple[int, bool]] = []
    with scripted(reply(503), reply(401), OK, OK, OK) as server:
        transport = make(server.url, before_call=lambda writes: checks.append((len(server.requests), writes)))
        signed(transport)
        transport.call(get(signed_in=True))
        transport.call(write())
        transport.call(idempotent())
    assert checks == [(0, False), (1, False), (2, False), (3, True), (4, True)]


def test_a_check_that_raises_keeps_the_call_from_being_sent() -> None:
    def lost(_for_a_write: bool) -> None:
        raise LockLost("H12")

    with scripted(OK) as server:
        transport = make(server.url, before_call=lost)
        with pytest.raises(LockLost):
            transport.call(write())
        assert server.requests == []
        assert transport.counts == {}


def test_calls_are_counted_by_method_and_route() -> None:
    with scripted(reply(503), OK) as server:
        transport = make(server.url)
        transport.call(get())
        transport.call(write())
    assert transport.counts == {"GET /things/{thing_id}": 2, "PUT /things/{thing_id}": 1}


def test_ids_cannot_leave_their_place_in_the_path() -> None:
    with scripted(OK) as server:
        make(server.url).call(get(ids={"thing_id": "../../a?b=c#d e/é"}, query={}))
        for dots in ("", ".", ".."):
            with pytest.raises(ValueError, match="an id is empty"):
                make(server.url).call(get(ids={"thing_id": dots}))
        assert [request.target for request in server.requests] == ["/things/..%2F..%2Fa%3Fb%3Dc%23d%20e%2F%C3%A9"]


def test_neither_proxies_nor_netrc_nor_cookies_have_a_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with scripted(reply(200, {"fine": 1}, {"Set-Cookie": "a=b"})) as server:
        transport = make(server.url)
        signed(transport)
        for _ in range(2):
            transport.call(get(signed_in=True))
        for request in server.requests:
            assert request.headers["authorization"] == "Bearer 1"
            assert "cookie" not in request.headers


def test_connections_are_used_again_and_a_closed_one_does_no_harm() -> None:
    with scripted(raw(HEAD + b'Content-Length: 11\r\n\r\n{"fine": 1}')) as server:  # no word of closing, but closes
        transport = make(server.url)
        for _ in range(3):
            assert transport.call(write()) == {"fine": 1}
            time.sleep(0.05)


def test_a_body_may_be_made_afresh_for_each_try() -> None:
    bodies = iter([b"first", b"second"])
    call = Call("POST", "/token", lambda answer: answer.json, "reads", body=lambda: next(bodies), signed_in=False)
    with scripted(reset, OK) as server:
        make(server.url).call(call)
        assert [request.body for request in server.requests] == [b"first", b"second"]


def test_a_slow_reader_cannot_hold_a_large_body_beyond_the_deadline() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    try:
        transport = make(
            f"http://127.0.0.1:{listener.getsockname()[1]}", settings=TransportSettings(total_seconds=0.5, tries=1)
        )
        began = time.monotonic()
        with pytest.raises(InDoubt):
            transport.call(write(body=b" " * 50_000_000))
        assert time.monotonic() - began < 2
    finally:
        listener.close()


def test_a_name_that_no_address_can_hold_is_refused_before_it_is_sent() -> None:
    with scripted(OK) as server:
        transport = make(server.url)
        with pytest.raises(Rejected, match=r"an address of 1,000,\d{3} characters is more than any server") as refused:
            transport.call(get(query={"lastName": "x" * 1_000_000 + SECRET}))
        assert SECRET not in str(refused.value)
        assert transport.counts == {}
