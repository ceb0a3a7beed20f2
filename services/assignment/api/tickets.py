"""Reading tickets."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import AfterValidator

from services.assignment.deps import SignedIn, State, TicketReference
from services.assignment.queries.lists import Filters, QueueView, Sort, TimeSpan, list_tickets
from services.assignment.queries.saved_views import filters_of, get_saved_view, over
from services.assignment.queries.ticket_page.conversation import list_entries, list_events
from services.assignment.queries.ticket_page.merged_tickets import get_sources
from services.assignment.queries.ticket_page.team_targets import with_team_target
from services.assignment.queries.ticket_page.tickets import get_ticket, get_view
from services.assignment.queries.time_travel.instants import AsOf, check_existed
from services.assignment.queries.time_travel.snapshots import get_past_view
from services.assignment.schemas.conversation import EntryView, EventView
from services.assignment.schemas.explanations import SlaExplained
from services.assignment.schemas.tickets import TicketPage, TicketView
from services.assignment.sla_analysis.explanations import get_explanation
from shared.contracts.vocabulary import Channel, Priority, Status
from shared.kit.clock import utc_now
from shared.kit.http.etags import etag_of
from shared.kit.http.paging import Cursor, Limit, Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/tickets", tags=["tickets"], route_class=StrictJsonRoute)


def _plain(text: str | None) -> str | None:
    if text is not None and not text.isprintable():
        raise ValueError("must not contain control characters")
    return text


SEARCH = (
    'Words, `"phrases"`, beginnings `pay*` and exclusions `-test` in number, subject, requester, messages, notes and'
    " tags; and `is:open team: assignee: priority: topic: tag: channel: due:<2h from: parent:`"
)
Word = Annotated[str | None, Query(max_length=254), AfterValidator(_plain)]


async def get_filters(  # noqa: PLR0913 - one parameter for each filter
    context: State,
    caller: SignedIn,
    view: Annotated[QueueView | UUID, Query(description="One of the five, or the id of a saved view")] = QueueView.ALL,
    status: Annotated[list[Status], Query(description="May be repeated")] = [],  # noqa: B006 - FastAPI copies it
    team: Annotated[Word, Query(description="Id or slug")] = None,
    assignee: Annotated[Word, Query(description="Id, e-mail address, `me` or `none`")] = None,
    priority: Annotated[list[Priority], Query(description="May be repeated")] = [],  # noqa: B006
    topic: Annotated[Word, Query(description="Id or slug")] = None,
    tag: Word = None,
    q: Annotated[Word, Query(description=SEARCH)] = None,
    channel: Annotated[Channel | None, Query(description="How it came in")] = None,
    due: Annotated[Word, Query(description="`<2h`, `>3d`, `overdue`, `today` or `none`")] = None,
) -> Filters:
    """The filters of a list."""
    came_by = channel.value if channel else None
    own = Filters(QueueView.ALL, tuple(status), team, assignee, tuple(priority), topic, tag, q, came_by, due)
    if isinstance(view, QueueView):
        return replace(own, view=view)
    async with context.database.begin() as session:
        return over(filters_of(await get_saved_view(session, caller, view)), own)


@router.get("", summary="List tickets", response_model=TicketPage)
async def get_tickets(
    context: State,
    caller: SignedIn,
    filters: Annotated[Filters, Depends(get_filters)],
    sort: Sort = Sort.UPDATED_LAST,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_of: AsOf = None,
) -> Response:
    """The tickets you may see, narrowed and in order; with `as_of` as they were, by status, people and clocks of then.

    A page that is searched or filtered may hold fewer than asked for and still have a next one. Words, tags and topics
    are those of now.
    """
    reading = context.database.begin if filters.q else context.database.single_session
    async with reading() as session:  # a search sets something for its transaction; other lists need none
        page = await list_tickets(session, caller, filters, sort, TimeSpan(limit, cursor, utc_now(), as_of))
    return Response(page.model_dump_json(), media_type="application/json")


@router.get("/{ticket}", summary="One ticket")
async def get_one(
    response: Response, context: State, caller: SignedIn, ticket: TicketReference, as_of: AsOf = None
) -> TicketView:
    """The ticket as it now is, with its clocks and what you may do; with `as_of` as it was, without actions."""
    async with context.database.begin() as session:
        if as_of is not None:
            return await with_team_target(session, await get_past_view(session, caller, ticket, as_of), as_of)
        now = utc_now()
        view = await with_team_target(session, await get_view(session, caller, ticket, now), now)
    response.headers["ETag"] = etag_of(view.revision)
    return view


@router.get("/{ticket}/messages", summary="Messages and notes")
async def get_messages(
    context: State,
    caller: SignedIn,
    ticket: TicketReference,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_of: AsOf = None,
) -> Page[EntryView]:
    """The conversation and the notes among agents, oldest first; with `as_of` as they read then."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        if as_of is not None:
            check_existed(found.ticket.created_at, as_of)
        sources = await get_sources(session, found.ticket.id, as_of)
        return await list_entries(
            session, context.file_links, found.ticket.id, limit, cursor, as_of=as_of, sources=sources
        )


@router.get("/{ticket}/timeline", summary="What happened")
async def get_timeline(
    context: State,
    caller: SignedIn,
    ticket: TicketReference,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_of: AsOf = None,
) -> Page[EventView]:
    """The append-only event log of the ticket, routing evidence included, oldest first; with `as_of` up to then."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        if as_of is not None:
            check_existed(found.ticket.created_at, as_of)
        sources = await get_sources(session, found.ticket.id, as_of)
        return await list_events(session, found.ticket.id, limit, cursor, as_of=as_of, sources=sources, reader=caller)


@router.get("/{ticket}/sla", summary="Why its promises stand as they do")
async def get_sla(context: State, caller: SignedIn, ticket: TicketReference) -> SlaExplained:
    """Per clock: what counted and what did not, who held the time, and what would have met it."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        return await get_explanation(await session.connection(), found.ticket.id, found.ticket.number, utc_now())
