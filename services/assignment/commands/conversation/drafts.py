"""Drafts of replies and notes, stored per agent and ticket."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.app_state import AppState
from services.assignment.models import ComposerDraft
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.composing import DraftInput, DraftKind, DraftView
from shared.contracts.vocabulary import Permission
from shared.kit.clock import utc_now
from shared.kit.db import Session

NEEDED: dict[DraftKind, Permission] = {"reply": Permission.TICKET_REPLY, "note": Permission.TICKET_NOTE}
KEPT = timedelta(days=60)
"""How long a draft waits for its writer to come back."""


@dataclass(frozen=True, slots=True)
class DraftOwner:
    """Whose draft on which ticket."""

    agent_id: UUID
    ticket_id: UUID


async def save_draft(context: AppState, caller: Caller, reference: str, draft: DraftInput) -> DraftView:
    """Keeps it in place of the one before. Raises Problem 404 and 403."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, reference)
        found.require(NEEDED[draft.kind])
        owner = DraftOwner(caller.agent_id, found.ticket.id)
        if not draft.body.strip() and not draft.attachments:
            await forget_draft(session, owner, draft.kind)
            return DraftView(kind=draft.kind)
        now = utc_now()
        await put_draft(session, owner, draft, now)
    return DraftView(**dict(draft), updated_at=now)


async def put_draft(session: Session, owner: DraftOwner, draft: DraftInput, now: datetime, remark: str = "") -> None:
    """Writes it over whatever was there."""
    values = {
        "body": draft.body,
        "body_format": draft.body_format.value,
        "attachments": [str(one) for one in draft.attachments],
        "remark": remark,
        "updated_at": now,
    }
    new = insert(ComposerDraft).values(agent_id=owner.agent_id, ticket_id=owner.ticket_id, kind=draft.kind, **values)
    await session.execute(new.on_conflict_do_update(index_elements=["agent_id", "ticket_id", "kind"], set_=values))


async def forget_draft(session: Session, owner: DraftOwner, kind: DraftKind) -> None:
    """It was sent, or emptied."""
    draft = ComposerDraft
    await session.execute(
        delete(draft).where(draft.agent_id == owner.agent_id, draft.ticket_id == owner.ticket_id, draft.kind == kind)
    )


async def find_drafts(session: Session, owner: DraftOwner) -> dict[str, DraftView]:
    """An agent's drafts on a ticket, by their kind."""
    draft = ComposerDraft
    rows = await session.scalars(
        select(draft).where(draft.agent_id == owner.agent_id, draft.ticket_id == owner.ticket_id)
    )
    return {row.kind: _view(row) for row in rows}


async def forget_old_drafts(session: Session) -> None:
    """Deletes what nobody has come back to."""
    await session.execute(delete(ComposerDraft).where(ComposerDraft.updated_at < utc_now() - KEPT))


def _view(row: ComposerDraft) -> DraftView:
    return DraftView.model_validate(
        {
            "kind": row.kind,
            "body": row.body,
            "body_format": row.body_format,
            "attachments": row.attachments,
            "remark": row.remark,
            "updated_at": row.updated_at,
        }
    )
