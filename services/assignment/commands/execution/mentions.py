"""Mentions: `@name` in a note makes agents followers of its ticket and notifies them."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.models import Agent, Follower
from shared.contracts.base import AgentId, MessageId, TicketId
from shared.contracts.events import Author, TicketMentioned
from shared.contracts.tickets import Actor
from shared.kit import outbox
from shared.kit.db import Session

MOST_MENTIONS = 20
MENTION = re.compile(r"(?<![\w@/.])@([A-Za-z0-9][A-Za-z0-9._-]{0,62})(?![\w@])")
"""`@ada`: what stands before the @ of an agent's address."""


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """A note as it was just written, or corrected: then `version` counts from 2."""

    id: UUID
    ticket_id: UUID
    body: str
    author: Author
    version: int = 1


def mentions_in(body: str) -> set[str]:
    """The names that a note mentions, in lower case."""
    return {name.rstrip(".-_").casefold() for name in MENTION.findall(body)[:MOST_MENTIONS]}


async def follow_mentioned(session: Session, note: WrittenNote, now: datetime, known: Collection[str] = ()) -> None:
    """Makes those whom a note names followers, and announces it. Costs nothing where nobody is named.

    `known` are the names in earlier versions of the note, whose agents were told before. Notification leaves out the
    note's author, and whoever may not see the ticket.
    """
    names = mentions_in(note.body).difference(known)
    if not names:
        return
    local_part = func.lower(func.split_part(Agent.email, "@", 1))
    named = select(Agent.id).where(local_part.in_(names), Agent.is_active).order_by(Agent.id)
    ids = [AgentId(agent_id) for agent_id in await session.scalars(named)]
    if not ids:
        return
    each = {"ticket_id": note.ticket_id, "since": now, "is_mentioned": True, "is_announced": True}
    rows = [each | {"agent_id": one} for one in ids]
    again = insert(Follower).on_conflict_do_update(
        index_elements=["ticket_id", "agent_id"], set_={"is_mentioned": True}, where=Follower.is_mentioned.is_(False)
    )
    await session.execute(again, rows)
    author = note.author
    event = TicketMentioned(
        ticket_id=TicketId(note.ticket_id),
        note_id=MessageId(note.id),
        actor=Actor(kind=author.kind, id=author.id),
        agent_ids=tuple(ids),
        mentioned_at=now,
    )
    await outbox.add(session, event, f"mention:{note.id}:{note.version}", now)
