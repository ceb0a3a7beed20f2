"""Routes of organisations: their domains and SLA policy."""

from uuid import UUID

from fastapi import Response
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.assignment.commands.configuration.administration import create
from services.assignment.commands.requesters.organisations import (
    change_organisation,
    create_organisation,
    delete_organisation,
)
from services.assignment.deps import KeyedCall, SignedIn, SlaAdmin, State
from services.assignment.queries.people.organisation_members import list_members, list_organisation_tickets
from services.assignment.queries.people.organisations import get_organisation, list_organisations
from services.assignment.schemas.organisations import OrganisationInput, OrganisationPatch, OrganisationView
from services.assignment.schemas.requesters import OrganisationMember, RequesterTicket
from shared.kit.http.paging import Cursor, Limit, Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/organisations", tags=["organisations"], route_class=StrictJsonRoute)


@router.get("", summary="List organisations")
async def get_organisations(context: State, _: SignedIn) -> Page[OrganisationView]:
    """By name."""
    async with context.database.begin() as session:
        return Page(items=await list_organisations(session))


@router.post("", response_model=OrganisationView, status_code=HTTP_201_CREATED, summary="Add an organisation")
async def post_organisation(context: State, _: SlaAdmin, call: KeyedCall, body: OrganisationInput) -> Response:
    """A domain belongs to one organisation at most; of several that fit an address the longest counts."""
    return await create(context, call, lambda session: create_organisation(session, body))


@router.get("/{organisation_id}", summary="One organisation")
async def get_one(context: State, _: SignedIn, organisation_id: UUID) -> OrganisationView:
    """An organisation."""
    async with context.database.begin() as session:
        return await get_organisation(session, organisation_id)


@router.patch("/{organisation_id}", summary="Change an organisation")
async def patch_organisation(
    context: State, caller: SlaAdmin, organisation_id: UUID, body: OrganisationPatch
) -> OrganisationView:
    """For tickets to come."""
    return await change_organisation(context, caller, organisation_id, body)


@router.delete("/{organisation_id}", status_code=HTTP_204_NO_CONTENT, summary="Remove an organisation")
async def remove_organisation(context: State, caller: SlaAdmin, organisation_id: UUID) -> None:
    """Its tickets keep their policy."""
    await delete_organisation(context, caller, organisation_id)


@router.get("/{organisation_id}/requesters", summary="People of an organisation")
async def get_members(
    context: State, caller: SignedIn, organisation_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> Page[OrganisationMember]:
    """Those whom you may see: managers first, then by name."""
    async with context.database.begin() as session:
        await get_organisation(session, organisation_id)
        return await list_members(session, caller, organisation_id, limit, cursor)


@router.get("/{organisation_id}/tickets", summary="Tickets of an organisation")
async def get_tickets(
    context: State, caller: SignedIn, organisation_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> Page[RequesterTicket]:
    """Those of its people that you may see, newest first."""
    async with context.database.begin() as session:
        await get_organisation(session, organisation_id)
        return await list_organisation_tickets(session, caller, organisation_id, limit, cursor)
