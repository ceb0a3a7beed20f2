"""Attaching: files that were sent before become part of a ticket or a message, in the transaction that makes it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from services.intake.attachments.upload import attachment_ref
from services.intake.models import Attachment
from shared.contracts.events import AttachmentRef
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid, pointer_to

MAX_FILES = 100
MAX_BYTES = 200 * 1024**2
"""Of one ticket, all its messages together."""


def owner_of_agent(agent_id: UUID) -> str:
    """Who an agent's uploads belong to until they are attached."""
    return f"agent:{agent_id.hex}"


@dataclass(frozen=True, slots=True)
class ChosenFiles:
    """Files that somebody wants to attach: what they own, and which custom field each answers, if any."""

    owner: str
    files: Mapping[UUID, str | None]

    @classmethod
    def of(cls, owner: str, ids: Iterable[UUID], answers: Mapping[UUID, str] | None = None) -> "ChosenFiles":
        """Files beside the body, and those that answer fields."""
        return cls(owner, dict.fromkeys(ids) | dict(answers or {}))


NO_FILES = ChosenFiles("", {})


async def claim(session: Session, chosen: ChosenFiles, ticket_id: UUID, message_id: UUID) -> tuple[AttachmentRef, ...]:
    """Attaches files, in their order. Raises Problem 422 for one that is unknown, another's or used already."""
    ids = list(chosen.files)
    if not ids:
        return ()
    found = {
        attachment.id: attachment
        for attachment in await session.scalars(
            select(Attachment)
            .where(Attachment.id.in_(ids), Attachment.owner == chosen.owner, Attachment.ticket_id.is_(None))
            .order_by(Attachment.id)
            .with_for_update()
        )
    }
    for position, (attachment_id, name) in enumerate(chosen.files.items()):
        if attachment_id not in found:
            pointer = pointer_to("fields", name) if name else f"/attachments/{position}"
            raise invalid(pointer, "is not a file you have uploaded and not used yet")
    await _stay_within(session, ticket_id, list(found.values()))
    for attachment in found.values():
        attachment.ticket_id, attachment.message_id = ticket_id, message_id
        attachment.field = chosen.files[attachment.id]
    await session.flush()
    return tuple(attachment_ref(found[attachment_id]) for attachment_id in ids)


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
