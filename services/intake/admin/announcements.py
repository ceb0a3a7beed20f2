"""Administration of announcements."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.intake.admin.administrators import Admin, By
from services.intake.admin.idempotent_commands import KeyedCall, run_once
from services.intake.admin.schemas import AnnouncementInput, AnnouncementView
from services.intake.api.route import ApiRoute
from services.intake.commands.announcements import (
    create_announcement,
    delete_announcement,
    get_announcement,
    replace_announcement,
)
from services.intake.deps import State
from services.intake.queries.announcements import list_announcements
from services.intake.schemas import PageRequest
from shared.contracts.vocabulary import BodyFormat
from shared.kit.configuration_changes import record_change
from shared.kit.db import Session
from shared.kit.http.body_check import check_body
from shared.kit.http.idempotent_commands import CreatedResource
from shared.kit.http.paging import Page

router = APIRouter(prefix="/v1/admin/announcements", route_class=ApiRoute, tags=["announcements"])


@router.get("")
async def list_all(_: Admin, page: Annotated[PageRequest, Query()], state: State) -> Page[AnnouncementView]:
    """All announcements, past and coming ones too, the latest start first."""
    async with state.database.begin() as session:
        announcements, next_cursor = await list_announcements(session, page.limit, page.cursor)
    return Page(items=[AnnouncementView.of(one) for one in announcements], next_cursor=next_cursor)


@router.post("", status_code=HTTP_201_CREATED, response_model=AnnouncementView)
async def create(by: By, call: KeyedCall, state: State, request: AnnouncementInput) -> Response:
    """Put an announcement up."""
    await check_body(state.renderer, request.body, BodyFormat.MARKDOWN)

    async def make(session: Session) -> CreatedResource:
        made = AnnouncementView.of(await create_announcement(session, request.content()))
        await record_change(session, by, _subject(made), None, made)
        return CreatedResource(made)

    return await run_once(state, call, HTTP_201_CREATED, make)


@router.get("/{announcement_id}")
async def read(_: Admin, state: State, announcement_id: UUID) -> AnnouncementView:
    """One announcement."""
    async with state.database.begin() as session:
        return AnnouncementView.of(await get_announcement(session, announcement_id))


@router.put("/{announcement_id}")
async def replace(by: By, state: State, announcement_id: UUID, request: AnnouncementInput) -> AnnouncementView:
    """Say it anew."""
    await check_body(state.renderer, request.body, BodyFormat.MARKDOWN)
    async with state.database.begin() as session:
        before = AnnouncementView.of(await get_announcement(session, announcement_id))
        after = AnnouncementView.of(await replace_announcement(session, announcement_id, request.content()))
        await record_change(session, by, _subject(after), before, after)
        return after


@router.delete("/{announcement_id}", status_code=HTTP_204_NO_CONTENT)
async def delete(by: By, state: State, announcement_id: UUID) -> None:
    """Take it down for good."""
    async with state.database.begin() as session:
        before = AnnouncementView.of(await get_announcement(session, announcement_id))
        await delete_announcement(session, announcement_id)
        await record_change(session, by, _subject(before), before, None)


def _subject(view: AnnouncementView) -> tuple[str, str, str]:
    return "announcement", str(view.id), view.title
