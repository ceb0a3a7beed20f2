"""`/healthz`, `/readyz` and `/metrics` of every process."""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from shared.kit.http.client_address import read_address
from shared.kit.http.problems import Problem
from shared.kit.measures import Measures
from shared.kit.settings import Settings

Check = Callable[[], Awaitable[None]]
ANSWER_SECONDS = 0.4
"""The longest `/readyz` waits: whoever asks gets an answer within half a second, whatever hangs."""
GIVE_UP_SECONDS = 5.0
"""A check that takes longer has found its dependency away."""
FRESH_SECONDS = 5.0
"""How long the answer before stands in for one that is not there yet: a slow moment is no outage."""
_FORWARDING = ("x-forwarded-for", "forwarded", "x-real-ip")


@dataclass(slots=True)
class _Answer:
    is_ok: bool
    at: float


class Dependency:
    """One thing a process needs or wants, asked at most once at a time."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._asking: asyncio.Task[None] | None = None
        self._last = _Answer(is_ok=False, at=float("-inf"))

    def ask(self) -> asyncio.Task[None]:
        """The question under way, begun now if there is none."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return self._asking

    @property
    def is_ok(self) -> bool:
        """What is known: the answer to the present question, or for a while the one before."""
        is_answered = self._asking is not None and self._asking.done()
        return self._last.is_ok and (is_answered or time.monotonic() - self._last.at < FRESH_SECONDS)

    async def _ask(self) -> None:
        is_ok = True
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                await self._check()
        except Exception:  # noqa: BLE001 - whatever it is, the dependency did not answer
            is_ok = False
        self._last = _Answer(is_ok, time.monotonic())


class HealthRoute(Route):
    """A route that names itself in the request's scope, as FastAPI's do: the metrics are by route."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """How far the request fits, and what the route adds to its scope."""
        match, more = super().matches(scope)
        return match, {**more, "route": self}


def health_routes(settings: Settings, needed: Mapping[str, Check], wanted: Mapping[str, Check]) -> list[HealthRoute]:
    """The three routes. `needed` must answer for readiness; what is only `wanted` is named as degraded.

    A process that was told to stop is not ready, whatever answers: `app.state.stopping` knows.
    """
    dependencies = {name: Dependency(check) for name, check in (*needed.items(), *wanted.items())}

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        if request.app.state.stopping.has_begun:
            return JSONResponse({"status": "stopping", "degraded": [], "dependencies": {}}, 503)
        questions = [dependency.ask() for dependency in dependencies.values()]
        if questions:
            await asyncio.wait(questions, timeout=ANSWER_SECONDS)
        state = {name: dependency.is_ok for name, dependency in dependencies.items()}
        is_ready = all(state[name] for name in needed)
        return JSONResponse(
            {
                "status": "ready" if is_ready else "not_ready",
                "degraded": [name for name in wanted if not state[name]],
                "dependencies": {name: "ok" if is_ok else "unreachable" for name, is_ok in state.items()},
            },
            200 if is_ready else 503,
        )

    async def metrics(request: Request) -> Response:
        check_may_measure(request, settings)
        measures: Measures | None = getattr(request.app.state, "measures", None)
        if measures is not None:
            await measures.refresh()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [HealthRoute(f"/{answer.__name__}", answer, methods=["GET"]) for answer in (healthz, readyz, metrics)]


def check_may_measure(request: Request, settings: Settings) -> None:
    """Raises Problem 401 or 403 unless the caller holds the token or, where none is set, is on this machine.

    What came through a proxy is not from this machine, wherever the proxy runs.
    """
    if settings.metrics_token is not None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        expected = settings.metrics_token.get_secret_value()
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), expected.encode()):
            raise Problem(401, "metrics_token_needed", "send the metrics token as a bearer token")
        return
    peer = read_address(request.client.host) if request.client else None
    is_local = peer is not None and ip_address(str(peer)).is_loopback
    if not is_local or any(name in request.headers for name in _FORWARDING):
        raise Problem(
            403, "metrics_not_public", "metrics are for this machine alone; set EVERDESK_METRICS_TOKEN to read them"
        )
