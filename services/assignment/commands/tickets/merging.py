"""Merging a duplicate into another ticket, and undoing it."""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import NAMESPACE_URL

from fastapi import Response

from services.assignment.app_state import AppState
from services.assignment.commands.execution import intents
from services.assignment.commands.execution.command_request import (
    CommandRequest,
    check_revision,
    respond,
    send,
    view_after_answer,
)
from services.assignment.commands.execution.intents import IntentRequest
from services.assignment.commands.execution.merge_steps import Step, write_next, write_undoing
from services.assignment.commands.execution.notes import COMMENTS, NewNote
from services.assignment.commands.execution.record_answers import record_answers
from services.assignment.commands.execution.request_lookup import RequestLookup
from services.assignment.models import Ticket
from services.assignment.queries.ticket_page.merged_tickets import find_merge_id, find_root
from services.assignment.queries.ticket_page.tickets import AuthorizedTicket, get_ticket
from services.assignment.schemas.actions import ActionInput
from services.assignment.schemas.merging import MergeInput
from services.assignment.schemas.tickets import RelatedTicket
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TicketId
from shared.contracts.commands import Command, MergeTicket, UnmergeTicket
from shared.contracts.vocabulary import Permission, Status
from shared.domain.errors import IllegalTransition, NotMerged, Refusal, TicketArchivedError
from shared.kit.clock import derived_id
from shared.kit.db import Session
from shared.kit.http.problems import Problem, not_found
from shared.kit.telemetry import log
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.ticket_numbers import reference_in

MERGES = derived_id(NAMESPACE_URL, "urn:everdesk:assignment:merges")


async def merge_ticket(context: AppState, call: CommandRequest, body: MergeInput) -> Response:
    """Makes the ticket part of another one, and answers with it. A retry with the same key merges once.

    Raises Problem 403 without `ticket.merge` on both, 404 for either that may not be seen, and 409; Refusal,
    TicketsUnavailable.
    """
    return await _run(context, call, body, partial(_merge_command, body))


async def unmerge_ticket(context: AppState, call: CommandRequest, body: ActionInput) -> Response:
    """Undoes the merge of a ticket: both stand, and their clocks run, as if it had not been. Raises as merging."""
    return await _run(context, call, body, _unmerge_command)


class _Merging:
    """One request to merge or unmerge: the ticket it names, and what was written down of it."""

    def __init__(self, context: AppState, call: CommandRequest, known: RequestLookup, comment: str | None) -> None:
        self.context, self.call, self.known = context, call, known
        self.ticket: Ticket = known.found.ticket
        self.wanted: IntentRequest = call.wanted(self.ticket, call.command_id(self.ticket), comment)


Build = Callable[[Session, _Merging], Awaitable[Command]]
"""Makes the command, or raises what keeps it from being made."""


async def _run(context: AppState, call: CommandRequest, body: ActionInput, build: "Build") -> Response:
    async with context.command_limit.enter():
        async with context.database.single_session() as session:
            known = await call.look_up(session)
        if known.stored is not None:
            return known.stored
        known.found.require(Permission.TICKET_MERGE)
        merging = _Merging(context, call, known, body.comment)
        async with context.database.begin() as session:
            command = await intents.claim(session, merging.wanted, partial(build, session, merging))
        told = await send(context, merging.ticket, command)
        answers = [told, *await _second_half(merging, command, told)]
        return await _respond(merging, answers, body.comment)


async def _respond(merging: _Merging, answers: list[CommandAnswer], comment: str | None) -> Response:
    context, call = merging.context, merging.call
    view = await view_after_answer(context, call.caller, merging.known, answers[0].snapshot)
    async with context.database.single_session() as session:
        view = view.model_copy(update={"merged_into": await _merged_into(session, answers[0])})
    note = None
    if comment is not None:
        note = NewNote(derived_id(COMMENTS, merging.wanted.command_id), merging.ticket.id, comment, about=call.about)
    return await respond(context, call, merging.wanted.command_id, answers, view, note=note)


