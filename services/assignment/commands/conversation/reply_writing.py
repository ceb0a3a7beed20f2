"""Stores a reply in one statement: message, outbox event and the intent for the workflow."""

from typing import Any, Final

from sqlalchemy import Select, exists, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or_not

from services.assignment.commands.execution import intents
from services.assignment.commands.execution.intents import IntentRequest
from services.assignment.commands.execution.projection import OUTBOX_COLUMNS
from services.assignment.models import Intent, Message, table_of
from shared.contracts.commands import Command
from shared.contracts.events import Envelope
from shared.kit.db import Database
from shared.kit.outbox import row_of
from shared.kit.outbox_row import OutboxRow
from shared.kit.recordsets import columns_given
from shared.kit.tables import outbox

MESSAGES: Final = table_of(Message)
INTENTS: Final = table_of(Intent)
MESSAGE_COLUMNS: Final = (
    *("id", "ticket_id", "author_kind", "author_id", "author_name", "body", "body_format", "channel"),
    *("attachments", "is_automatic", "posted_at"),
)
INTENT_COLUMNS: Final = (
    *("command_id", "ticket_id", "request_hash", "command", "is_keyed", "agent_id", "agent_name", "about"),
    *("comment", "created_at", "claimed_until", "silences"),
)


async def write_reply(
    database: Database, message: dict[str, Any], announcement: Envelope, wanted: IntentRequest, command: Command
) -> bool:
    """Writes all of it down, or nothing if the message is there already: then False.

    Raises Problem 422 for a message that no event could carry.
    """
    announced = row_of(announcement)
    rows = {"message": message, "announced": announced, "intent": intents.row_of(wanted, command)}
    parameters = {f"{name}_{key}": value for name, row in rows.items() for key, value in row.items()}
    written = await database.fetch(WRITE, parameters)
    if not written:
        return False
    await database.announce([OutboxRow(written[0].id, **announced, is_applied=True)])
    return True


def _write() -> Select[int]:
    given = select(*columns_given(MESSAGES, MESSAGE_COLUMNS, "message_"))
    posted = (
        insert_or_not(MESSAGES)
        .from_select(list(MESSAGE_COLUMNS), given)
        .on_conflict_do_nothing()
        .returning(MESSAGES.c.id)
        .cte("posted")
    )
    is_new = exists(select(posted.c.id))
    event = select(*columns_given(outbox, OUTBOX_COLUMNS, "announced_")).where(is_new)
    announced = insert(outbox).from_select(list(OUTBOX_COLUMNS), event).returning(outbox.c.id).cte("announced")
    intent = select(*columns_given(INTENTS, INTENT_COLUMNS, "intent_")).where(is_new)
    intended = insert(INTENTS).from_select(list(INTENT_COLUMNS), intent).cte("intended")
    return select(announced.c.id).add_cte(intended)


WRITE: Final = _write()
"""Built once, so that its compiled form is found again."""
