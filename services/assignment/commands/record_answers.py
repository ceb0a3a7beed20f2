"""The answers of ticket workflows, written down: the sender of a command owns the events of its answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Boolean, Select, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.commands.projection import LifecycleRows, lifecycle_ctes, project_lifecycle
from services.assignment.models import Intent
from shared.contracts.answers import CommandAnswer
from shared.kit.db import Database, Session
from shared.kit.http.idempotency import second_refused
from shared.kit.outbox import note_rows
from shared.kit.tables import idempotency_responses as responses

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

    def parameters(self, rows: LifecycleRows) -> dict[str, Any]:
        """The values for `CONCLUDE`."""
        response = {name: getattr(self, name) for name in RESPONSE_COLUMNS}
        return rows.parameters | response | {"is_keyed": self.key is not None, "ended": self.command_id}


async def record_answers(session: Session, answers: Sequence[CommandAnswer]) -> None:
    """Stores the events in the log, announces them, and brings the read model up to date, in the caller's transaction.

    An answer that comes twice changes nothing the second time.
    """
    await project_lifecycle(session, LifecycleRows.of(answers))


async def conclude(database: Database, conclusion: Conclusion) -> None:
    """Does what `record_answers` does, stores the client's answer and ends the intent, all in one statement.

    Raises Problem 409 if another request with the same key has been answered meanwhile.
    """
    rows = LifecycleRows.of(conclusion.answers)
    async with database.single() as connection:
        with second_refused():
            written = (await connection.execute(CONCLUDE, conclusion.parameters(rows))).all()
    if written:
        await database.announce(rows.outbox_rows(written))


async def conclude_within(session: Session, conclusion: Conclusion) -> None:
    """The same as part of the caller's transaction."""
    rows = LifecycleRows.of(conclusion.answers)
    with second_refused():
        written = (await session.execute(CONCLUDE, conclusion.parameters(rows))).all()
    if written:
        note_rows(session, rows.outbox_rows(written))


def _conclude() -> Select[int, str]:
    announcing, *others = lifecycle_ctes()
    response = select(*(bindparam(name, type_=responses.c[name].type) for name in RESPONSE_COLUMNS)).where(
        bindparam("is_keyed", type_=Boolean())
    )
    stored = insert(responses).from_select(list(RESPONSE_COLUMNS), response).cte("stored")
    ended = delete(Intent).where(Intent.command_id == bindparam("ended", type_=Intent.command_id.type)).cte("ended")
    return select(announcing.c.id, announcing.c.event_id).add_cte(*others, stored, ended)


CONCLUDE: Final = _conclude()
"""Built once, so that its compiled form is found again."""
