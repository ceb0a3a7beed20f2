"""Routes of major incidents: declare one, attach children in bulk, tell all requesters, resolve the children."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Body, Query, Response
from pydantic import BaseModel
from starlette.status import HTTP_201_CREATED, HTTP_202_ACCEPTED, HTTP_204_NO_CONTENT

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import Keyed, create
from services.assignment.commands.tickets.incidents import declare_incident, end_incident
from services.assignment.deps import KeyedCall, SignedIn, State, TicketCall, TicketReference
from services.assignment.desk_jobs import incident_jobs
from services.assignment.queries.ticket_page.incidents import get_incident, list_children, list_incidents
from services.assignment.queries.ticket_page.similar_tickets import list_similar
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.actions import ActionInput
from services.assignment.schemas.desk import BulkView
from services.assignment.schemas.incidents import (
    ChildrenInput,
    ChildrenShown,
    ChildView,
    IncidentInput,
    IncidentJobView,
    IncidentSummary,
    IncidentUpdateInput,
    IncidentView,
    SimilarTicketView,
)
from shared.kit.db import Session
from shared.kit.http.paging import Cursor, Limit, Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(tags=["major incidents"], route_class=StrictJsonRoute)
Shown = Annotated[ChildrenShown, Query(description="`reopened`: open again after they had been resolved or closed")]
NOTHING = ActionInput()
UNTITLED = IncidentInput()


@router.get("/incidents", summary="Open major incidents")
async def get_incidents(context: State, caller: SignedIn) -> Page[IncidentSummary]:
    """Those you may see, newest first."""
    async with context.database.begin() as session:
        return Page(items=await list_incidents(session, caller))


@router.get("/tickets/{ticket}/incident", summary="The major incident that a ticket is")
async def get_one_incident(context: State, caller: SignedIn, ticket: TicketReference) -> IncidentView:
    """With its children counted; 404 for a ticket that is none."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        return await get_incident(session, caller, found.ticket)


@router.post("/tickets/{ticket}/incident", status_code=HTTP_201_CREATED, summary="Declare a major incident")
async def post_incident(
    context: State, call: TicketCall, body: Annotated[IncidentInput, Body()] = UNTITLED
) -> IncidentView:
    """Needs `ticket.edit`. Doing it again changes nothing but the public title, if one is given."""
    return await declare_incident(context, call.caller, call.reference, body)


@router.delete("/tickets/{ticket}/incident", status_code=HTTP_204_NO_CONTENT, summary="End a major incident")
async def delete_incident(context: State, caller: SignedIn, ticket: TicketReference) -> None:
    """It is an ordinary ticket again. Its children stay linked."""
    await end_incident(context, caller, ticket)


@router.get("/tickets/{ticket}/children", summary="The children of a major incident")
async def get_children(
    context: State,
    caller: SignedIn,
    ticket: TicketReference,
    show: Shown = ChildrenShown.ALL,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ChildView]:
    """Those you may see, newest first."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        return await list_children(session, caller, found.ticket.id, show, limit, cursor)


@router.get("/tickets/{ticket}/children/suggestions", summary="Tickets that may belong to a major incident")
async def get_suggestions(
    context: State, caller: SignedIn, ticket: TicketReference, limit: Limit = 50
) -> Page[SimilarTicketView]:
    """Open ones without a parent since a day before it was opened, the likest first."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        return Page(items=await list_similar(session, caller, found.ticket, limit))


@router.post(
    "/tickets/{ticket}/children",
    response_model=BulkView,
    status_code=HTTP_202_ACCEPTED,
    summary="Attach tickets to a major incident",
)
async def post_children(context: State, call: KeyedCall, ticket: TicketReference, body: ChildrenInput) -> Response:
    """In the background, with a result for each. Needs `ticket.edit` on both; `/detach` undoes it."""
    return await _start(
        context, call, lambda session: incident_jobs.attach_children(session, call.caller, ticket, body)
    )


@router.post(
    "/tickets/{ticket}/children/detach",
    response_model=BulkView,
    status_code=HTTP_202_ACCEPTED,
    summary="Detach tickets from a major incident",
)
async def post_detach(context: State, call: KeyedCall, ticket: TicketReference, body: ChildrenInput) -> Response:
    """In the background, with a result for each. Needs `ticket.edit` on both."""
    return await _start(
        context, call, lambda session: incident_jobs.detach_children(session, call.caller, ticket, body)
    )


@router.post(
    "/tickets/{ticket}/children/resolve",
    response_model=BulkView,
    status_code=HTTP_202_ACCEPTED,
    summary="Resolve the children of a major incident",
)
async def post_resolve_children(
    context: State, call: KeyedCall, ticket: TicketReference, body: Annotated[ActionInput, Body()] = NOTHING
) -> Response:
    """Each as its agent would, with its own clocks. What cannot be resolved is a result with its reason. Needs
    `ticket.resolve` on each and on the incident.
    """
    return await _start(
        context, call, lambda session: incident_jobs.resolve_children(session, call.caller, ticket, body)
    )


@router.post(
    "/tickets/{ticket}/updates",
    response_model=BulkView,
    status_code=HTTP_202_ACCEPTED,
    summary="Tell every child's requester",
)
async def post_update(context: State, call: KeyedCall, ticket: TicketReference, body: IncidentUpdateInput) -> Response:
    """A public reply on each child that is not closed, once however often the service dies. Needs `ticket.reply` on
    each and on the incident.
    """
    await incident_jobs.check_update(context, body)
    return await _start(
        context, call, lambda session: incident_jobs.tell_requesters(session, call.caller, ticket, body)
    )


@router.get("/tickets/{ticket}/incident/jobs", summary="What was done to the children")
async def get_incident_jobs(context: State, caller: SignedIn, ticket: TicketReference) -> Page[IncidentJobView]:
    """The newest first, whoever asked for them, and how far each has come."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        return Page(items=await incident_jobs.list_incident_jobs(session, caller, found.ticket.id))


@router.get("/tickets/{ticket}/incident/jobs/{job_id}", summary="How far an action on the children has come")
async def get_one_incident_job(
    context: State,
    caller: SignedIn,
    ticket: TicketReference,
    job_id: UUID,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> IncidentJobView:
    """With the result of each child; the number of one you may not see is null."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        return await incident_jobs.get_incident_job(session, caller, (found.ticket.id, job_id), limit, cursor)


async def _start(context: AppState, call: Keyed, make: Callable[[Session], Awaitable[BaseModel]]) -> Response:
    response = await create(context, call, make, HTTP_202_ACCEPTED)
    context.bulk_jobs.wake()
    return response
