"""Simulates a policy change on a ticket rebuilt from its event log."""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.contracts.commands import ChangeTicketPolicy
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import SYSTEM, TicketSnapshot
from shared.contracts.vocabulary import Metric, Outcome, PolicyMode, Priority, Status
from shared.domain.errors import Refusal
from shared.domain.sla import FactKind, History, Sla
from shared.domain.sla.clock import TICK, SlaClock
from shared.domain.ticket import Ticket, TicketState

WAITING = (FactKind.PENDED, FactKind.HELD)


@dataclass(frozen=True, slots=True)
class SimulatedClock:
    """One unsettled clock before and after; what is None is not there, not due or without a target."""

    metric: Metric
    cycle_before: int | None
    cycle_after: int | None
    target_before: timedelta | None
    target_after: timedelta | None
    due_before: datetime | None
    due_after: datetime | None
    is_breached: bool
    """It has been breached already, and stays so."""
    would_breach: bool
    """It is not breached yet and would be at once."""
    ends_as: Outcome | None = None
    """How the clock's present cycle would end at once."""


@dataclass(frozen=True, slots=True)
class SimulatedChange:
    """One ticket before and after, at the instant of the change: everything that would follow at once included."""

    status_before: Status
    status_after: Status
    priority_before: Priority
    priority_after: Priority
    clocks: tuple[SimulatedClock, ...]


def ticket_from_history(snapshot: TicketSnapshot, history: History) -> Ticket:
    """The ticket as its log has it: its state from the last snapshot, its clocks folded from all its facts."""
    clocks = history.folded()
    reached = max((fact.at for fact in history.facts), default=history.opened_at)
    sla = Sla.model_construct(
        base=clocks.fork(),
        horizon=reached,
        facts=[],
        current=clocks,
        reached=reached,
        policies=dict(history.policies),
        revisions={},
    )
    waits = [fact.at for fact in history.facts if fact.kind in WAITING]
    is_waiting = snapshot.status in (Status.PENDING, Status.ON_HOLD)
    known = {name: getattr(snapshot, name) for name in TicketState.model_fields.keys() & TicketSnapshot.model_fields}
    return Ticket(TicketState(**known, sla=sla, waiting_since=max(waits) if waits and is_waiting else None))


def simulate_change(ticket: Ticket, policy: PolicySnapshot, mode: PolicyMode | None, at: datetime) -> SimulatedChange:
    """Carries the change out on `ticket`, which is spent thereby, by the same code as its workflow would.

    Without a `mode` nothing changes. Raises Refusal if the ticket would refuse.
    """
    ticket.advance(at)
    before = _unsettled(ticket)
    status, priority = ticket.state.status, ticket.state.sla.priority
    if mode is not None:
        ticket.handle(ChangeTicketPolicy(command_id="outlook", actor=SYSTEM, policy=policy, mode=mode), at)
        ticket.advance(at + TICK)
    clocks = tuple(_compared(before, ticket))
    return SimulatedChange(status, ticket.state.status, priority, ticket.state.sla.priority, clocks)


def try_simulate_change(
    ticket: Ticket, policy: PolicySnapshot, mode: PolicyMode | None, at: datetime
) -> SimulatedChange | None:
    """The same, or None for a ticket that the change does not concern any more: it has closed by itself."""
    try:
        return simulate_change(ticket, policy, mode, at)
    except Refusal:
        return None


def _unsettled(ticket: Ticket) -> dict[Metric, SlaClock]:
    return {clock.metric: copy(clock) for clock in ticket.state.sla.clocks if not clock.is_settled}


def _compared(before: dict[Metric, SlaClock], ticket: Ticket) -> Iterator[SimulatedClock]:
    after = _unsettled(ticket)
    ends = {(clock.metric, clock.cycle): clock.outcome for clock in ticket.state.sla.clocks}
    for metric in Metric:
        old, new = before.get(metric), after.get(metric)
        if (old is None or old.target is None) and (new is None or new.target is None):
            continue
        is_breached = old is not None and old.breached_at is not None
        yield SimulatedClock(
            metric=metric,
            cycle_before=old.cycle if old else None,
            cycle_after=new.cycle if new else None,
            target_before=old.target if old else None,
            target_after=new.target if new else None,
            due_before=old.due_at if old else None,
            due_after=new.due_at if new else None,
            is_breached=is_breached,
            would_breach=not is_breached and new is not None and new.breached_at is not None,
            ends_as=ends.get((metric, old.cycle)) if old else None,
        )
