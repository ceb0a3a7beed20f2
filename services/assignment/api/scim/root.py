"""SCIM routes across resource types: search of all, and unsupported endpoints."""

from fastapi import Response

from services.assignment.access.scim.errors import ScimRefusal, no_such
from services.assignment.access.scim.resources import GroupRecord, UserRecord, list_response
from services.assignment.access.scim.store import ListRequest, list_groups, list_users
from services.assignment.api.scim.protocol import Asked, Body, Directory, ScimRoute, scim_response, search_request
from services.assignment.deps import State
from shared.kit.http.routers import HttpRouter

router = HttpRouter(route_class=ScimRoute)
UNSUPPORTED = ("Me", "Bulk")
KNOWN = ("Users", "Groups", "ServiceProviderConfig", "ResourceTypes", "Schemas")


@router.post("/.search")
async def search_everything(context: State, _: Directory, asked: Asked, body: Body) -> Response:
    """Users and groups together, users first."""
    page, projection = search_request(asked.base, body)
    async with context.database.begin() as session:
        total, users = await list_users(session, page)
        rest = ListRequest(page.condition, max(1, page.start - total), page.count - len(users), page.base)
        more, groups = await list_groups(session, rest, with_members=not projection.leaves_out("members"))
    records: list[UserRecord | GroupRecord] = [*users, *groups]
    found = [projection.of(record.resource(page.base)) for record in records]
    return scim_response(list_response(found, total + more, page.start))


@router.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def answer_the_rest(_: Directory, rest: str) -> None:
    """Refuses anything else in SCIM's own words: another method at a known place, or no place at all."""
    if rest.split("/")[0] in UNSUPPORTED:
        raise ScimRefusal(501, "this part of SCIM is not supported; see ServiceProviderConfig")
    if rest.split("/")[0] in KNOWN:
        raise ScimRefusal(405, "this cannot be done here")
    raise no_such("resource")
