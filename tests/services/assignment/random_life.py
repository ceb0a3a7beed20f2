"""A ticket that random things happen to, and their way into the read model."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from services.assignment.commands.execution.record_answers import record_answers
from services.assignment.consumers.projection import project
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TeamId, TicketId
from shared.contracts.commands import (
    AssignTicket,
    CloseTicket,
    Command,
    HoldTicket,
    PendTicket,
    PrioritiseTicket,
    RecordReply,
    ReleaseTicket,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
    SetTicketDue,
)
from shared.contracts.events import Envelope
from shared.contracts.vocabulary import CloseReason, HoldReason, Priority
from shared.domain.errors import Refusal
from shared.domain.ticket import Ticket as DomainTicket
from shared.domain.ticket import TicketState
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk, agent_id
from tests.support.tickets import AGENT, REQUESTER, message, opening, policy, triage


class RandomLife:
    """A ticket that something random happens to, at instants that lie in the past."""

    def __init__(self, chance: random.Random, team: UUID) -> None:
        self.chance, self.team = chance, TeamId(team)
        self.now = utc_now() - timedelta(days=45, seconds=chance.randint(0, 3_600))
        self.opened_at = self.now
        self.id = TicketId(new_id())
        self.ticket = DomainTicket(TicketState.of(opening(self.id, number=f"A{self.id.hex[-10:]}", at=self.now)))
        self.ticket.open(REQUESTER, self.now)
        self.planned = self.now + timedelta(seconds=chance.randint(1, 600))
        self.taken = 0

    def news(self) -> list[Envelope]:
        new = self.ticket.events[self.taken :]
        self.taken = len(self.ticket.events)
        return [event.envelope(f"ticket-{self.id}:{event.seq}", event.at) for event in new]

    @property
    def next_at(self) -> datetime:
        """When something happens next: what is due by itself, or what is planned."""
        return min(self.planned, self.ticket.next_instant() or self.planned)

    def happen(self) -> None:
        """What happens next, at its instant."""
        self.now = self.next_at
        if self.now < self.planned:
            self.ticket.advance(self.now)
            return
        self.planned += timedelta(seconds=self.chance.choice([1, 60, 3_000, 40_000, 200_000]))
        if self.ticket.state.policy is None:
            command = triage(team_id=self.team, agent_id=self.chance.choice([None, agent_id("ada")]), policy=policy())
            self.ticket.handle(command, self.now)
        elif self.chance.random() < 0.25:
            at = self.now - timedelta(seconds=self.chance.choice([0, 0, 5_000]))
            self.ticket.receive(message(f"m{self.now}", at), self.now)
        else:
            self._try_commands()

    def _try_commands(self) -> None:
        for _ in range(20):
            try:
                self.ticket.handle(self._command(), self.now)
            except Refusal:
                continue
            return

    def _command(self) -> Command:
        who: dict[str, Any] = {"command_id": str(new_id()), "actor": AGENT}
        kinds: list[Callable[[], Command]] = [
            lambda: AssignTicket(**who, agent_id=self.chance.choice([agent_id("ada"), agent_id("bruno")])),
            lambda: ReleaseTicket(**who),
            lambda: PendTicket(**who),
            lambda: HoldTicket(**who, reason=HoldReason.VENDOR),
            lambda: ResumeTicket(**who),
            lambda: ResolveTicket(**who),
            lambda: ReopenTicket(**who),
            lambda: CloseTicket(**who, reason=CloseReason.RESOLVED),
            lambda: PrioritiseTicket(**who, priority=self.chance.choice(list(Priority))),
            lambda: SetTicketDue(**who, due_at=self.now + timedelta(days=1)),
            lambda: RecordReply(**who, message_id=new_id(), replied_at=self.now),
        ]
        return self.chance.choice(kinds)()


MEETINGS = {"23505", "40P01"}
"""What PostgreSQL says where `on conflict (id)` meets an update of the same row: for a moment it sees no row of this
id and inserts one, whose number is taken; two that do so wait for each other."""
TRIES = 5


async def take_in(desk: Desk, life: RandomLife, chance: random.Random) -> None:
    """The news arrives as an answer or by the stream; after a meeting once more, as the stream and senders do it."""
    news, is_answer = life.news(), chance.random() < 0.5
    answer = CommandAnswer(snapshot=life.ticket.state.snapshot(), events=tuple(news))
    for attempt in range(TRIES):
        try:
            if is_answer:
                async with desk.database.begin() as session:
                    await record_answers(session, [answer])
            else:
                await project(desk.database, desk.ids, "time-travel", news)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in MEETINGS or attempt == TRIES - 1:
                raise
        else:
            return
