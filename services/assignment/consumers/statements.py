"""The projection's statements, built once so that their compiled forms are found again."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Executable, FromClause, Select, exists, literal, select
from sqlalchemy.dialects.postgresql import Insert, insert

from services.assignment.models import (
    FAR_FUTURE,
    ErasedTicket,
    FollowUp,
    Message,
    Participant,
    Ticket,
    TicketWords,
    Topic,
    table_of,
)
from shared.kit.db import Session
from shared.kit.recordsets import as_parameter, insert_rows

TICKETS: Final = table_of(Ticket)
TICKET_WORDS: Final = table_of(TicketWords)
MESSAGES: Final = table_of(Message)
ERASED: Final = table_of(ErasedTicket)
SUBMISSION_COLUMNS: Final = (
    *("id", "number", "status", "priority", "priority_rank", "asked_priority", "topic_id", "channel", "subject"),
    *("requester_name", "requester_email", "created_at", "updated_at", "fields", "snapshot"),
    *("seq", "revision", "next_due_at", "is_archived"),
)
NOT_STARTED: Final = {"seq": 0, "revision": 0, "next_due_at": FAR_FUTURE, "is_archived": False}
MESSAGE_COLUMNS: Final = (
    *("id", "ticket_id", "author_kind", "author_id", "author_name", "author_email", "body", "body_format"),
    *("channel", "attachments", "quoted", "is_automatic", "posted_at"),
)
TOPIC_TABLE: Final = table_of(Topic)
PARTICIPANTS_TABLE: Final = table_of(Participant)
FOLLOW_UPS_TABLE: Final = table_of(FollowUp)


def _words() -> Select[int]:
    """Tickets as submitted, what searches find them by, and messages, but for those on tickets that were erased."""
    submitted = _submissions().cte("submitted")
    words = (
        insert_rows(TICKET_WORDS, ("ticket_id", "words"), "words", _is_kept).on_conflict_do_nothing().cte("found_by")
    )
    messages = insert_rows(MESSAGES, MESSAGE_COLUMNS, "messages", _is_kept).on_conflict_do_nothing().cte("written")
    return select(literal(1)).add_cte(submitted, words, messages)


def _is_kept(rows: FromClause) -> ColumnElement[bool]:
    ticket_id = rows.c.ticket_id if "ticket_id" in rows.c else rows.c.id
    return ~exists().where(ERASED.c.ticket_id == ticket_id)


def _submissions() -> Insert:
    """Words and origin, taken once; the lifecycle's columns are left to snapshots once one has come."""
    new = insert_rows(TICKETS, SUBMISSION_COLUMNS, "submissions", _is_kept)
    words = ("subject", "requester_name", "requester_email", "asked_priority", "fields", "channel", "created_at")
    is_without = TICKETS.c.requester_email == ""
    return new.on_conflict_do_update(
        index_elements=["id"],
        set_={name: new.excluded[name] for name in words},
        where=TICKETS.c.erased_at.is_(None) & is_without,
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


WORDS: Final = _words()
TOPICS: Final = _topics()
PARTICIPANTS: Final = _participants()
FOLLOW_UPS: Final = _follow_ups()


async def write_words(
    session: Session, submissions: Sequence[dict[str, Any]], messages: Sequence[dict[str, Any]]
) -> None:
    """Writes what people wrote, each once however often it comes, in one statement."""
    if not submissions and not messages:
        return
    first = {row["id"]: row | NOT_STARTED for row in reversed(submissions)}
    parameters = {
        "submissions": as_parameter(first[key] for key in sorted(first)),
        "words": as_parameter(words_of(first[key]) for key in sorted(first)),
        "messages": as_parameter(sorted(messages, key=lambda row: row["id"])),
    }
    await session.execute(WORDS, parameters)


def words_of(submission: dict[str, Any]) -> dict[str, Any]:
    """What a search finds a ticket by."""
    parts = (submission[name] for name in ("number", "subject", "requester_name", "requester_email"))
    return {"ticket_id": submission["id"], "words": " ".join(parts)}


async def write(session: Session, statement: Executable, rows: Sequence[dict[str, Any]]) -> None:
    """Runs one prepared statement for all rows."""
    if rows:
        connection = await session.connection()
        await connection.execute(statement, list(rows))
