"""One request to change a ticket: who sends it, what makes its retry recognisable, and how it is carried out."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, UUID

from fastapi import Response
from starlette.status import HTTP_200_OK

from services.assignment.commands.notes import NewNote, add_note
from services.assignment.commands.projection import apply_snapshots
from services.assignment.context import Context
from services.assignment.models import Ticket
from services.assignment.queries.callers import Caller
from services.assignment.queries.tickets import Found, get_ticket, view_after
from services.assignment.schemas.tickets import TicketView
from shared.contracts.base import TicketId
from shared.contracts.commands import Command
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import Permission
from shared.domain.errors import VersionConflict
from shared.kit.clock import derived_id, utc_now
from shared.kit.db import Session
from shared.kit.http.answers import Guard, guard
from shared.kit.http.etags import etag_of
from shared.kit.tickets import command_id

COMMENTS = derived_id(NAMESPACE_URL, "urn:everdesk:assignment:comments")


@dataclass(frozen=True, slots=True)
class Call:
    """A request to change a ticket, as it came in."""

    caller: Caller
    reference: str
    """The ticket's id or number, as the client wrote it."""
    route: str
    """The last part of the path: `set-due`."""
    key: str | None
    expected_revision: int | None
    request_hash: bytes

    @property
    def scope(self) -> str:
        """Where the idempotency key counts: an agent, a route, a ticket."""
        return f"{self.caller.agent_id}:{self.route}:{self.reference}"

    @property
    def about(self) -> str:
        """The action in the vocabulary's spelling."""
        return self.route.replace("-", "_")

    def command_id(self, ticket: Ticket) -> str:
        """The command's id: the same for every retry with the same key."""
        return command_id(str(self.caller.agent_id), self.route, TicketId(ticket.id), self.key)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a command is built from: the ticket as known, and what every command carries."""

    context: Context
    session: Session
    found: Found
    call: Call
    command_id: str
    now: datetime

    @property
    def ticket(self) -> Ticket:
        """The ticket as the read model knows it."""
        return self.found.ticket

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self.call.caller.actor


Build = Callable[[Attempt], Awaitable[Command]]


@asynccontextmanager
async def opened(context: Context, call: Call) -> AsyncIterator[Guard]:
    """Holds the idempotency key for the time of the call, and wakes the relay when its transaction has committed."""
    async with context.gate.enter(), guard(context.database, call.scope, call.key, call.request_hash) as guarded:
        yield guarded
    context.relay.wake()


async def act(
    context: Context, call: Call, permission: Permission, build: Build, comment: str | None = None
) -> Response:
    """Sends one command to the ticket's workflow and answers with the ticket as it then is.

    Raises Problem 404 and 403, Refusal, TicketsUnavailable.
    """
    async with opened(context, call) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        async with context.database.begin() as session:
            found = await get_ticket(session, call.caller, call.reference)
            found.require(permission)
            attempt = Attempt(context, session, found, call, call.command_id(found.ticket), utc_now())
            command = await build(attempt)
        ticket_id = TicketId(found.ticket.id)
        snapshot = await context.tickets.send(ticket_id, command)
        await apply_snapshots(guarded.session, [snapshot])
        if comment is not None:
            note = NewNote(derived_id(COMMENTS, command.command_id), ticket_id, comment, about=call.about)
            await add_note(guarded.session, call.caller, note, attempt.now)
        return await answer(guarded, await view_after(guarded.session, call.caller, ticket_id, utc_now()))


async def answer(guarded: Guard, view: TicketView, status: int = HTTP_200_OK) -> Response:
    """Stores the answer beside its effect and returns it."""
    body, etag = view.model_dump_json().encode(), etag_of(view.revision)
    await guarded.store(body, status, etag)
    return Response(body, status, {"ETag": etag}, media_type="application/json")


def check_revision(ticket: Ticket, expected: int | None) -> None:
    """For what the workflow does not judge. Raises VersionConflict."""
    if expected not in (None, ticket.revision):
        raise VersionConflict(
            f"the ticket is at revision {ticket.revision}, not {expected}; look at it again", revision=ticket.revision
        )


def message_id_of(call: Call, ticket: Ticket) -> UUID:
    """The id of what a call writes: the same for every retry with the same key."""
    return derived_id(COMMENTS, f"message:{call.command_id(ticket)}")
