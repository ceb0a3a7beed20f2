"""Links in rows stored before links were removed on arrival: the migration finds every one."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from deploy.local.engines import Postgres, stack
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Author, MessagePosted
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel
from shared.kit.auth import TicketLink, TicketLinks
from shared.kit.clock import new_id, utc_now
from shared.kit.db import alembic_config
from shared.kit.one_time_links import ExportLinks
from shared.kit.settings import Settings
from tests.support.database_search import tables_naming
from tests.support.memory_disk import data_folder

HEADS = {"intake": ("0008", "messages"), "assignment": ("0020", "participants"), "notification": ("0009", "deliveries")}
FILL = {
    "intake": """
        insert into tickets (id, number, requester_email, requester_name, subject, channel, fields, cc, created_at,
          status, priority, seq, revision, is_archived, updated_at)
        values (:id, :number, 'dana@bank.example', 'Dana', :said, 'email',
          json_build_object('note', cast(:said as text)), '{}', now(), 'new', 'normal', 0, 0, false, now());
        insert into messages (id, ticket_id, author_kind, author_name, body, body_format, quoted, channel, received_at,
          is_automatic, rendered, renderer)
        values (:id, :id, 'requester', 'Dana', :said, 'text', :said, 'email', now(), false, :said, 1);
        insert into answers (scope, key, request_hash, status, body)
        values ('k:message:1', :number, '', 201, convert_to(cast(:said as text), 'UTF8')),
          ('portal:submit', :number, '', 200, convert_to(cast(:token as text), 'UTF8'));
        insert into participants (ticket_id, email, name, state, version)
        values (:id, 'kim@bank.example', :said, 'proposed', 1)""",
    "assignment": """
        insert into participants (ticket_id, email, name, state, version, changed_at, added_by, added_at)
        values (:id, 'kim@bank.example', :said, 'proposed', 1, now(), '', now())""",
    "notification": """
        insert into deliveries (id, cause, recipient, template, template_version, ticket_id, facts, status, message_id)
        values (:id, :number, 'requester', 'reply', 1, :id,
          jsonb_build_object('body', cast(:said as text)), 'sent', :number);
        insert into participants (ticket_id, key, email, name, state, version)
        values (:id, 'participant:1', 'kim@bank.example', :said, 'active', 1)""",
}


OUTBOX = text("insert into outbox (event_id, subject, envelope) values (:number, 'message.posted', :waiting)")


KINDS = ("t", "everything")
"""What a link leads to: a ticket, or all that is kept of somebody."""


@pytest.fixture(scope="module")
async def databases(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Postgres]:
    """Empty ones."""
    with data_folder(tmp_path_factory, "old-rows") as folder:
        async with stack(folder, only=["postgres"]) as engines:
            yield engines.postgres


def token_of(kind: str, ticket: UUID) -> str:
    """The secret of a link that was mailed."""
    settings = Settings.model_validate({"link_secret": "a-secret-only-for-tests"})
    if kind == "everything":
        return ExportLinks(settings).url("dana@bank.example", ticket, utc_now()).rpartition("/")[2]
    return TicketLinks(settings).token(TicketLink(TicketId(ticket), "dana@bank.example", is_mailed=True))


def waiting(ticket: UUID, said: str) -> bytes:
    """An event that quotes the link, and has not been published yet."""
    event = MessagePosted(
        ticket_id=TicketId(ticket),
        message_id=MessageId(new_id()),
        author=Author(kind=ActorKind.REQUESTER, name="Dana"),
        body="A body",
        body_format=BodyFormat.TEXT,
        channel=Channel.API,
        received_at=utc_now(),
    ).envelope(ticket.hex, utc_now())
    return event.model_copy(update={"data": event.data | {"body": said}}).model_dump_json().encode()


async def fill(engine: AsyncEngine, service: str, ticket: UUID, kind: str, token: str) -> None:
    """Rows of a ticket in which somebody quoted the link."""
    said, number = f"> http://portal.example/{kind}/{token}", ticket.hex[-12:]
    values = {"id": ticket, "number": number, "said": said, "token": token}
    async with engine.begin() as session:
        await session.execute(OUTBOX, {"number": number, "waiting": waiting(ticket, said)})
        for statement in FILL[service].split(";"):
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            await session.execute(text(statement), used)


@pytest.mark.parametrize("service", sorted(FILL))
async def test_a_link_in_an_old_row_is_taken_out(databases: Postgres, service: str) -> None:
    config = alembic_config(f"services.{service}", databases.url(service))
    await asyncio.to_thread(command.upgrade, config, HEADS[service][0])
    engine = create_async_engine(databases.url(service))
    tickets = {kind: UUID(str(new_id())) for kind in KINDS}
    tokens = {kind: token_of(kind, ticket) for kind, ticket in tickets.items()}
    for kind, ticket in tickets.items():
        await fill(engine, service, ticket, kind, tokens[kind])
    secrets = [token.rpartition(".")[2] for token in tokens.values()]
    assert await tables_naming(engine, secrets) != {}
    await asyncio.to_thread(command.upgrade, config, "head")
    assert await tables_naming(engine, secrets) == {}
    key = "ticket_id" if HEADS[service][1] == "participants" else "id"
    kept = text(f"select t::text from {HEADS[service][1]} t where {key} = :id")
    async with engine.begin() as session:
        for ticket in tickets.values():
            assert "[link removed]" in str(await session.scalar(kept, {"id": ticket}))
    await engine.dispose()
