"""Plays incidents as real workflows on a time-skipping server of its own, in one merged order of time."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from temporalio import activity
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.testing import WorkflowEnvironment

from shared.contracts.commands import Command, MessageFact, OpenTicket, RecordReply
from shared.contracts.events import Envelope, TicketArchived
from shared.contracts.names import SEARCH_ATTRIBUTES
from shared.contracts.policies import PolicySnapshot
from shared.domain.errors import Refusal
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.tickets import SignalDelivery, Tickets
from tests.replay.compare import Compared, compare, unfinished
from tests.replay.policy import AUTO_CLOSE, REOPEN_WINDOW
from tests.replay.pure import Deed, PlayedIncident
from tests.workflows.driver import Announced, program, worker_for
from workflows.options import PUBLISH_EVENTS

STRIDE = timedelta(days=1)
"""The longest the server is asked to skip at once, so that progress shows."""
TRIES = 6
"""A busy machine may need longer than a command's deadline: the same command is safely sent again."""

QUIET = TelemetryConfig(logging=LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR")))
"""Temporal's core warns of the test server's age on every start, in the middle of the table."""


Sent = OpenTicket | Command | MessageFact


@dataclass
class Being:
    """A ticket on the server: what is still to be done, and the instants at which things were done."""

    life: PlayedIncident
    done: list[Deed] = field(default_factory=list)
    drift: timedelta = timedelta()
    """The largest distance from a planned instant to the server's when the workflow took the command."""
    refused: list[str] = field(default_factory=list)


@dataclass
class ReplayProgress:
    """How far one server is."""

    instant: datetime
    compared: list[Compared] = field(default_factory=list)
    """Incidents that ended since the progress before."""
    deeds: int = 0


Tell = Callable[[ReplayProgress], None]


class ReplayArchive(Announced):
    """The bus as a list, emptied of each ticket that has been archived."""

    def __init__(self) -> None:
        super().__init__()
        self.open: dict[str, dict[str, Envelope]] = defaultdict(dict)
        self.over: list[tuple[str, list[Envelope]]] = []

    @activity.defn(name=PUBLISH_EVENTS)
    async def publish_events(self, batch: list[Envelope]) -> None:
        for each in batch:
            self.open[each.subject][each.id] = each
        if batch and batch[-1].type == TicketArchived.type():
            subject = batch[-1].subject
            self.over.append((subject, list(self.open.pop(subject).values())))


class Replay:
    """One server, its worker, and the tickets that live there."""

    def __init__(self, environment: WorkflowEnvironment, archive: ReplayArchive, policy: PolicySnapshot) -> None:
        self.environment = environment
        self.archive = archive
        self.policy = policy
        self.tickets = Tickets(environment.client)
        self.beings: dict[str, Being] = {}

    async def play(self, lives: Sequence[PlayedIncident], tell: Tell) -> None:
        """Plays whole lives to their archive; what is due at one instant is sent at the same time."""
        self.beings = {str(life.opening.ticket_id): Being(life) for life in lives}
        for at, due in schedule(lives):
            await self.reach(at, tell)
            await asyncio.gather(*(self.act(ticket, at, whats) for ticket, whats in due.items()))
            tell(self.progress(at, sum(map(len, due.values()))))
        await self.reach(max(life.incident.ends_at for life in lives) + AUTO_CLOSE + REOPEN_WINDOW + STRIDE, tell)
        for subject, envelopes in self.archive.open.items():
            self.archive.over.append((subject, list(envelopes.values())))
        tell(self.progress(await self.environment.get_current_time(), 0))

    async def reach(self, at: datetime, tell: Tell) -> None:
        """Skips to an instant: never before it, and past it by as little as the server takes."""
        while (left := at - await self.environment.get_current_time()) > timedelta():
            await self.environment.sleep(min(left, STRIDE))
            if left > STRIDE:
                tell(self.progress(at - left, 0))

    def progress(self, at: datetime, deeds: int) -> ReplayProgress:
        """What has happened since the last time it was asked."""
        over, self.archive.over = self.archive.over, []
        return ReplayProgress(at, [self.judge(subject, envelopes) for subject, envelopes in over], deeds)

    def judge(self, subject: str, envelopes: list[Envelope]) -> Compared:
        """Compares a ticket that has ended."""
        being = self.beings.pop(subject)
        if being.refused or envelopes[-1].type != TicketArchived.type():
            return unfinished(being.life, "; ".join(being.refused) or "the ticket was not archived")
        return compare(being.life, being.done, envelopes, self.policy, being.drift)

    async def act(self, ticket: str, at: datetime, whats: Sequence[Sent]) -> None:
        """Does to one ticket, in order, what is due."""
        being = self.beings[ticket]
        for number, what in enumerate(whats):
            told = what if number == 0 else in_order(what, await self.environment.get_current_time())
            try:
                await patiently(partial(self.send, being, at, told))
            except Refusal as refusal:
                being.refused.append(f"{type(what).__name__} at {at}: {refusal.code}: {refusal.message}")

    async def send(self, being: Being, at: datetime, what: Sent) -> None:
        """Sends one thing, and notes when the workflow took it."""
        ticket_id = being.life.opening.ticket_id
        if isinstance(what, OpenTicket):
            await self.tickets.start(what)
        elif isinstance(what, MessageFact):
            delivery = await self.tickets.post_message(ticket_id, what)
            if delivery is not SignalDelivery.DELIVERED:
                being.refused.append(f"message at {at}: {delivery}")
            being.done.append(Deed(max(at, what.received_at), what))
        else:
            answer = await self.tickets.send(ticket_id, what)
            being.done.append(Deed(answer.updated_at, what))
            being.drift = max(being.drift, answer.updated_at - at)


def schedule(lives: Sequence[PlayedIncident]) -> list[tuple[datetime, dict[str, list[Sent]]]]:
    """Every instant at which something is due, and what is due for which ticket, in order."""
    due: dict[datetime, dict[str, list[Sent]]] = defaultdict(lambda: defaultdict(list))
    for life in lives:
        ticket = str(life.opening.ticket_id)
        due[life.opening.opened_at][ticket].append(life.opening)
        for deed in life.deeds:
            due[deed.at][ticket].append(deed.what)
    return sorted(due.items())


def in_order(what: Sent, now: datetime) -> Sent:
    """A message that comes after something else at one planned instant bears the server's: commands took effect then.

    With the planned instant it would count as older than they, a late fact that the log does not have.
    """
    match what:
        case RecordReply():
            return what.model_copy(update={"replied_at": now})
        case MessageFact():
            return what.model_copy(update={"received_at": now})
    return what


async def patiently(send: Callable[[], Awaitable[None]]) -> None:
    """Sends again what was not answered in time. Raises Refusal, and TicketsUnavailable after the last try."""
    for _ in range(TRIES - 1):
        try:
            return await send()
        except TicketsUnavailable:
            continue
    return await send()


@asynccontextmanager
async def server(policy: PolicySnapshot, tickets: int) -> AsyncIterator[Replay]:
    """A time-skipping server and a worker that keeps all the tickets in memory, for as long as the block lasts."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=program("temporal-test-server"),
        data_converter=pydantic_data_converter,
        runtime=Runtime(telemetry=QUIET),
    ) as environment:
        await environment.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                search_attributes=dict.fromkeys(SEARCH_ATTRIBUTES, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
            )
        )
        archive = ReplayArchive()
        async with worker_for(environment.client, archive, cache=tickets + 10):
            yield Replay(environment, archive, policy)
