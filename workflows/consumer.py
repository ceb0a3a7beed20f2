"""The JetStream consumer of the workflow side: a submission starts a workflow, a message is signalled to it."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from shared.contracts.commands import MessageFact, OpenTicket
from shared.contracts.events import Envelope, MessagePosted, MessageUnclaimed, TicketSubmitted
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import ActorKind, Priority
from shared.kit.bus import Bus, Consumer, NotYet, Partly, Unavailable
from shared.kit.bus.consumer import is_away
from shared.kit.clock import utc_now
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.tickets import SignalDelivery, Tickets

MAX_CONCURRENT_TICKETS = 16
BATCH_SIZE = 32
BURST_SIZE = 16
"""Batches from this size on first wait until the workers have caught up."""
MAX_BACKLOG = 48
BACKLOG_POLL_SECONDS = 0.2
MAX_BACKLOG_POLLS = 50
"""Polls before going on regardless: ten seconds, less than JetStream's redelivery time."""


class TicketEventConsumer:
    """Starts and signals ticket workflows. Both are idempotent, so an event may be delivered twice."""

    def __init__(self, tickets: Tickets, bus: Bus, patience: timedelta = timedelta(minutes=10)) -> None:
        self._tickets = tickets
        self._bus = bus
        self._patience = patience
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_TICKETS)

    def consumer(self) -> Consumer:
        """The durable consumer of the workflow side."""
        subjects = (TicketSubmitted.subjects(), MessagePosted.subjects())
        return Consumer("workflows", subjects, self.deliver, BATCH_SIZE, self._patience)

    async def deliver(self, envelopes: list[Envelope]) -> None:
        """Delivers a batch: tickets side by side, the facts of one ticket in order.

        Raises Partly for facts that failed, Unavailable while Temporal is away.
        """
        if len(envelopes) >= BURST_SIZE:
            await self._wait_for_backlog()
        by_ticket: dict[str, list[Envelope]] = defaultdict(list)
        for envelope in envelopes:
            by_ticket[envelope.subject].append(envelope)
        results = await asyncio.gather(*map(self._deliver_in_order, by_ticket.values()), return_exceptions=True)
        failed: dict[str, Exception] = {}
        for result in results:
            if isinstance(result, BaseException):
                raise result
            failed |= result
        if failed:
            raise Partly(failed)

    async def _wait_for_backlog(self) -> None:
        """A burst waits in JetStream, not in Temporal's queue, where agents' commands would wait behind it."""
        try:
            for _ in range(MAX_BACKLOG_POLLS):
                if await self._tickets.backlog() <= MAX_BACKLOG:
                    return
                await asyncio.sleep(BACKLOG_POLL_SECONDS)
        except TicketsUnavailable as error:
            raise Unavailable(str(error)) from error

    async def _deliver_in_order(self, envelopes: Sequence[Envelope]) -> dict[str, Exception]:
        """What failed, by event id. Raises Unavailable or BusUnavailable if something is away."""
        failed: dict[str, Exception] = {}
        async with self._slots:
            for envelope in envelopes:
                try:
                    await self._deliver(envelope)
                except TicketsUnavailable as error:
                    raise Unavailable(str(error)) from error
                except Exception as error:
                    if is_away(error):
                        raise
                    failed[envelope.id] = error
        return failed

    async def _deliver(self, envelope: Envelope) -> None:
        match envelope.open():
            case TicketSubmitted() as submitted:
                await self._tickets.start(_opening(submitted))
            case MessagePosted() as posted if not posted.was_archived:
                await self._post(posted)

    async def _post(self, posted: MessagePosted) -> None:
        match await self._tickets.post_message(posted.ticket_id, _fact(posted)):
            case SignalDelivery.NOT_STARTED:
                raise NotYet(f"the workflow of ticket {posted.ticket_id} has not started")
            case SignalDelivery.ARCHIVED if posted.author.kind is ActorKind.REQUESTER and not posted.is_automatic:
                unclaimed = MessageUnclaimed(ticket_id=posted.ticket_id, message_id=posted.message_id)
                await self._bus.publish_all([unclaimed.envelope(f"unclaimed:{posted.message_id}", utc_now())])


def _opening(submitted: TicketSubmitted) -> OpenTicket:
    return OpenTicket(
        ticket_id=submitted.ticket_id,
        number=submitted.number,
        topic_id=submitted.topic_id,
        priority=submitted.priority or Priority.NORMAL,
        opened_at=submitted.received_at,
        has_exact_timer=True,
    )


def _fact(posted: MessagePosted) -> MessageFact:
    return MessageFact(
        message_id=posted.message_id,
        author=Actor(kind=posted.author.kind, id=posted.author.id),
        received_at=posted.received_at,
        is_automatic=posted.is_automatic,
    )
