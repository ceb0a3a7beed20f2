"""After a restore: what the workflows have announced is published again, and what does not agree is named.

Publishing again is harmless: events keep their ids, and every consumer passes over what it has had.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from temporalio.client import Client
from temporalio.service import RPCError

from deploy.cli.backup.create import Say
from deploy.cli.backup.workflow_histories import PREFIX, TicketAnnouncements, announced_since, ticket_runs
from deploy.cli.environment import database_url, environment_of
from deploy.cli.errors import CliError
from deploy.cli.read_only_bus import connected
from services.assignment.models import LoggedEvent, table_of
from shared.contracts.names import NAMESPACE
from shared.kit.bus import Bus

MARGIN = timedelta(minutes=2)
"""Before the instant itself: clocks of several machines differ."""
AT_ONCE = 16
BATCH = 200
ANSWERS_WITHIN = 10.0
OPEN = "select id from tickets where seq > 0 and status <> 'closed'"
"""Assignment's tickets whose workflow has been there, and must be there still."""
CHANGED = "select distinct ticket_id from events where recorded_at >= :since"
SUBMITTED = "select id from tickets where created_at >= :since"
KNOWN = "select id from tickets where id = any(:ids)"
ADDRESS, NAMESPACE_SETTING = "EVERDESK_TEMPORAL_ADDRESS", "EVERDESK_TEMPORAL_NAMESPACE"


@dataclass
class Reconciliation:
    """What was looked at, mended, and cannot be mended from here."""

    tickets: int = 0
    published: int = 0
    behind: list[UUID] = field(default_factory=list)
    """Workflows that do not know of events that the log has: Temporal is from before the databases."""
    missing: list[UUID] = field(default_factory=list)
    """Open tickets without a workflow, for the same reason."""
    unknown: list[UUID] = field(default_factory=list)
    """Workflows of tickets that no database knows: they were opened after the databases' instant."""
    ended: int = 0
    """Of the unknown, those that were ended."""

    @property
    def is_clean(self) -> bool:
        """Whether the stores agree, now or in a moment."""
        return not self.behind and not self.missing and len(self.unknown) == self.ended


async def reconcile(since: datetime, say: Say, *, end_unknown: bool) -> Reconciliation:
    """Raises CliError if Temporal, NATS or the databases do not answer."""
    given = environment_of("worker", ADDRESS)
    try:
        client = await Client.connect(given[ADDRESS], namespace=given.get(NAMESPACE_SETTING, NAMESPACE))
        async with connected() as bus:
            return await _Reconciler(client, bus, since - MARGIN, say).run(end_unknown=end_unknown)
    except (RPCError, RuntimeError) as problem:
        raise CliError(f"Temporal refused or did not answer: {problem}") from None
    except (OSError, SQLAlchemyError) as problem:
        raise CliError(f"A database does not answer: {problem!r:.300}") from None


class _Reconciler:
    """One pass over all tickets whose workflow is there."""

    def __init__(self, client: Client, bus: Bus, since: datetime, say: Say) -> None:
        self._client, self._bus, self._since, self._say = client, bus, since, say
        self._found = Reconciliation()
        self._open: set[UUID] = set()

    async def run(self, *, end_unknown: bool) -> Reconciliation:
        assignment = create_async_engine(database_url("assignment"))
        intake = create_async_engine(database_url("intake"))
        try:
            async with assignment.connect() as log, intake.connect() as submitted:
                ids = await self._tickets(log, submitted)
                for start in range(0, len(ids), BATCH):
                    await self._reconcile(ids[start : start + BATCH], log, submitted)
        finally:
            await assignment.dispose()
            await intake.dispose()
        for ticket_id in self._found.unknown if end_unknown else ():
            handle = self._client.get_workflow_handle(f"{PREFIX}{ticket_id}")
            await handle.terminate("the ticket was opened after the instant to which the databases were restored")
            self._found.ended += 1
        return self._found

    async def _tickets(self, log: AsyncConnection, submitted: AsyncConnection) -> list[UUID]:
        """Every ticket that may have announced something since: Temporal's own lists lag behind its workflows."""
        self._open = set((await log.execute(text(OPEN))).scalars())
        since = {"since": self._since}
        ids = self._open | set((await log.execute(text(CHANGED), since)).scalars())
        ids |= set((await submitted.execute(text(SUBMITTED), since)).scalars())
        return sorted(ids | {ticket_id async for ticket_id in ticket_runs(self._client, self._since)})

    async def _reconcile(self, ids: Sequence[UUID], log: AsyncConnection, submitted: AsyncConnection) -> None:
        known = set((await submitted.execute(text(KNOWN), {"ids": list(ids)})).scalars())
        places = asyncio.Semaphore(AT_ONCE)

        async def read(ticket_id: UUID) -> TicketAnnouncements | None:
            async with places:
                return await announced_since(self._client, ticket_id, self._since)

        found = await asyncio.gather(*(read(ticket_id) for ticket_id in ids if ticket_id in known))
        histories = [history for history in found if history is not None]
        logged = await _newest_in_log(log, ids, self._since)
        for history in histories:
            if logged.get(history.ticket_id, 0) > history.newest_seq:
                self._found.behind.append(history.ticket_id)
        events = [event for history in histories for event in history.events.values()]
        for start in range(0, len(events), BATCH):
            await self._bus.publish_all(events[start : start + BATCH])
        self._found.published += len(events)
        self._found.tickets += len(histories)
        self._found.unknown += [ticket_id for ticket_id in ids if ticket_id not in known]
        there = {history.ticket_id for history in histories}
        self._found.missing += [ticket_id for ticket_id in ids if ticket_id in self._open & known - there]
        self._say(f"{self._found.tickets} tickets, {self._found.published} events published again")


async def _newest_in_log(log: AsyncConnection, ids: Sequence[UUID], since: datetime) -> dict[UUID, int]:
    events = table_of(LoggedEvent)
    query = (
        select(events.c.ticket_id, func.max(events.c.seq))
        .where(events.c.ticket_id.in_(ids), events.c.at >= since + MARGIN)
        .group_by(events.c.ticket_id)
    )
    return {row.ticket_id: row[1] for row in await log.execute(query)}
