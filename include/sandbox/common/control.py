"""The sandbox's own calls under `/_sandbox`: look at the state, empty it, order faults. A vendor has none of these."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from include.sandbox.common.faults import FaultUnknown
from include.sandbox.common.gate import Gate
from include.sandbox.common.pages import is_from_elsewhere
from include.sandbox.common.wire import Unreadable, answer, parse


class Control:
    """`describe` gives the vendor's state; `reset` empties it; `faults_changed` runs after a new list is in force."""

    def __init__(
        self,
        gate: Gate,
        describe: Callable[[], dict[str, Any]],
        reset: Callable[[], None],
        faults_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._gate = gate
        self._describe = describe
        self._reset = reset
        self._faults_changed = faults_changed

    def routes(self) -> list[Route]:
        return [
            Route("/_sandbox/state", self.state, methods=["GET"]),
            Route("/_sandbox/reset", self.reset, methods=["POST"]),
            Route("/_sandbox/faults", self.faults, methods=["POST"]),
        ]

    async def state(self, request: Request) -> Response:
        """Everything; `?only=counters` leaves the data out."""
        own: dict[str, Any] = {"faults": self._gate.deck.describe(), "counters": self._gate.calls.describe()}
        if self._gate.limit is not None:
            own["counters"]["peakInFlight"] = self._gate.limit.peak_in_flight
        if request.query_params.get("only") == "counters":
            return answer(own)
        return answer({**self._describe(), **own})

    async def reset(self, request: Request) -> Response:
        """No data, no faults, counters at zero; tokens and ids handed out stay used."""
        if is_from_elsewhere(request):
            return answer({"message": "A page from elsewhere may not do this."}, 403)
        self._reset()
        self._gate.deck.replace([])
        self._gate.calls.forget()
        if self._gate.limit is not None:
            self._gate.limit.forget()
        self._faults_changed()
        return answer({"reset": True})

    async def faults(self, request: Request) -> Response:
        if is_from_elsewhere(request):
            return answer({"message": "A page from elsewhere may not do this."}, 403)
        try:
            self._gate.deck.replace(parse(await request.body()))
        except (FaultUnknown, Unreadable) as error:
            return answer({"message": str(error)}, 400)
        self._faults_changed()
        return answer({"faults": self._gate.deck.describe()})
