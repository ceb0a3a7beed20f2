"""The in-app inbox of an agent."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from services.notification.api.deliveries import position_in
from services.notification.api.recipients import TheAgent
from services.notification.deps import State
from services.notification.recipients.inbox_entries import count_unread, list_entries, mark_read
from shared.contracts.described_models import DescribedModel
from shared.kit.http.inputs import Flag, Input
from shared.kit.http.paging import Cursor, Limit, Page, encode_cursor
from shared.kit.http.routers import HttpRouter

router = HttpRouter(prefix="/inbox", tags=["inbox"])


class InboxEntryView(DescribedModel):
    """One notification of an agent."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    ticket_id: UUID
    is_in_sight: bool
    """Whether the agent may see the ticket now; while they may not, the entry says neither number nor subject."""
    number: str | None
    subject: str | None
    """Null after an erasure as well."""
    template: str
    """What happened; see `/v1/templates`."""
    audience: str | None
    """Why the agent is told."""
    facts: dict[str, Any]
    created_at: datetime
    read_at: datetime | None


class InboxPage(Page[InboxEntryView]):
    """A page of the inbox, with the number of unread entries (100 stands for 100 or more)."""

    unread: int


class UnreadView(BaseModel):
    """How many entries are unread; 100 stands for 100 or more."""

    unread: int


class ReadInput(Input):
    """Which entries are marked; null: all."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ids": None, "read": True}]})

    ids: Annotated[list[UUID], Field(max_length=200)] | None = None
    read: Flag = True


@router.get("")
async def read_inbox(
    state: State,
    agent_id: TheAgent,
    *,
    unread: Annotated[bool, Query(description="Only what was not read yet")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> InboxPage:
    """Lists an agent's entries, newest first."""
    async with state.database.begin() as session:
        found = await list_entries(session, agent_id, position_in(cursor), limit + 1, only_unread=unread)
        count = await count_unread(session, agent_id)
    page = found[:limit]
    more = encode_cursor(str(page[-1].id)) if len(found) > limit else None
    return InboxPage(items=[InboxEntryView.model_validate(row) for row in page], next_cursor=more, unread=count)


@router.get("/unread")
async def read_unread(state: State, agent_id: TheAgent) -> UnreadView:
    """Returns the number of unread entries."""
    async with state.database.begin() as session:
        return UnreadView(unread=await count_unread(session, agent_id))


@router.post("/read")
async def post_read(state: State, agent_id: TheAgent, body: ReadInput) -> UnreadView:
    """Marks entries as read or unread; returns how many are unread now."""
    async with state.database.begin() as session:
        await mark_read(session, agent_id, body.ids, is_read=body.read)
        return UnreadView(unread=await count_unread(session, agent_id))
