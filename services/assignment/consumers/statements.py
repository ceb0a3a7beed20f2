"""The projection's statements, built once so that their compiled forms are found again."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Executable, delete, update
from sqlalchemy.dialects.postgresql import Insert, insert

from services.assignment.models import (
    FAR_FUTURE,
    LoggedEvent,
    Message,
    Note,
    SettledClock,
    Ticket,
    TicketWords,
    Topic,
    table_of,
)
from shared.contracts.events import RequesterErased
from shared.contracts.vocabulary import ActorKind
from shared.kit.db import Session
from shared.kit.tables import answers

TICKETS: Final = table_of(Ticket)
TOPIC_TABLE: Final = table_of(Topic)
ERASED = "[erased]"


def _submissions() -> Insert:
    """Words and origin; the lifecycle's columns are left to snapshots once one has come."""
    new = insert(TICKETS).values(seq=0, revision=0, next_due_at=FAR_FUTURE, is_archived=False)
    words = ("subject", "requester_name", "requester_email", "asked_priority", "fields", "created_at")
    return new.on_conflict_do_update(
        index_elements=["id"], set_={name: new.excluded[name] for name in words}, where=TICKETS.c.erased_at.is_(None)
    )


def _topics() -> Insert:
    new = insert(TOPIC_TABLE)
    fresh = {name: new.excluded[name] for name in ("slug", "name", "is_active", "fields", "version")}
    return new.on_conflict_do_update(
        index_elements=["id"], set_=fresh, where=TOPIC_TABLE.c.version < new.excluded.version
    )


SUBMISSIONS: Final = _submissions()
WORDS: Final = insert(table_of(TicketWords)).on_conflict_do_nothing()
MESSAGES: Final = insert(table_of(Message)).on_conflict_do_nothing()
EVENTS: Final = insert(table_of(LoggedEvent)).on_conflict_do_nothing()
VERDICTS: Final = insert(table_of(SettledClock)).on_conflict_do_nothing()
TOPICS: Final = _topics()


def words_of(submission: dict[str, Any]) -> dict[str, Any]:
    """What a search finds a ticket by."""
    parts = (submission[name] for name in ("number", "subject", "requester_name", "requester_email"))
    return {"ticket_id": submission["id"], "words": " ".join(parts)}


async def write(session: Session, statement: Executable, rows: Sequence[dict[str, Any]]) -> None:
    """Runs one prepared statement for all rows."""
    if rows:
        connection = await session.connection()
        await connection.execute(statement, list(rows))


async def erase(session: Session, event: RequesterErased) -> None:
    """Redacts what this service holds of a requester's tickets: words, messages, notes and stored answers."""
    ids = event.ticket_ids
    nobody = {
        "subject": ERASED,
        "requester_name": ERASED,
        "requester_email": "",
        "fields": {},
        "erased_at": event.erased_at,
    }
    await session.execute(update(Ticket).where(Ticket.id.in_(ids)).values(nobody))
    await session.execute(delete(TicketWords).where(TicketWords.ticket_id.in_(ids)))
    await session.execute(
        update(Message)
        .where(Message.ticket_id.in_(ids))
        .values(body=ERASED, body_format="text", quoted="", attachments=[])
    )
    await session.execute(
        update(Message)
        .where(Message.ticket_id.in_(ids), Message.author_kind != ActorKind.AGENT.value)
        .values(author_name=ERASED, author_email=None)
    )
    await session.execute(update(Note).where(Note.ticket_id.in_(ids)).values(body=ERASED, body_format="text"))
    numbers = (
        await session.scalars(TICKETS.select().with_only_columns(TICKETS.c.number).where(TICKETS.c.id.in_(ids)))
    ).all()
    for reference in (*map(str, ids), *numbers):
        await session.execute(delete(answers).where(answers.c.scope.endswith(f":{reference}", autoescape=True)))
