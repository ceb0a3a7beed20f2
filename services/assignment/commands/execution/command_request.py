"""One request to change a ticket: who sends it, what makes its retry recognisable, and how it is carried out."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from fastapi import Response
from starlette.status import HTTP_200_OK, HTTP_201_CREATED

from services.assignment.app_state import AppState
from services.assignment.commands.execution import intents
from services.assignment.commands.execution.intents import IntentRequest
from services.assignment.commands.execution.notes import COMMENTS, NewNote, add_note
from services.assignment.commands.execution.projection import changes_of
from services.assignment.commands.execution.record_answers import (
    Conclusion,
    conclude,
    conclude_with_note,
    conclude_within,
)
from services.assignment.commands.execution.request_lookup import RequestLookup, look_up
from services.assignment.models import Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.tickets import AuthorizedTicket, rename
from services.assignment.schemas.tickets import TicketView
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TicketId
from shared.contracts.commands import Command
from shared.contracts.tickets import Actor, TicketSnapshot
from shared.contracts.vocabulary import Permission
from shared.domain.errors import Refusal, TicketArchivedError, UnknownTicket, VersionConflict
from shared.kit.clock import derived_id, utc_now
from shared.kit.db import Session
from shared.kit.http.etags import etag_of
from shared.kit.http.idempotency import IdempotencyClaim, IdempotentTransaction, idempotent_transaction
from shared.kit.ticket_errors import TicketsOutOfReach, TicketsUnavailable
from shared.kit.tickets import command_id


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A request to change a ticket, as it came in."""

    caller: Caller
    reference: str
    """The ticket's id or number, as the client wrote it."""
    route: str
    """The last part of the path: `set-due`."""
    key: str | None
    expected_revision: int | None
    request_hash: bytes
    following: str = ""
    """The action that the same form asks for next: `resolve` after a reply."""

    @property
    def scope(self) -> str:
        """Where the idempotency key counts: an agent, a route, a ticket."""
        return f"{self.caller.agent_id}:{self.route}:{self.reference}"

    @property
    def about(self) -> str:
        """The action in the vocabulary's spelling."""
        return self.route.replace("-", "_")

    def wanted(self, ticket: Ticket, command_id: str, comment: str | None = None) -> IntentRequest:
        """What is written down of it before its command is sent."""
        return IntentRequest(
            command_id=command_id,
            ticket_id=ticket.id,
            request_hash=self.request_hash,
            is_keyed=self.key is not None,
            agent_id=self.caller.agent_id,
            agent_name=self.caller.name,
            about=self.about,
            comment=comment,
        )

    async def look_up(self, session: Session) -> RequestLookup:
        """The ticket, and what became of an earlier attempt. Raises Problem 404 and 422."""
        claim = IdempotencyClaim(self.scope, self.key, self.request_hash)
        return await look_up(session, self.caller, self.reference, self.about, claim)

    def command_id(self, ticket: Ticket) -> str:
        """The command's id: the same for every retry with the same key."""
        return command_id(str(self.caller.agent_id), self.route, TicketId(ticket.id), self.key)


@dataclass(frozen=True, slots=True)
class CommandContext:
    """What a command is built from: the ticket as known, and what every command carries."""

    context: AppState
    session: Session
    found: AuthorizedTicket
    call: CommandRequest
    command_id: str
    now: datetime
    is_blocked: bool = False
    """Whether tasks are to be done before the ticket may be resolved."""

    @property
    def ticket(self) -> Ticket:
        """The ticket as the read model knows it."""
        return self.found.ticket

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self.call.caller.actor


Build = Callable[[CommandContext], Awaitable[Command]]


@asynccontextmanager
async def opened(context: AppState, call: CommandRequest) -> AsyncIterator[IdempotentTransaction]:
    """Holds the idempotency key for the time of the call, as long as its transaction is open."""
    async with (
        context.command_limit.enter(),
        idempotent_transaction(context.database, call.scope, call.key, call.request_hash) as guarded,
    ):
        yield guarded


async def act(
    context: AppState, call: CommandRequest, permission: Permission, build: Build, comment: str | None = None
) -> Response:
    """Sends one command to the ticket's workflow and answers with the ticket as it then is.

    No transaction and no connection is held while the workflow is asked. Raises Problem 404 and 403, Refusal,
    TicketsUnavailable.
    """
    async with context.command_limit.enter():
        async with context.database.single_session() as session:
            known = await call.look_up(session)
            if known.stored is not None:
                return known.stored
            known.found.require(permission)
            ticket = known.found.ticket
            command_id = call.command_id(ticket)
            attempt = CommandContext(context, session, known.found, call, command_id, utc_now(), known.is_blocked)
            wanted = call.wanted(ticket, attempt.command_id, comment)
            command = None if known.is_intended else await build(attempt)
            if command is not None and not await intents.write(session, wanted, command):
                command = None
        if command is None:
            command = await _claim(context, wanted, attempt, build)
        told = await send(context, ticket, command)
        view = await view_after_answer(context, call.caller, known, told.snapshot)
        note = None
        if comment is not None:
            note = NewNote(derived_id(COMMENTS, command.command_id), ticket.id, comment, about=call.about)
        return await respond(context, call, command.command_id, [told], view, note=note)


