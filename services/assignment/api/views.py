"""Routes of saved views and of an agent's desk settings."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.assignment.commands.configuration.administration import create
from services.assignment.commands.configuration.saved_views import change_view, delete_view, save_view, set_preferences
from services.assignment.deps import KeyedCall, SignedIn, State
from services.assignment.queries.saved_views import get_preferences, list_views
from services.assignment.queries.ticket_lists.suggestions import suggest
from services.assignment.schemas.desk import (
    PreferencesInput,
    PreferencesView,
    SavedViewInput,
    SavedViewPatch,
    ViewAnswer,
)
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.paging import Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(tags=["views"], route_class=StrictJsonRoute)


@router.get("/search/suggestions", summary="How a search could go on")
async def get_suggestions(
    context: State, caller: SignedIn, q: Annotated[str, Query(max_length=254, description="As typed so far")] = ""
) -> Page[str]:
    """The whole search with its last word completed: the filters there are, and the names that some of them take."""
    async with context.database.begin() as session:
        return Page(items=await suggest(session, caller, q))


@router.get("/views", summary="Your views of the queue")
async def get_views(context: State, caller: SignedIn) -> Page[ViewAnswer]:
    """Those that everybody has, then the saved ones that you may use, each with its count."""
    async with context.database.begin() as session:
        return Page(items=await list_views(session, caller, utc_now()))


@router.post("/views", response_model=ViewAnswer, status_code=HTTP_201_CREATED, summary="Save a view")
async def post_view(context: State, call: KeyedCall, body: SavedViewInput) -> Response:
    """Filters, columns and order under a name: your own, your team's, or, by who administers teams, everybody's."""

    async def make(session: Session) -> ViewAnswer:
        return await save_view(session, call.caller, body)

    return await create(context, call, make)


@router.patch("/views/{view_id}", summary="Change a saved view")
async def patch_view(context: State, caller: SignedIn, view_id: UUID, body: SavedViewPatch) -> ViewAnswer:
    """What is left out stays as it is."""
    async with context.database.begin() as session:
        return await change_view(session, caller, view_id, body)


@router.delete("/views/{view_id}", status_code=HTTP_204_NO_CONTENT, summary="Delete a saved view")
async def remove_view(context: State, caller: SignedIn, view_id: UUID) -> None:
    """For everybody who had it."""
    async with context.database.begin() as session:
        await delete_view(session, caller, view_id)


@router.get("/me/desk", summary="How the desk is shown to you")
async def get_desk_preferences(context: State, caller: SignedIn) -> PreferencesView:
    """Density, time zone and reading pane."""
    async with context.database.begin() as session:
        return await get_preferences(session, caller)


@router.put("/me/desk", summary="Say how the desk is shown to you")
async def put_desk_preferences(context: State, caller: SignedIn, body: PreferencesInput) -> PreferencesView:
    """Counts from the next page on."""
    async with context.database.begin() as session:
        return await set_preferences(session, caller, body)
