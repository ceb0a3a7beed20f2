"""A ticket's life as it goes on, for programs that do not want to ask again and again."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.intake.access.api_key_cache import KnownKey
from services.intake.api.authentication import Reader, sent_key
from services.intake.api.route import ApiRoute
from services.intake.app_state import AppState
from services.intake.deps import State
from services.intake.live import Streaming, StreamReader
from services.intake.live.event_streams import DESCRIPTION, EventId, LastEventId
from services.intake.queries.tickets import get_ticket

router = APIRouter(prefix="/v1", route_class=ApiRoute, tags=["tickets"])


@router.get("/tickets/{ticket_id}/events", status_code=200, response_class=Streaming, responses=DESCRIPTION)
async def follow(
    request: Request,
    ticket_id: UUID,
    key: Reader,
    state: State,
    last_event_id: LastEventId = None,
    after: EventId = 0,
) -> Response:
    """What happens on the ticket, as server-sent events: first what you have not seen, then what is new, as it comes.

    Ids rise. Reconnect with `Last-Event-ID`, as browsers do by themselves, and you miss nothing. The stream ends after
    some minutes, so that access is checked again, and for good (204) once the ticket is archived.
    """
    async with state.database.begin() as session:
        await get_ticket(session, ticket_id, key.key_id)
    after = after if last_event_id is None else last_event_id
    caller = StreamReader(f"key:{key.key_id}", state.settings.streams_per_key, partial(_may_read, state, request, key))
    return await state.event_streams.stream(ticket_id, after, caller)


async def _may_read(state: AppState, request: Request, key: KnownKey) -> bool:
    """Whether the key still works: it may have been revoked since the stream began."""
    known = await state.keys.find(sent_key(request))
    return known is not None and known.key_id == key.key_id
