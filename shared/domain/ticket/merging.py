"""Merging: one ticket becomes part of another, and can be parted from it again."""

from datetime import datetime

from shared.contracts.commands import AbsorbTicket, Command, DetachTicket, MergeTicket, UnmergeTicket
from shared.contracts.events import TicketAbsorbed, TicketClosed, TicketDetached, TicketUnmerged
from shared.contracts.vocabulary import Action, CloseReason, Status
from shared.domain.errors import IllegalTransition, NotMerged, TicketMerged
from shared.domain.ticket.core import TicketCore
from shared.domain.ticket.state import MergeRecord, TicketState

MERGE = "merge"
MOST = 50
"""Tickets that are part of one."""


def check_merging(state: TicketState, command: Command) -> None:
    """Raises what a merge keeps from happening: everything but undoing it on a merged ticket, and wrong merges."""
    if state.merge is not None and not isinstance(command, UnmergeTicket):
        raise TicketMerged("the ticket is part of another one; work on that, or unmerge it", into=str(state.merge.into))
    match command:
        case MergeTicket(into=target) | AbsorbTicket(source_id=target) if target == state.ticket_id:
            raise IllegalTransition("a ticket cannot be merged into itself", action=MERGE)
        case AbsorbTicket() if state.status is Status.CLOSED:
            raise IllegalTransition("no ticket can be merged into a closed one; reopen it first", action=MERGE)
        case AbsorbTicket() if len(state.absorbed) >= MOST:
            raise IllegalTransition(f"at most {MOST} tickets can be merged into one", action=MERGE)
        case UnmergeTicket(merge_id=merge_id) if state.merge is None or state.merge.merge_id != merge_id:
            raise NotMerged("the ticket is not merged into another one, or not by that merge")
        case DetachTicket(merge_id=merge_id) if merge_id not in state.absorbed:
            raise NotMerged("that merge is not part of the ticket")


def merge(ticket: TicketCore, command: MergeTicket, now: datetime) -> None:
    """Closes the ticket as a duplicate; how it stood is kept, for undoing it."""
    state = ticket.state
    before = MergeRecord(
        merge_id=command.merge_id,
        into=command.into,
        status=state.status,
        hold_reason=state.hold_reason,
        close_reason=state.close_reason,
        resolved_at=state.resolved_at,
        closed_at=state.closed_at,
        waiting_since=state.waiting_since,
    )
    if state.status is not Status.CLOSED:
        ticket.move(Action.CLOSE)
    state.merge, state.closed_at, state.close_reason = before, now, CloseReason.DUPLICATE
    ticket.record_event(
        TicketClosed, now, command.actor, reason=CloseReason.DUPLICATE, cause="command", merge_id=command.merge_id
    )


def absorb(ticket: TicketCore, command: AbsorbTicket, now: datetime) -> None:
    """Takes in another ticket. A resolved ticket owes no answer, whoever else waits for one."""
    ticket.state.absorbed[command.merge_id] = command.source_id
    is_resolved = ticket.state.status is Status.RESOLVED
    ticket.record_event(
        TicketAbsorbed,
        now,
        command.actor,
        source_id=command.source_id,
        merge_id=command.merge_id,
        resolution_from=command.resolution_from,
        waiting_since=None if is_resolved else command.waiting_since,
    )


def unmerge(ticket: TicketCore, command: UnmergeTicket, now: datetime) -> None:
    """Stands on its own again, as before the merge."""
    record = ticket.state.merge
    if record is None:
        raise AssertionError("an unmerge that was checked finds its merge")
    ticket.unmerge(record)
    ticket.record_event(TicketUnmerged, now, command.actor, merge_id=record.merge_id, former_target_id=record.into)


def detach(ticket: TicketCore, command: DetachTicket, now: datetime) -> None:
    """Lets go of a ticket that was taken in."""
    source_id = ticket.state.absorbed.pop(command.merge_id)
    ticket.record_event(TicketDetached, now, command.actor, source_id=source_id, merge_id=command.merge_id)