async def _claim(context: AppState, wanted: IntentRequest, attempt: CommandContext, build: Build) -> Command:
    """A command that may have been written down before: as it was sent then, if it was."""
    async with context.database.begin() as session:
        return await intents.claim(session, wanted, lambda: build(replace(attempt, session=session)))


async def view_after_answer(
    context: AppState, caller: Caller, known: RequestLookup, snapshot: TicketSnapshot
) -> TicketView:
    """The ticket after the caller's own change, even if that took it out of their sight."""
    after = known.named
    if (snapshot.team_id, snapshot.assignee_id) != (after.Ticket.team_id, after.Ticket.assignee_id):
        async with context.database.single_session() as session:
            await rename(session, caller, after, snapshot)
    for name, value in changes_of(snapshot).items():
        setattr(after.Ticket, name, value)
    return known.view(caller, utc_now())


async def respond(
    context: AppState,
    call: CommandRequest,
    command_id: str,
    answers: Sequence[CommandAnswer],
    view: TicketView,
    *,
    status: int = HTTP_200_OK,
    note: NewNote | None = None,
) -> Response:
    """Writes everything down and returns the client's answer. Without an answer of the workflow the intent stays."""
    conclusion = _conclusion(call, view, status, command_id if answers else None, answers)
    if answers and note is None:
        await conclude(context.database, conclusion)
    else:
        async with context.database.begin() as session:
            if note is not None:
                await add_note(session, call.caller, note, utc_now())
            if not answers:
                await intents.hand_over(session, command_id)
            await conclude_within(session, conclusion)
    return _response(conclusion)


async def respond_with_note(context: AppState, call: CommandRequest, note: NewNote, view: TicketView) -> Response:
    """Writes a note and the client's answer down, and returns the answer."""
    conclusion = _conclusion(call, view, HTTP_201_CREATED)
    await conclude_with_note(context.database, conclusion, call.caller, note, utc_now())
    return _response(conclusion)


async def respond_within(session: Session, call: CommandRequest, view: TicketView) -> Response:
    """Writes the client's answer down beside its effect, in a transaction that the caller commits, and returns it."""
    conclusion = _conclusion(call, view, HTTP_201_CREATED)
    await conclude_within(session, conclusion)
    return _response(conclusion)


def _conclusion(
    call: CommandRequest,
    view: TicketView,
    status: int,
    command_id: str | None = None,
    answers: Sequence[CommandAnswer] = (),
) -> Conclusion:
    return Conclusion(
        command_id=command_id,
        answers=answers,
        scope=call.scope,
        key=call.key,
        request_hash=call.request_hash,
        status=status,
        body=view.model_dump_json().encode(),
        etag=etag_of(view.revision),
    )


def _response(conclusion: Conclusion) -> Response:
    headers = {"ETag": conclusion.etag}
    return Response(conclusion.body, conclusion.status, headers, media_type="application/json")


async def send(context: AppState, ticket: Ticket, command: Command) -> CommandAnswer:
    """Asks the workflow, and undoes the intent if there will be no answer to write down.

    Raises Refusal and TicketsUnavailable; a workflow that has been there and is no more makes the ticket archived.
    """
    try:
        return await context.tickets.execute(TicketId(ticket.id), command)
    except UnknownTicket as unknown:
        await intents.drop(context.database, command.command_id)
        if ticket.seq > 0:
            raise TicketArchivedError("the ticket is archived; open a follow-up instead") from unknown
        raise
    except Refusal:
        await intents.drop(context.database, command.command_id)
        raise
    except TicketsOutOfReach:
        await intents.release(context.database, command.command_id)
        raise
    except TicketsUnavailable:
        await intents.abandon(context.database, command.command_id)
        raise


async def answer(guarded: IdempotentTransaction, view: TicketView, status: int = HTTP_200_OK) -> Response:
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


def message_id_of(command_id: str) -> UUID:
    """The id of what a call writes: the same for every retry with the same key."""
    return derived_id(COMMENTS, f"message:{command_id}")
