"""Plays an incident through the pure rules: run (a), and the plan that real workflows follow afterwards."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.contracts.base import TicketId
from shared.contracts.commands import Command, MessageFact, OpenTicket
from shared.contracts.events import Envelope, LifecycleEvent, SlaSettled
from shared.contracts.names import ticket_workflow_id
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import Verdict
from shared.domain.sla import verdicts
from shared.domain.ticket import Ticket, TicketState
from tests.replay.incident_log import Incident
from tests.replay.mapping import PRIORITIES, MappedStatus, steps_of
from tests.support.tickets import REQUESTER, an_id

Verdicts = dict[tuple[str, int], Verdict]
"""The last revision of each (metric, cycle)."""


@dataclass(frozen=True, slots=True)
class Deed:
    """A command or a message, and when."""

    at: datetime
    what: Command | MessageFact


@dataclass
class PlayedIncident:
    """An incident's life in Everdesk: what was done, why, and the verdicts it ended in."""

    incident: Incident
    opening: OpenTicket
    deeds: list[Deed] = field(default_factory=list)
    why: Counter[str] = field(default_factory=Counter)
    verdicts: Verdicts = field(default_factory=dict)
    events: int = 0
    fault: str | None = None
    """How the verdicts computed from the events differ from the live ones; None where they do not."""


def play(incident: Incident, policy: PolicySnapshot) -> PlayedIncident:
    """Plays an incident to its archive, and judges it twice: as it lived, and from its events alone."""
    life = PlayedIncident(incident, opening_of(incident))
    ticket = opened(life.opening)
    for number, row in enumerate(incident.rows):
        ticket.advance(row.at)
        for step in steps_of(row, f"{incident.number}:{number}", policy, MappedStatus.of(ticket.state)):
            life.why[step.why] += 1
            if step.deed is not None:
                do(ticket, step.deed, row.at)
                life.deeds.append(Deed(row.at, step.deed))
    finish(ticket)
    life.events = len(ticket.events)
    life.verdicts = settled(ticket.events)
    life.fault = difference(life.verdicts, recomputed(enveloped(ticket.events), policy))
    return life


def live_again(opening: OpenTicket, deeds: Iterable[Deed]) -> Verdicts:
    """The verdicts of the same deeds at the instants given, by the pure rules."""
    ticket = opened(opening)
    for deed in deeds:
        do(ticket, deed.what, deed.at)
    finish(ticket)
    return settled(ticket.events)


def opening_of(incident: Incident) -> OpenTicket:
    """What the ticket's workflow starts from."""
    return OpenTicket(
        ticket_id=TicketId(an_id(incident.number)),
        number=incident.number,
        priority=PRIORITIES[incident.rows[0].priority],
        opened_at=incident.opened_at,
    )


def opened(opening: OpenTicket) -> Ticket:
    """A ticket that has just come in."""
    ticket = Ticket(TicketState.of(opening))
    ticket.open(REQUESTER, opening.opened_at)
    return ticket


def do(ticket: Ticket, what: Command | MessageFact, at: datetime) -> None:
    """Does one thing to it. Raises Refusal: the plan has nothing that is refused."""
    if isinstance(what, MessageFact):
        ticket.receive(what, at)
    else:
        ticket.handle(what, at)


def finish(ticket: Ticket) -> None:
    """Lets it rest until it is archived."""
    while (instant := ticket.next_instant()) is not None:
        ticket.advance(instant)


def settled(events: Iterable[object]) -> Verdicts:
    """The verdicts the events announce."""
    found = (event.verdict for event in events if isinstance(event, SlaSettled))
    return {(verdict.metric.value, verdict.cycle): verdict for verdict in found}


def recomputed(envelopes: Iterable[Envelope], policy: PolicySnapshot) -> Verdicts:
    """The verdicts by `shared.domain.sla.verdicts`, from nothing but the events and the policy."""
    found = verdicts(envelopes, {policy.policy_id: policy})
    return {(verdict.metric.value, verdict.cycle): verdict for verdict in found}


def enveloped(events: Sequence[LifecycleEvent]) -> list[Envelope]:
    """The events as the bus would carry them."""
    return [event.envelope(f"{ticket_workflow_id(event.ticket_id)}:{event.seq}", event.at) for event in events]


def difference(one: Verdicts, other: Verdicts) -> str | None:
    """The first verdict in which two ways of judging differ, to the microsecond; None if they are equal."""
    for key in sorted(one.keys() | other.keys()):
        if one.get(key) != other.get(key):
            return f"{key[0]} {key[1]}: {one.get(key)!r} is not {other.get(key)!r}"
    return None
