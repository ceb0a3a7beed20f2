"""SCIM discovery routes (RFC 7644, section 4)."""

from fastapi import Request, Response

from services.assignment.access.scim.discovery import RESOURCE_TYPES, SCHEMAS, configuration, located
from services.assignment.access.scim.documents import Json
from services.assignment.access.scim.errors import ScimRefusal, no_such
from services.assignment.access.scim.resources import list_response
from services.assignment.api.scim.protocol import MAX_COUNT, Asked, Directory, ScimRoute, scim_response
from shared.kit.http.routers import HttpRouter

router = HttpRouter(route_class=ScimRoute)


@router.get("/ServiceProviderConfig")
async def get_configuration(_: Directory, asked: Asked) -> Response:
    """Which parts of SCIM are there."""
    return scim_response(configuration(asked.base, MAX_COUNT))


@router.get("/ResourceTypes")
async def get_resource_types(request: Request, _: Directory, asked: Asked) -> Response:
    """Users and groups."""
    return _listed(request, [located(one, asked.base, "ResourceTypes") for one in RESOURCE_TYPES])


@router.get("/ResourceTypes/{name}")
async def get_resource_type(_: Directory, asked: Asked, name: str) -> Response:
    """One of them."""
    return _one([located(one, asked.base, "ResourceTypes") for one in RESOURCE_TYPES], name, "resource type")


@router.get("/Schemas")
async def get_schemas(request: Request, _: Directory, asked: Asked) -> Response:
    """Every attribute that is kept."""
    return _listed(request, [located(one, asked.base, "Schemas") for one in SCHEMAS])


@router.get("/Schemas/{name}")
async def get_schema(_: Directory, asked: Asked, name: str) -> Response:
    """The attributes of one schema."""
    return _one([located(one, asked.base, "Schemas") for one in SCHEMAS], name, "schema")


def _listed(request: Request, found: list[Json]) -> Response:
    """All of them at once. RFC 7644 wants a filter refused."""
    if "filter" in request.query_params:
        raise ScimRefusal(403, "this list takes no filter")
    return scim_response(list_response(found, len(found), 1))


def _one(found: list[Json], name: str, what: str) -> Response:
    for one in found:
        if one["id"] == name:
            return scim_response(one)
    raise no_such(what)
