"""Tickets that lived long ago: played through the real rules once, then written under as many ids as wanted."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from services.assignment.commands.execution.projection import TICKET_COLUMNS, assigned_since, row_of, verdict_row
from shared.contracts.base import AgentId, MessageId, TeamId, TicketId
from shared.contracts.commands import (
    AssignTicket,
    Command,
    HoldTicket,
    MessageFact,
    OpenTicket,
    PendTicket,
    PrioritiseTicket,
    RecordReply,
    ResolveTicket,
    ResumeTicket,
    TriageTicket,
)
from shared.contracts.events import LifecycleEvent, SlaSettled
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import ActorKind, HoldReason, Priority
from shared.domain.errors import Refusal
from shared.domain.ticket import Ticket, TicketState

DIFFERENT = 2_000
AT_ONCE = 2_000
BEGIN = datetime(2025, 2, 3, tzinfo=UTC)
DAYS = 640
SPACE = UUID("00000000-0000-4000-8000-00000000f00d")
AGENT = Actor(kind=ActorKind.AGENT, id=uuid5(SPACE, "agent"))
REQUESTER = Actor(kind=ActorKind.REQUESTER)
Rows = tuple[tuple[str, ...], list[tuple[Any, ...]]]
"""Columns and records of one table."""


@dataclass(frozen=True, slots=True)
class Life:
    """What one ticket's life leaves in each table, its id and number still to be put in."""

    ticket_id: str
    number: str
    events: list[tuple[int, str, datetime, str]]
    ticket: dict[str, Any]
    verdicts: list[dict[str, Any]]


def rows_of_lives(count: int, policy: PolicySnapshot, teams: list[UUID]) -> Iterator[dict[str, Rows]]:
    """The rows of `count` tickets, some thousand at once."""
    lives = [play(nth, policy, teams) for nth in range(min(count, DIFFERENT))]
    for start in range(0, count, AT_ONCE):
        yield _rows([(nth, lives[nth % len(lives)]) for nth in range(start, min(start + AT_ONCE, count))])


def play(nth: int, policy: PolicySnapshot, teams: list[UUID]) -> Life:
    """One life; the same number gives the same life."""
    dice = random.Random(nth)
    ticket_id, number = TicketId(uuid5(SPACE, f"template-{nth}")), f"L{nth:07d}x"
    at = BEGIN + timedelta(seconds=dice.randrange(DAYS * 86_400))
    ticket = Ticket(TicketState.of(OpenTicket(ticket_id=ticket_id, number=number, opened_at=at)))
    ticket.open(REQUESTER, at)
    priority = dice.choice(list(Priority))
    team = TeamId(dice.choice(teams))
    steps: list[tuple[type[Command], dict[str, Any]]] = [
        (TriageTicket, {"team_id": team, "policy": policy, "priority": priority}),
        (AssignTicket, {"agent_id": AgentId(AGENT.id or SPACE), "policy": policy}),
        (RecordReply, {}),
        *_middle(dice),
        (ResolveTicket, {}),
    ]
    for kind, fields in steps:
        at += timedelta(seconds=round(dice.lognormvariate(8, 1.6)))
        _do(ticket, kind, fields, at)
    if dice.random() < 0.2:
        at += timedelta(hours=dice.randrange(1, 72))
        _write(ticket, at, f"again-{nth}")
        _do(ticket, RecordReply, {}, at + timedelta(hours=1))
        _do(ticket, ResolveTicket, {}, at + timedelta(hours=2))
    ticket.advance(at + timedelta(days=30))
    return _life(ticket.events, str(ticket_id), number)


def _middle(dice: random.Random) -> list[tuple[type[Command], dict[str, Any]]]:
    some: list[tuple[type[Command], dict[str, Any]]] = []
    if dice.random() < 0.4:
        some += [(PendTicket, {}), (ResumeTicket, {}), (RecordReply, {})]
    if dice.random() < 0.25:
        some += [(HoldTicket, {"reason": dice.choice(list(HoldReason))}), (ResumeTicket, {})]
    if dice.random() < 0.15:
        some.append((PrioritiseTicket, {"priority": dice.choice(list(Priority))}))
    return some


def _do(ticket: Ticket, kind: type[Command], fields: dict[str, Any], at: datetime) -> None:
    name = f"{kind.__name__}-{len(ticket.events)}"
    if kind is RecordReply:
        fields = {"message_id": MessageId(uuid5(SPACE, f"{at}-{name}")), "replied_at": at}
    ticket.advance(at)
    try:
        ticket.handle(kind(command_id=name, actor=AGENT, **fields), at)
    except Refusal:
        return  # a change to what it already was


def _write(ticket: Ticket, at: datetime, name: str) -> None:
    ticket.receive(
        MessageFact(message_id=MessageId(uuid5(SPACE, name)), author=REQUESTER, received_at=at, is_automatic=False), at
    )


def _life(events: list[LifecycleEvent], ticket_id: str, number: str) -> Life:
    return Life(
        ticket_id,
        number,
        [(event.seq, event.event_name, event.at, json.dumps(event.model_dump(mode="json"))) for event in events],
        row_of(events[-1].snapshot)
        | {
            "snapshot": events[-1].snapshot.model_dump_json(),
            "assigned_at": assigned_since(event.snapshot for event in events)[events[-1].ticket_id],
        },
        [verdict_row(event) for event in events if isinstance(event, SlaSettled)],
    )


def _rows(lives: list[tuple[int, Life]]) -> dict[str, Rows]:
    events: list[tuple[Any, ...]] = []
    tickets: list[tuple[Any, ...]] = []
    verdicts: list[tuple[Any, ...]] = []
    columns, of_verdict = TICKET_COLUMNS, tuple(lives[0][1].verdicts[0])
    for nth, life in lives:
        ticket_id, number = uuid5(SPACE, str(nth)), f"B{nth:07d}y"
        for seq, name, at, data in life.events:
            own = data.replace(life.ticket_id, str(ticket_id)).replace(life.number, number)
            events.append((f"ticket-{ticket_id}:{seq}", ticket_id, seq, name, at, own))
        snapshot = life.ticket["snapshot"].replace(life.ticket_id, str(ticket_id)).replace(life.number, number)
        ticket = {**life.ticket, "id": ticket_id, "number": number, "snapshot": snapshot}
        tickets.append(tuple(ticket[column] for column in columns))
        verdicts += [tuple({**row, "ticket_id": ticket_id}[name] for name in of_verdict) for row in life.verdicts]
    return {
        "events": (("event_id", "ticket_id", "seq", "type", "at", "data"), events),
        "tickets": (columns, tickets),
        "verdicts": (of_verdict, verdicts),
    }
