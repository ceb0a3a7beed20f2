"""The second half of a merge: what the other ticket's workflow is told once the first has answered.

Each half is a command with an intent of its own, so a crash between them loses none: the intent of the second is
written in the transaction that records the first one's answer, by whoever records it.
"""

from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.commands.execution import intents
from services.assignment.commands.execution.intents import IntentRequest
from services.assignment.models import Intent, LinkedTickets, Ticket
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TicketId
from shared.contracts.commands import AbsorbTicket, Command, DetachTicket, MergeTicket, UnmergeTicket
from shared.contracts.events import TicketUnmerged
from shared.contracts.tickets import Clock, TicketSnapshot
from shared.contracts.vocabulary import Metric
from shared.kit.clock import derived_id, utc_now
from shared.kit.db import Session

_MERGES = derived_id(NAMESPACE_URL, "urn:everdesk:assignment:merge-steps")
Step = tuple[UUID, Command]
"""A ticket, and what its workflow is to be told."""


async def write_next(session: Session, wanted: IntentRequest, command: Command, told: CommandAnswer) -> Step | None:
    """Writes down what follows from an answer, in the transaction that records it; None if nothing does.

    A merge that was undone since, of which only an old answer tells, has no second half.
    """
    match command:
        case MergeTicket():
            step = await _after_merge(session, wanted.ticket_id, command, told.snapshot)
        case UnmergeTicket():
            step = await _after_unmerge(session, wanted.ticket_id, command, told)
        case _:
            return None
    if step is not None:
        await _write(session, wanted, *step)
    return step


async def write_undoing(session: Session, wanted: IntentRequest, refused: Command) -> Step | None:
    """A ticket that could not be taken in must stand on its own again: writes down the command for that."""
    if not isinstance(refused, AbsorbTicket):
        return None
    command_id = _derived(refused, "undo")
    undo = UnmergeTicket(command_id=command_id, actor=refused.actor, merge_id=refused.merge_id)
    step = (refused.source_id, undo)
    await _write(session, wanted, *step)
    return step


def absorbing(ticket_id: UUID, command: MergeTicket, merged: TicketSnapshot) -> AbsorbTicket:
    """What the other ticket is told: since when this one's clocks ran that the merge has ended."""
    return AbsorbTicket(
        command_id=_derived(command, "absorb"),
        actor=command.actor,
        source_id=TicketId(ticket_id),
        merge_id=command.merge_id,
        resolution_from=_ran_since(merged, (Metric.RESOLUTION,)),
        waiting_since=_ran_since(merged, (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE)),
    )


def _ran_since(merged: TicketSnapshot, metrics: tuple[Metric, ...]) -> datetime | None:
    if not merged.clocks and merged.policy_id is None:
        return merged.opened_at
    ended = [clock.started_at for clock in merged.clocks if clock.metric in metrics and _ended_by(clock, merged)]
    return min(ended, default=None)


def _ended_by(clock: Clock, merged: TicketSnapshot) -> bool:
    return clock.settled_at is not None and clock.settled_at == merged.closed_at


async def _after_merge(session: Session, ticket_id: UUID, command: MergeTicket, merged: TicketSnapshot) -> Step | None:
    stands = await session.scalar(select(Ticket.merged_into).where(Ticket.id == ticket_id))
    if stands != command.into:
        return None
    await _relink(session, ticket_id, command)
    return command.into, absorbing(ticket_id, command, merged)


async def _after_unmerge(session: Session, ticket_id: UUID, command: UnmergeTicket, told: CommandAnswer) -> Step | None:
    unmerged = next((TicketUnmerged.of(one) for one in told.events if one.type == TicketUnmerged.type()), None)
    if unmerged is None:
        return None
    target_id = unmerged.former_target_id
    await session.execute(delete(LinkedTickets).where(_link(ticket_id, target_id), LinkedTickets.kind == "duplicate"))
    detach = DetachTicket(command_id=_derived(command, "detach"), actor=command.actor, merge_id=command.merge_id)
    return target_id, detach


async def _relink(session: Session, ticket_id: UUID, command: MergeTicket) -> None:
    """The duplicate is linked as one, whatever link the two had before."""
    either = LinkedTickets.ticket_id.in_((ticket_id, command.into)) & LinkedTickets.other_id.in_(
        (ticket_id, command.into)
    )
    await session.execute(delete(LinkedTickets).where(either))
    row = {
        "ticket_id": ticket_id,
        "other_id": command.into,
        "kind": "duplicate",
        "agent_id": command.actor.id,
        "added_at": utc_now(),
    }
    await session.execute(insert(LinkedTickets).values(row).on_conflict_do_nothing())


def _link(ticket_id: UUID, other_id: UUID) -> Any:
    return (LinkedTickets.ticket_id == ticket_id) & (LinkedTickets.other_id == other_id)


def _derived(command: Command, step: str) -> str:
    """The id of the next command: the same whoever sends it."""
    return derived_id(_MERGES, f"{command.command_id}:{step}").hex


async def _write(session: Session, wanted: IntentRequest, ticket_id: UUID, command: Command) -> None:
    request = IntentRequest(
        command_id=command.command_id,
        ticket_id=ticket_id,
        request_hash=wanted.request_hash,
        is_keyed=False,
        agent_id=wanted.agent_id,
        agent_name=wanted.agent_name,
        about=wanted.about,
    )
    await intents.write(session, request, command)


def request_of(intent: Intent) -> IntentRequest:
    """Who asked for a command that was left behind."""
    return IntentRequest(
        command_id=intent.command_id,
        ticket_id=intent.ticket_id,
        request_hash=intent.request_hash,
        is_keyed=intent.is_keyed,
        agent_id=intent.agent_id,
        agent_name=intent.agent_name,
        about=intent.about,
    )
