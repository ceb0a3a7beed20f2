"""The answers of ticket workflows, written down: the sender of a command owns the events of its answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CTE, Boolean, Select, bindparam, delete, exists, select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.commands.execution.notes import NewNote, NoteAuthor, note_added, note_row
from services.assignment.commands.execution.projection import (
    OUTBOX_COLUMNS,
    LifecycleRows,
    lifecycle_ctes,
    project_answers,
)
from services.assignment.models import Intent, Note, table_of
from shared.contracts.answers import CommandAnswer
from shared.kit.db import Database, Session
from shared.kit.http.idempotency import second_refused
from shared.kit.outbox import note_rows, row_of
from shared.kit.outbox_row import OutboxRow
from shared.kit.recordsets import columns_given
from shared.kit.tables import idempotency_responses as responses
from shared.kit.tables import outbox

NOTES: Final = table_of(Note)
NOTE_COLUMNS: Final = (
    *("id", "ticket_id", "author_kind", "author_id", "author_name", "body", "body_format", "about", "channel"),
    *("attachments", "added_at"),
)
RESPONSE_COLUMNS: Final = ("scope", "key", "request_hash", "status", "body", "etag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """Everything a command leaves behind: the workflow's answer, the client's, and the intent's end."""

    command_id: str | None
    """The intent that ends; None if it is still to be sent."""
    answers: Sequence[CommandAnswer]
    scope: str
    key: str | None
    request_hash: bytes
    status: int
    body: bytes
    etag: str

    @property
    def response(self) -> dict[str, Any]:
        """The client's answer, as values for a statement that stores it."""
        return {name: getattr(self, name) for name in RESPONSE_COLUMNS} | {"is_keyed": self.key is not None}

    def parameters(self, rows: LifecycleRows) -> dict[str, Any]:
        """The values for `CONCLUDE`."""
        return rows.parameters | self.response | {"ended": self.command_id}


async def record_answers(session: Session, answers: Sequence[CommandAnswer]) -> None:
    """Stores the events in the log, announces them, and brings the read model up to date, in the caller's transaction.

    An answer that comes twice changes nothing the second time.
    """
    await project_answers(session, LifecycleRows.of(answers))


async def conclude(database: Database, conclusion: Conclusion) -> None:
    """Does what `record_answers` does, stores the client's answer and ends the intent, all in one statement.

    Raises Problem 409 if another request with the same key has been answered meanwhile.
    """
    rows = LifecycleRows.of(conclusion.answers)
    with second_refused():
        written = await database.fetch(CONCLUDE, conclusion.parameters(rows))
    if written:
        await database.announce(rows.outbox_rows(written))


async def conclude_within(session: Session, conclusion: Conclusion) -> None:
    """The same as part of the caller's transaction."""
    rows = LifecycleRows.of(conclusion.answers)
    with second_refused():
        written = (await session.execute(CONCLUDE, conclusion.parameters(rows))).all()
    if written:
        note_rows(session, rows.outbox_rows(written))


async def conclude_with_note(
    database: Database, conclusion: Conclusion, author: NoteAuthor, note: NewNote, now: datetime
) -> None:
    """Writes a note, the news of it and the client's answer down in one statement.

    Raises Problem 409 if another request with the same key has been answered meanwhile, 422 for a note that no event
    could carry.
    """
    is_announced = database.announces_to_outsiders
    announced = row_of(note_added(author, note, now)) if is_announced else dict.fromkeys(OUTBOX_COLUMNS)
    values = {f"note_{name}": value for name, value in note_row(author, note, now).items()}
    values |= {f"announced_{name}": value for name, value in announced.items()}
    values |= conclusion.response | {"is_announced": is_announced}
    with second_refused():
        written = await database.fetch(NOTE, values)
    if written:
        await database.announce([OutboxRow(written[0].id, **announced)])


def _stored() -> CTE:
    """Stores the client's answer, if a retry can ask for it."""
    response = select(*columns_given(responses, RESPONSE_COLUMNS)).where(bindparam("is_keyed", type_=Boolean()))
    return insert(responses).from_select(list(RESPONSE_COLUMNS), response).cte("stored")


def _note() -> Select[int]:
    given = select(*columns_given(NOTES, NOTE_COLUMNS, "note_"))
    note = insert(NOTES).from_select(list(NOTE_COLUMNS), given).on_conflict_do_nothing().returning(NOTES.c.id)
    is_new = exists(select(note.cte("noted").c.id)), bindparam("is_announced", type_=Boolean())
    event = select(*columns_given(outbox, OUTBOX_COLUMNS, "announced_")).where(*is_new)
    announced = insert(outbox).from_select(list(OUTBOX_COLUMNS), event).returning(outbox.c.id).cte("announced")
    return select(announced.c.id).add_cte(_stored())


def _conclude() -> Select[int, str]:
    announcing, *others = lifecycle_ctes()
    ended = delete(Intent).where(Intent.command_id == bindparam("ended", type_=Intent.command_id.type)).cte("ended")
    return select(announcing.c.id, announcing.c.event_id).add_cte(*others, _stored(), ended)


CONCLUDE: Final = _conclude()
NOTE: Final = _note()
"""Built once, so that their compiled forms are found again."""
