"""The projection's statements, built once so that their compiled forms are found again."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql import Insert, insert

from services.assignment.models import (
    FAR_FUTURE,
    FollowUp,
    Message,
    Participant,
    Ticket,
    TicketWords,
    Topic,
    table_of,
)
from shared.kit.db import Session

TICKETS: Final = table_of(Ticket)
TOPIC_TABLE: Final = table_of(Topic)
PARTICIPANTS_TABLE: Final = table_of(Participant)
FOLLOW_UPS_TABLE: Final = table_of(FollowUp)


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


def _participants() -> Insert:
    """Newest first or last: an older event never overwrites a newer one, nor what an agent decided since."""
    new = insert(PARTICIPANTS_TABLE)
    fresh = {column.name: new.excluded[column.name] for column in PARTICIPANTS_TABLE.c if not column.primary_key}
    return new.on_conflict_do_update(
        index_elements=["ticket_id", "email"], set_=fresh, where=PARTICIPANTS_TABLE.c.version < new.excluded.version
    )


def _follow_ups() -> Insert:
    """A ticket opened for another one stays that, whatever is told later."""
    new = insert(FOLLOW_UPS_TABLE)
    return new.on_conflict_do_update(
        index_elements=["ticket_id", "follow_up_id"],
        set_={"is_opened_by": True},
        where=new.excluded.is_opened_by & ~FOLLOW_UPS_TABLE.c.is_opened_by,
    )


SUBMISSIONS: Final = _submissions()
WORDS: Final = insert(table_of(TicketWords)).on_conflict_do_nothing()
MESSAGES: Final = insert(table_of(Message)).on_conflict_do_nothing()
TOPICS: Final = _topics()
PARTICIPANTS: Final = _participants()
FOLLOW_UPS: Final = _follow_ups()


def words_of(submission: dict[str, Any]) -> dict[str, Any]:
    """What a search finds a ticket by."""
    parts = (submission[name] for name in ("number", "subject", "requester_name", "requester_email"))
    return {"ticket_id": submission["id"], "words": " ".join(parts)}


async def write(session: Session, statement: Executable, rows: Sequence[dict[str, Any]]) -> None:
    """Runs one prepared statement for all rows."""
    if rows:
        connection = await session.connection()
        await connection.execute(statement, list(rows))
