"""Attaching: files that were sent before become part of a ticket or a message, in the transaction that makes it."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from services.intake.attachments.keeping import ref_of
from services.intake.models import Attachment
from shared.contracts.events import AttachmentRef
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid

MAX_FILES = 100
MAX_BYTES = 200 * 1024**2
"""Of one ticket, all its messages together."""


async def claim(
    session: Session, ids: Sequence[UUID], owner: str, ticket_id: UUID, message_id: UUID
) -> tuple[AttachmentRef, ...]:
    """Attaches files, in the order of `ids`. Raises Problem 422 for one that is unknown, another's or used already."""
    if not ids:
        return ()
    found = {
        attachment.id: attachment
        for attachment in await session.scalars(
            select(Attachment)
            .where(Attachment.id.in_(ids), Attachment.owner == owner, Attachment.ticket_id.is_(None))
            .order_by(Attachment.id)
            .with_for_update()
        )
    }
    for position, (attachment_id, times) in enumerate(Counter(ids).items()):
        if attachment_id not in found or times > 1:
            raise invalid(f"/attachments/{position}", "is not a file you have uploaded and not used yet")
    await _stay_within(session, ticket_id, list(found.values()))
    for attachment in found.values():
        attachment.ticket_id, attachment.message_id = ticket_id, message_id
    await session.flush()
    return tuple(ref_of(found[attachment_id]) for attachment_id in ids)


async def _stay_within(session: Session, ticket_id: UUID, new: Sequence[Attachment]) -> None:
    counted = await session.execute(
        select(func.count(), func.coalesce(func.sum(Attachment.size), 0)).where(Attachment.ticket_id == ticket_id)
    )
    files, size = counted.one()
    if files + len(new) > MAX_FILES or size + sum(one.size for one in new) > MAX_BYTES:
        raise Problem(
            422,
            "too_many_files",
            f"a ticket holds at most {MAX_FILES} files and {MAX_BYTES // 1024**2} MiB; leave some out",
        )
