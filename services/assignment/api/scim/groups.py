"""SCIM routes of groups."""

from fastapi import Response

from services.assignment.access.scim.groups import create_group, delete_group, patch_group, replace_group
from services.assignment.access.scim.resources import Projection, list_response
from services.assignment.access.scim.store import ListRequest, get_group, list_groups
from services.assignment.api.scim.protocol import (
    Asked,
    Body,
    Directory,
    ListAsked,
    ScimRoute,
    scim_response,
    search_request,
)
from services.assignment.app_state import AppState
from services.assignment.deps import State
from shared.kit.http.routers import HttpRouter

router = HttpRouter(prefix="/Groups", route_class=ScimRoute)


@router.get("")
async def get_groups(context: State, _: Directory, asked: Asked, page: ListAsked) -> Response:
    """A page of groups, filtered."""
    return await _list(context, asked.projection, page)


@router.post("/.search")
async def search_groups(context: State, _: Directory, asked: Asked, body: Body) -> Response:
    """The same, for filters that are too long or too private for an address."""
    page, projection = search_request(asked.base, body)
    return await _list(context, projection, page)


@router.post("")
async def post_group(context: State, by: Directory, asked: Asked, body: Body) -> Response:
    """Adds a group."""
    return asked.answer((await create_group(context, by, body)).resource(asked.base), 201)


@router.get("/{scim_id}")
async def get_one_group(context: State, _: Directory, asked: Asked, scim_id: str) -> Response:
    """One group."""
    async with context.database.begin() as session:
        record = await get_group(session, scim_id)
    return asked.answer(record.resource(asked.base))


@router.put("/{scim_id}")
async def put_group(context: State, by: Directory, asked: Asked, scim_id: str, body: Body) -> Response:
    """Makes a group what the body says."""
    return asked.answer((await replace_group(context, by, scim_id, body, asked.if_match)).resource(asked.base))


@router.patch("/{scim_id}")
async def patch_one_group(context: State, by: Directory, asked: Asked, scim_id: str, body: Body) -> Response:
    """Carries operations out on a group."""
    return asked.answer((await patch_group(context, by, scim_id, body, asked.if_match)).resource(asked.base))


@router.delete("/{scim_id}")
async def delete_one_group(context: State, by: Directory, asked: Asked, scim_id: str) -> Response:
    """Removes a group."""
    await delete_group(context, by, scim_id, asked.if_match)
    return Response(status_code=204)


async def _list(context: AppState, projection: Projection, page: ListRequest) -> Response:
    async with context.database.begin() as session:
        total, records = await list_groups(session, page, with_members=not projection.leaves_out("members"))
    found = [projection.of(record.resource(page.base)) for record in records]
    return scim_response(list_response(found, total, page.start))