async def _second_half(merging: _Merging, command: Command, told: CommandAnswer) -> list[CommandAnswer]:
    """Tells the other ticket. If its workflow does not answer now, the intent sees to it; if it refuses, all is undone.

    Raises Refusal, and Problem 409 if the merge was undone by somebody else meanwhile.
    """
    context = merging.context
    async with context.database.begin() as session:
        await record_answers(session, [told])
        step = await write_next(session, merging.wanted, command, told)
    if step is None:
        if isinstance(command, UnmergeTicket):
            return []
        raise Problem(409, "not_merged", "the merge was undone meanwhile; look at the ticket again")
    try:
        answer = await context.tickets.execute(TicketId(step[0]), step[1])
    except TicketsUnavailable as error:
        log.warning("merge.other_ticket_later", ticket_id=str(step[0]), error=repr(error))
        async with context.database.begin() as session:
            await intents.hand_over(session, step[1].command_id)
        return []
    except Refusal:
        await _undo(merging, step)
        if isinstance(command, UnmergeTicket):
            return []
        raise
    async with context.database.begin() as session:
        await record_answers(session, [answer])
        await intents.finish(session, step[1].command_id)
    return [answer]


async def _undo(merging: _Merging, refused: Step) -> None:
    """The other ticket takes none in: lets this one stand on its own again, now or as soon as its workflow answers."""
    context, (_, command) = merging.context, refused
    async with context.database.begin() as session:
        await intents.finish(session, command.command_id)
        undoing = await write_undoing(session, merging.wanted, command)
        if undoing is not None:
            await intents.finish(session, merging.wanted.command_id)
    if undoing is None:
        return
    try:
        told = await context.tickets.execute(TicketId(undoing[0]), undoing[1])
    except (TicketsUnavailable, Refusal) as error:
        log.warning("merge.undone_later", ticket_id=str(undoing[0]), error=repr(error))
        async with context.database.begin() as session:
            await intents.hand_over(session, undoing[1].command_id)
        return
    async with context.database.begin() as session:
        await record_answers(session, [told])
        await intents.finish(session, undoing[1].command_id)


async def _merge_command(body: MergeInput, session: Session, merging: _Merging) -> MergeTicket:
    """The command, once everything that can be known now allows it. Raises Problem 403, 404 and 409, Refusal."""
    check_revision(merging.ticket, merging.call.expected_revision)
    target = await _target(session, merging, body.into)
    target.require(Permission.TICKET_MERGE)
    _check_open(merging.ticket, target.ticket)
    command_id = merging.wanted.command_id
    return MergeTicket(
        command_id=command_id,
        actor=merging.call.caller.actor,
        expected_revision=merging.call.expected_revision,
        into=TicketId(target.ticket.id),
        merge_id=derived_id(MERGES, command_id),
    )


async def _target(session: Session, merging: _Merging, reference: str) -> AuthorizedTicket:
    """The ticket to merge into; for one that is part of another, that one. Raises Problem 404."""
    caller = merging.call.caller
    try:
        named = await get_ticket(session, caller, reference_in(reference))
    except Problem:
        raise not_found("ticket to merge into") from None
    if named.ticket.merged_into is None:
        return named
    root = await find_root(session, named.ticket.id)
    return await get_ticket(session, caller, str(root))


def _check_open(source: Ticket, target: Ticket) -> None:
    """Raises IllegalTransition, TicketArchivedError for what the workflows would refuse, before anything is sent."""
    if source.id == target.id:
        raise IllegalTransition("a ticket cannot be merged into itself or into a part of it", action="merge")
    if source.is_archived or target.is_archived:
        raise TicketArchivedError("an archived ticket stays as it is; link the two instead")
    if source.erased_at is not None or target.erased_at is not None:
        raise TicketArchivedError("a ticket whose words were erased stays as it is")
    if target.status == Status.CLOSED:
        raise IllegalTransition("no ticket can be merged into a closed one; reopen it first", action="merge")


async def _unmerge_command(session: Session, merging: _Merging) -> UnmergeTicket:
    """The command. Raises Problem 403, NotMerged."""
    ticket, caller = merging.ticket, merging.call.caller
    check_revision(ticket, merging.call.expected_revision)
    merge_id = await find_merge_id(session, ticket.id) if ticket.merged_into else None
    if ticket.merged_into is None or merge_id is None:
        raise NotMerged("the ticket is not merged into another one")
    target = await get_ticket(session, caller, str(ticket.merged_into))
    target.require(Permission.TICKET_MERGE)
    return UnmergeTicket(
        command_id=merging.wanted.command_id,
        actor=caller.actor,
        expected_revision=merging.call.expected_revision,
        merge_id=merge_id,
    )


async def _merged_into(session: Session, told: CommandAnswer) -> RelatedTicket | None:
    target_id = told.snapshot.merged_into
    target = await session.get(Ticket, target_id) if target_id else None
    if target is None:
        return None
    return RelatedTicket(id=target.id, number=target.number, subject=target.subject, status=Status(target.status))
