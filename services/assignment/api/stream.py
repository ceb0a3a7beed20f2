"""Route of the server-sent event stream of ticket changes."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials

from services.assignment.deps import BEARER, SignedIn, State, find_bearer
from services.assignment.live.change_streams import Watcher
from services.assignment.queries.access.callers import Caller
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(tags=["tickets"], route_class=StrictJsonRoute)
MAX_EVENT_ID = 2**63 - 1
LastEventId = Annotated[
    int | None,
    Header(alias="Last-Event-ID", ge=0, le=MAX_EVENT_ID, description="The last event you have: goes on after it"),
]
After = Annotated[int | None, Query(ge=0, le=MAX_EVENT_ID, description="The same, if you cannot set headers")]
EXAMPLE = (
    'id: 4711\nevent: ticket\ndata: {"id":4711,"kind":"ticket.assigned","ticket_id":"0197b3a1-7c1e-7a51-9d43-0f6f4b9f9a'
    '11","number":"100042","status":"open","revision":4}\n\n'
)
DESCRIBED = {
    "description": "Server-sent events: `id:`, `event:` (`ticket`, `gone` or `reset`) and, in JSON, `data:`.",
    "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLE}},
}


@router.get("/stream", summary="Watch tickets change", response_class=Response, responses={200: DESCRIBED})
async def get_stream(
    request: Request,
    context: State,
    caller: SignedIn,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
    ticket_id: Annotated[UUID | None, Query(description="Only this ticket's changes")] = None,
    after: After = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Every change of a ticket that you may see, as it happens, whichever process of the service holds the stream.

    `gone` says that a ticket has left your sight; `reset` that changes were missed and lists must be read anew. The
    stream ends when your session ends or your rights change: connect again with the last id.
    """
    token = credentials.credentials if credentials else ""

    async def find() -> Caller | None:
        return await find_bearer(request, context, token)

    begin = last_event_id if last_event_id is not None else after
    return context.streams.stream(Watcher(caller, find, begin, ticket_id))
