"""Posts an API client's message without files in two statements: one look-up, one insert."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    func,
    insert,
    literal,
    select,
    true,
)

from services.intake.commands.new_message import NewMessage, message_posted, message_row
from services.intake.live.timeline import entry_of, notify_readers
from services.intake.models import Message, Ticket, TimelineEntry
from services.intake.schemas import MessageView
from shared.kit.clock import new_id
from shared.kit.db import Database
from shared.kit.http.idempotency import IdempotencyClaim, second_refused
from shared.kit.http.problems import not_found
from shared.kit.outbox import row_of
from shared.kit.outbox_row import OutboxRow
from shared.kit.recordsets import columns_given
from shared.kit.tables import idempotency_responses as responses
from shared.kit.tables import outbox

TICKETS, MESSAGES, TIMELINE = (cast("Table", each.__table__) for each in (Ticket, Message, TimelineEntry))
ANSWERED: Final = ("request_hash", "status", "body", "etag")
MESSAGE_COLUMNS: Final = (
    *("id", "ticket_id", "author_kind", "author_name", "author_email", "body", "body_format", "quoted", "channel"),
    *("received_at", "is_automatic"),
)
ENTRY_COLUMNS: Final = ("ticket_id", "kind", "at", "actor", "message_id", "source")
EVENT_COLUMNS: Final = ("event_id", "subject", "envelope")
RESPONSE_COLUMNS: Final = ("scope", "key", "request_hash", "status", "body")


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """Who may write on which ticket, and what makes their retry recognisable."""

    ticket_id: UUID
    api_key_id: str
    claim: IdempotencyClaim

    async def find_ticket(self, database: Database) -> Ticket:
        """The ticket; the claim has the first answer, if there is one. Raises Problem 404, and 422 for another body."""
        claim = {"scope": self.claim.scope, "key": self.claim.key or ""}
        async with database.single_session() as session:
            found = await session.execute(FIND, claim | {"ticket_id": self.ticket_id, "api_key_id": self.api_key_id})
        row = found.one_or_none()
        if row is None:
            raise not_found()
        self.claim.settle(row)
        ticket: Ticket = row.Ticket
        return ticket


async def post_api_message(
    database: Database, request: MessageRequest, ticket: Ticket, post: NewMessage, status: int
) -> bytes | None:
    """Records a message, its line, its event and the answer, which it returns; None if the ticket has ended meanwhile.

    Raises Problem 409 while the same request is carried out, and 422 for what no event could carry.
    """
    message = message_row(ticket, post)
    body = MessageView.of(message).model_dump_json().encode()
    event = row_of(message_posted(ticket, message, post, was_archived=ticket.is_archived))
    claim = request.claim
    parameters = _prefixed("message_", MESSAGE_COLUMNS, vars(message))
    parameters |= _prefixed("entry_", ENTRY_COLUMNS, vars(entry_of(ticket, message)))
    parameters |= _prefixed("event_", EVENT_COLUMNS, event)
    answer = {
        "scope": claim.scope,
        "key": claim.key,
        "request_hash": claim.request_hash,
        "status": status,
        "body": body,
    }
    parameters |= _prefixed("answer_", RESPONSE_COLUMNS, answer)
    parameters |= {"api_key_id": request.api_key_id, "is_keyed": claim.key is not None, "lock": _lock_of(claim)}
    with second_refused():
        [row] = await database.fetch(POST, parameters)
    claim.settle(row)
    if row.row_id is None:
        return None
    await database.announce([OutboxRow(row.row_id, **event, is_applied=True)])
    await notify_readers(database, [ticket.id])
    return body


def _find() -> Select[*tuple[Any, ...]]:
    first = and_(responses.c.scope == bindparam("scope"), responses.c.key == bindparam("key"))
    return (
        select(Ticket, literal(value=True).label("is_free"), *(responses.c[name] for name in ANSWERED))
        .outerjoin(responses, first)
        .where(Ticket.id == bindparam("ticket_id"), Ticket.api_key_id == bindparam("api_key_id"))
    )


def _prefixed(prefix: str, names: tuple[str, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    return {prefix + name: values.get(name) for name in names}


def _lock_of(claim: IdempotencyClaim) -> int:
    """Of the request's key; without one, of nobody else."""
    return int(claim.values["lock"]) if claim.key is not None else new_id().int & (2**63 - 1)


def _claimed() -> CTE:
    """Whether the key is free, and the answer that is there already."""
    key = and_(
        responses.c.scope == bindparam("answer_scope", type_=responses.c.scope.type),
        responses.c.key == bindparam("answer_key", type_=responses.c.key.type),
    )
    lock = bindparam("lock", type_=BigInteger())
    always = select(func.pg_try_advisory_xact_lock(lock).label("is_free")).cte("locked")
    columns = (responses.c[name] for name in ANSWERED)
    return select(always.c.is_free, *columns).select_from(always.outerjoin(responses, key)).cte("claimed")


def _held(claimed: CTE) -> CTE:
    """The ticket's row, held to the end, as the order of its timeline wants it; nothing if nobody may write there."""
    mine = (
        TICKETS.c.id == bindparam("message_ticket_id", type_=TICKETS.c.id.type),
        TICKETS.c.api_key_id == bindparam("api_key_id", type_=TICKETS.c.api_key_id.type),
        TICKETS.c.erased_at.is_(None),
        TICKETS.c.is_archived.is_(False),
    )
    is_first = claimed.c.is_free, claimed.c.request_hash.is_(None)
    return (
        select(TICKETS.c.status, TICKETS.c.revision)
        .select_from(TICKETS.join(claimed, true()))
        .where(*mine, *is_first)
        .with_for_update(of=TICKETS, key_share=True)
        .cte("held")
    )


def _given(
    table: Table, names: tuple[str, ...], prefix: str, held: FromClause, *more: ColumnElement[Any]
) -> Select[Any]:
    return select(*columns_given(table, names, prefix), *more).select_from(held)


def _post() -> Select[Any]:
    claimed = _claimed()
    held = _held(claimed)
    message = insert(MESSAGES).from_select(list(MESSAGE_COLUMNS), _given(MESSAGES, MESSAGE_COLUMNS, "message_", held))
    standing = _given(TIMELINE, ENTRY_COLUMNS, "entry_", held, held.c.status, held.c.revision)
    entry = insert(TIMELINE).from_select([*ENTRY_COLUMNS, "status", "revision"], standing)
    event = insert(outbox).from_select(list(EVENT_COLUMNS), _given(outbox, EVENT_COLUMNS, "event_", held))
    announced = event.returning(outbox.c.id).cte("announced")
    answer = _given(responses, RESPONSE_COLUMNS, "answer_", held).where(bindparam("is_keyed", type_=Boolean()))
    stored = insert(responses).from_select(list(RESPONSE_COLUMNS), answer)
    found = select(*claimed.c, announced.c.id.label("row_id")).select_from(claimed.outerjoin(announced, true()))
    return found.add_cte(message.cte("posted"), entry.cte("told"), stored.cte("stored"))


FIND: Final = _find()
POST: Final = _post()
"""Built once, so that its compiled form is found again."""
