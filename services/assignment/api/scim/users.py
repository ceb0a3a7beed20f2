"""SCIM routes of users."""

from fastapi import Response

from services.assignment.access.scim.resources import Projection, list_response
from services.assignment.access.scim.store import ListRequest, get_user, list_users
from services.assignment.access.scim.users import create_user, delete_user, patch_user, replace_user
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

router = HttpRouter(prefix="/Users", route_class=ScimRoute)


@router.get("")
async def get_users(context: State, _: Directory, asked: Asked, page: ListAsked) -> Response:
    """A page of users, filtered."""
    return await _list(context, asked.projection, page)


@router.post("/.search")
async def search_users(context: State, _: Directory, asked: Asked, body: Body) -> Response:
    """The same, for filters that are too long or too private for an address."""
    page, projection = search_request(asked.base, body)
    return await _list(context, projection, page)


@router.post("")
async def post_user(context: State, by: Directory, asked: Asked, body: Body) -> Response:
    """Adds a user."""
    return asked.answer((await create_user(context, by, body)).resource(asked.base), 201)


@router.get("/{scim_id}")
async def get_one_user(context: State, _: Directory, asked: Asked, scim_id: str) -> Response:
    """One user."""
    async with context.database.begin() as session:
        record = await get_user(session, scim_id)
    return asked.answer(record.resource(asked.base))


@router.put("/{scim_id}")
async def put_user(context: State, by: Directory, asked: Asked, scim_id: str, body: Body) -> Response:
    """Makes a user what the body says."""
    return asked.answer((await replace_user(context, by, scim_id, body, asked.if_match)).resource(asked.base))


@router.patch("/{scim_id}")
async def patch_one_user(context: State, by: Directory, asked: Asked, scim_id: str, body: Body) -> Response:
    """Carries operations out on a user."""
    return asked.answer((await patch_user(context, by, scim_id, body, asked.if_match)).resource(asked.base))


@router.delete("/{scim_id}")
async def delete_one_user(context: State, by: Directory, asked: Asked, scim_id: str) -> Response:
    """Removes a user."""
    await delete_user(context, by, scim_id, asked.if_match)
    return Response(status_code=204)


async def _list(context: AppState, projection: Projection, page: ListRequest) -> Response:
    async with context.database.begin() as session:
        total, records = await list_users(session, page)
    found = [projection.of(record.resource(page.base)) for record in records]
    return scim_response(list_response(found, total, page.start))
