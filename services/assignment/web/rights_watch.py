"""Notifies open pages by SSE when their agent's rights change.

The server decides with every request anyway; this only lets pages say so at once. A page names the rights it was made
with, so that a change which came before it could listen is told too.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Annotated, Final

import anyio
from fastapi import Query, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.web.page_base import SESSION_COOKIE, DeskAgent, DeskPageRoute, desk_of
from shared.contracts.vocabulary import Channel
from shared.domain.permissions import Principal
from shared.kit.clock import utc_now
from shared.kit.http.routers import HttpRouter

router = HttpRouter(route_class=DeskPageRoute)
LOOKS_EVERY_SECONDS: Final = 30.0
"""A session also ends by time, of which nothing is heard."""
HEARTBEAT_SECONDS: Final = 15
STOPPING_SECONDS: Final = 2
RECONNECT_MILLISECONDS: Final = 3_000
SEPARATOR: Final = "\n"


def rights_of(caller: Caller | None) -> str:
    """A short name for everything that an agent may do; empty for nobody."""
    return "" if caller is None else _rights(caller.principal)


@lru_cache(maxsize=1024)
def _rights(principal: Principal) -> str:
    grants = sorted(
        f"{grant.team_id}:{grant.scope.value}:{','.join(sorted(grant.permissions))}" for grant in principal.grants
    )
    return hashlib.sha256("\n".join([str(principal.agent_id), *grants]).encode()).hexdigest()[:16]


@router.get("/live/rights")
async def watch_rights(
    request: Request, context: State, _: DeskAgent, seen: Annotated[str, Query(max_length=16)] = ""
) -> Response:
    """Server-sent events: `rights` once they are not those that were `seen`, `signed-out` once the session ended."""
    stopping, token = anyio.Event(), desk_of(request).pages.cookie(request, SESSION_COOKIE) or ""
    return EventSourceResponse(
        _changes(context, token, seen, stopping),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        ping=HEARTBEAT_SECONDS,
        ping_message_factory=lambda: ServerSentEvent(comment="still here", sep=SEPARATOR),
        sep=SEPARATOR,
        shutdown_event=stopping,
        shutdown_grace_period=STOPPING_SECONDS,
    )


async def _changes(context: AppState, token: str, seen: str, stopping: anyio.Event) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(comment="connected", retry=RECONNECT_MILLISECONDS, sep=SEPARATOR)
    with context.callers.news() as news:
        while not stopping.is_set():
            news.clear()
            caller = await context.callers.find(token, Channel.DESK, utc_now(), is_use=False)
            if caller is None:
                yield ServerSentEvent("{}", event="signed-out", sep=SEPARATOR)
                return
            if rights_of(caller) != seen:
                yield ServerSentEvent("{}", event="rights", sep=SEPARATOR)
                return
            await _one_of(news, stopping)


async def _one_of(news: asyncio.Event, stopping: anyio.Event) -> None:
    """Waits until one of the two is set, for a while at most."""
    waits = [asyncio.ensure_future(event.wait()) for event in (news, stopping)]
    try:
        await asyncio.wait(waits, timeout=LOOKS_EVERY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
