"""Files uploaded by agents: intake stores the bytes, this service the references until they are sent."""

from collections.abc import Container, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, func, select
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.status import HTTP_201_CREATED

from services.assignment.app_state import AppState
from services.assignment.errors import refuse_reader
from services.assignment.intake_client import IntakeAway
from services.assignment.models import AgentFile
from services.assignment.queries.access.callers import Caller
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import AttachmentRef, NoteFilesAttached
from shared.kit import outbox
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid

MARGIN = timedelta(minutes=15)
"""How long before intake clears a file away it cannot be attached any more."""
MOST_WAITING = 200
"""Files of one agent that wait to be attached."""


class StoredFile(BaseModel):
    """What intake answers of a file it has taken in."""

    model_config = ConfigDict(extra="ignore")

    id: UUID
    name: str
    media_type: str
    size: int
    expires_at: datetime


async def upload(context: AppState, caller: Caller, request: Request) -> Response:
    """Hands a file on to intake as it arrives, never held whole, and notes what it is; answers as intake does.

    Raises Problem 403 for an agent who may only read, 429 with too many files waiting, 503 while intake is away.
    """
    return await _upload(context, caller, context.intake.send_file(caller.agent_id, request))


async def _upload(context: AppState, caller: Caller, sending: Coroutine[Any, Any, tuple[int, bytes]]) -> Response:
    try:
        refuse_reader(caller.principal)
        await _check_room(context, caller)
        status, body = await sending
    except IntakeAway:
        raise Problem(
            503, "storage_unavailable", "files cannot be taken just now; try again", headers={"Retry-After": "5"}
        ) from None
    finally:
        sending.close()
    if status != HTTP_201_CREATED:
        return Response(body, status, media_type="application/problem+json")
    stored = StoredFile.model_validate_json(body)
    async with context.database.begin() as session:
        values = stored.model_dump() | {"agent_id": caller.agent_id, "expires_at": stored.expires_at - MARGIN}
        session.add(AgentFile(**values))
    return Response(body, status, media_type="application/json")


async def _check_room(context: AppState, caller: Caller) -> None:
    async with context.database.begin() as session:
        waiting = await session.scalar(
            select(func.count()).where(AgentFile.agent_id == caller.agent_id, AgentFile.expires_at > utc_now())
        )
    if (waiting or 0) >= MOST_WAITING:
        raise Problem(429, "too_many_files_waiting", "too many files of yours wait to be attached")


async def upload_spooled(context: AppState, caller: Caller, file: UploadFile) -> Response:
    """The same for a file that a form without script brought. Raises Problem 429 and 503."""
    return await _upload(context, caller, context.intake.send_spooled(caller.agent_id, file))


async def check_files(session: Session, agent_id: UUID, ids: Sequence[UUID]) -> None:
    """Raises Problem 422 for a file that is not the agent's, or not there to be attached any more."""
    if ids:
        _require(ids, {row.id for row in await list_files(session, agent_id, ids)})


async def list_files(session: Session, agent_id: UUID, ids: Sequence[UUID]) -> list[AgentFile]:
    """Those of the files that the agent can attach."""
    if not ids:
        return []
    theirs = (AgentFile.id.in_(ids), AgentFile.agent_id == agent_id, AgentFile.expires_at > utc_now())
    return list(await session.scalars(select(AgentFile).where(*theirs).order_by(AgentFile.id)))


async def use_files(session: Session, agent_id: UUID, ids: Sequence[UUID]) -> tuple[AttachmentRef, ...]:
    """The files for a message, in their order; each can be used once. Raises Problem 422."""
    if not ids:
        return ()
    theirs = (AgentFile.id.in_(ids), AgentFile.agent_id == agent_id, AgentFile.expires_at > utc_now())
    used = {row.id: row for row in await session.scalars(delete(AgentFile).where(*theirs).returning(AgentFile))}
    _require(ids, used.keys())
    return tuple(
        AttachmentRef(id=row.id, name=row.name, media_type=row.media_type, size=row.size)
        for row in (used[one] for one in dict.fromkeys(ids))
    )


async def claim_for_note(
    session: Session, caller: Caller, ticket_id: UUID, note_id: UUID, files: Sequence[AttachmentRef]
) -> None:
    """Has intake put a note's files on the ticket, for agents only."""
    if not files:
        return
    attached = NoteFilesAttached(
        ticket_id=TicketId(ticket_id),
        note_id=MessageId(note_id),
        agent_id=caller.agent_id,
        attachment_ids=tuple(file.id for file in files),
    )
    await outbox.add(session, attached, f"note-files:{note_id}", utc_now())


async def forget_expired_files(session: Session) -> None:
    """Intake clears the bytes away by itself."""
    await session.execute(delete(AgentFile).where(AgentFile.expires_at < utc_now()))


def _require(wanted: Sequence[UUID], found: Container[UUID]) -> None:
    for position, one in enumerate(wanted):
        if one not in found:
            raise invalid(f"/attachments/{position}", "is not a file you have sent and not used yet; send it again")
