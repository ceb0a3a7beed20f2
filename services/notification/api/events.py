"""The change feed over HTTP: pages with a cursor, long poll, and server-sent events."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Query, Request, Response
from pydantic import ConfigDict

from services.notification.deps import State
from services.notification.event_feed.reading import FeedPage, FeedQuery, end_of_feed, read_page
from services.notification.event_feed.streams import StreamedFeed
from services.notification.event_selection import EVERYTHING, MOST_PATTERNS, WHEN_NAMED, known_patterns, types_of_all
from services.notification.event_tokens.schemas import EventScope
from services.notification.event_tokens.tokens import find_token
from shared.contracts.described_models import DescribedModel
from shared.contracts.events import Envelope
from shared.kit.auth import EVENT_TOKEN
from shared.kit.http.paging import Limit
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter

router = HttpRouter(tags=["events"])
LONGEST_WAIT = 30
LATEST = "latest"
CURSOR = r"^([0-9]{1,18}|latest)$"
EXAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "ticket-01990a4e-3c00-7000-8000-000000000002:3",
    "source": "/everdesk/workflows",
    "type": "everdesk.ticket.archived.v1",
    "subject": "01990a4e-3c00-7000-8000-000000000002",
    "time": "2026-11-24T09:00:00Z",
    "datacontenttype": "application/json",
    "data": {"ticket_id": "01990a4e-3c00-7000-8000-000000000002"},
}

After = Annotated[
    str | None,
    Query(
        pattern=CURSOR,
        description="`next_cursor` of the page before, or `latest` for what comes from now on; without it, from the "
        "oldest event that is kept",
    ),
]
Types = Annotated[
    list[str] | None,
    Query(
        max_length=MOST_PATTERNS,
        description="Events by name (`ticket.assigned`) or group (`ticket.*`), separated by commas; all without it, "
        "but for notes, which must be named",
    ),
]
OfTicket = Annotated[UUID | None, Query(description="Only events about this ticket")]
Wait = Annotated[
    int, Query(ge=0, le=LONGEST_WAIT, description="Seconds to wait for an event where there is none yet (long poll)")
]
LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", pattern=r"^[0-9]{1,18}$", description="For a stream: goes on after this event"),
]
STREAMED = {
    "description": "A page; with `Accept: text/event-stream` events as they come, each with its cursor as `id:`, its "
    "type as `event:` and its envelope as `data:`.",
    "content": {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": 'id: 4711\nevent: everdesk.ticket.archived.v1\ndata: {"specversion":"1.0","id":"…"}\n\n',
        }
    },
}


class FeedPageView(DescribedModel):
    """Events in the order of the feed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE], "next_cursor": "4711"}]})

    items: list[Envelope]
    next_cursor: str
    """Never null: ask with it again for what comes next."""


@router.get("/events", response_model=FeedPageView, responses={200: STREAMED, 410: {"description": "Cursor expired"}})
async def read_events(
    request: Request,
    state: State,
    after: After = None,
    types: Types = None,
    ticket_id: OfTicket = None,
    limit: Limit = 100,
    wait: Wait = 0,
    last_event_id: LastEventId = None,
) -> Response:
    """Returns events after a cursor, in the order in which they entered the feed: no gap, and none twice."""
    query = FeedQuery(_readable(request, _types(types)), ticket_id)
    is_stream = "text/event-stream" in request.headers.get("accept", "")
    if is_stream and last_event_id is not None:
        after = last_event_id
    position = await end_of_feed(state.database) if after == LATEST else int(after or 0)
    if is_stream:
        return await state.feed_streams.stream(StreamedFeed(query, position, lambda: _may_read(request, state)))
    return _answer(await _page(state, query, position, limit, wait))


async def _page(state: State, query: FeedQuery, position: int, limit: int, wait: int) -> FeedPage:
    """Returns the next page; waits for one with an event in it, but not while the process is to stop."""
    clock = asyncio.get_running_loop()
    until = clock.time() + wait
    page = await read_page(state.database, query, position, limit)
    while not page.events and (left := until - clock.time()) > 0:
        await state.feed_signal.wait_beyond(page.position, left)
        page = await read_page(state.database, query, page.position, limit)
        if state.feed_signal.is_stopping:
            break
    return page


async def _may_read(request: Request, state: State) -> bool:
    """Whether the token that opened a stream is still valid; what operators open stays open."""
    text = request.headers.get("authorization", "").partition(" ")[2].strip()
    return not text.startswith(f"{EVENT_TOKEN}_") or await find_token(state.database, text) is not None


def _readable(request: Request, types: frozenset[str]) -> frozenset[str]:
    """Raises Problem 403 if a program names notes without the scope for them."""
    notes = types & {event.type() for event in WHEN_NAMED}
    if notes and EventScope.NOTES not in request.state.scopes:
        raise Problem(403, "not_permitted", "reading notes needs the scope notes")
    return types


def _types(given: list[str] | None) -> frozenset[str]:
    named = [name for text in given or () for name in text.split(",") if name.strip()]
    try:
        return types_of_all(known_patterns(named)) if named else types_of_all([EVERYTHING])
    except ValueError as error:
        raise Problem(422, "invalid_input", str(error), errors=[{"parameter": "types", "detail": str(error)}]) from None


def _answer(page: FeedPage) -> Response:
    """The envelopes go out as they are stored."""
    items = ",".join(event.envelope for event in page.events)
    body = f'{{"items":[{items}],"next_cursor":"{page.position}"}}'
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
