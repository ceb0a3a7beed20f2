"""A process that can be ended at any of its steps: each transaction, and each question to a ticket's workflow."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TicketId
from shared.contracts.commands import Command
from shared.kit.db import Database, Session
from shared.kit.outbox_row import OutboxRow
from shared.kit.tickets import Tickets


class ProcessEnded(BaseException):
    """The process ended here, as after `kill -9`: nothing that follows is carried out."""


@dataclass
class StepCounter:
    """Counts the steps of a process, and ends it at one of them."""

    ends_at: int | None = None
    """The number of the step, from 0; None if it lives."""
    passed: list[str] = field(default_factory=list)

    def reach(self, step: str) -> None:
        """Notes a step. Raises ProcessEnded at the chosen one, and at all that clean-up code would still take."""
        self.passed.append(step)
        if self.ends_at is not None and len(self.passed) > self.ends_at:
            raise ProcessEnded(step)


class SteppingDatabase(Database):
    """Counts each transaction before it begins and once it is committed."""

    def __init__(self, database: Database, steps: StepCounter) -> None:
        super().__init__(database.engine, events_for_outsiders=database.announces_to_outsiders)
        self._steps = steps

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Session]:
        self._steps.reach("before a transaction")
        async with super().begin() as session:
            yield session
        self._steps.reach("after its commit")

    @asynccontextmanager
    async def single(self) -> AsyncIterator[AsyncConnection]:
        self._steps.reach("before a statement")
        async with super().single() as connection:
            yield connection
        self._steps.reach("after a statement")

    async def announce(self, rows: Sequence[OutboxRow]) -> None:
        self._steps.reach("before announcing")
        await super().announce(rows)


class SteppingTickets(Tickets):
    """Counts each command before it is sent and once it is answered."""

    def __init__(self, tickets: Tickets, steps: StepCounter) -> None:
        super().__init__(tickets.client)
        self._steps = steps

    async def execute(self, ticket_id: TicketId, command: Command) -> CommandAnswer:
        self._steps.reach("before a command")
        told = await super().execute(ticket_id, command)
        self._steps.reach("after its answer")
        return told
