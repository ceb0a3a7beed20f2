"""The JetStream consumer of the workflow side: sends messages to workflows and publishes the resulting events."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from shared.contracts.base import TicketId
from shared.contracts.commands import MessageFact
from shared.contracts.events import Envelope, MessagePosted, MessageUnclaimed
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import ActorKind
from shared.domain.errors import TicketArchivedError, UnknownTicket
from shared.kit.bus import Bus, Consumer, NotYet, PartialFailure, Unavailable
from shared.kit.bus.consumer import is_away
from shared.kit.clock import utc_now
from shared.kit.ticket_errors import TicketStuck, TicketsUnavailable
from shared.kit.tickets import Tickets

MAX_CONCURRENT_TICKETS = 16
"""Each waits for its answer, so a burst waits in JetStream, not before agents' commands in Temporal's queue."""
BATCH_SIZE = 32


class TicketEventConsumer:
    """Sends messages to ticket workflows, and publishes the events of their answers before it acknowledges.

    A message that is delivered twice gets the same answer, with the same events under the same ids.
    """

    def __init__(self, tickets: Tickets, bus: Bus, patience: timedelta = timedelta(days=1)) -> None:
        self._tickets = tickets
        self._bus = bus
        self._patience = patience
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_TICKETS)

    def consumer(self) -> Consumer:
        """The durable consumer of the workflow side."""
        return Consumer("workflows", (MessagePosted.subjects(),), self.deliver, BATCH_SIZE, self._patience)

    async def deliver(self, envelopes: list[Envelope]) -> None:
        """Delivers a batch: tickets side by side, the messages of one ticket in order.

        Raises PartialFailure for messages that failed, Unavailable while Temporal or all its workers are unreachable.
        """
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
            raise PartialFailure(failed)

    async def _deliver_in_order(self, envelopes: Sequence[Envelope]) -> dict[str, Exception]:
        """Returns the failures by event id. Raises Unavailable or BusUnavailable for an unreachable dependency."""
        failed: dict[str, Exception] = {}
        async with self._slots:
            for position, envelope in enumerate(envelopes):
                try:
                    await self._deliver(envelope)
                except TicketStuck as error:
                    if not await self._tickets.has_worker():
                        raise Unavailable("no worker answers") from error
                    return failed | {late.id: NotYet(str(error)) for late in envelopes[position:]}
                except TicketsUnavailable as error:
                    raise Unavailable(str(error)) from error
                except Exception as error:
                    if is_away(error):
                        raise
                    failed[envelope.id] = error
        return failed

    async def _deliver(self, envelope: Envelope) -> None:
        posted = MessagePosted.of(envelope)
        if posted.was_archived or posted.has_command:
            return
        try:
            told = await self._tickets.record_message(posted.ticket_id, _fact(posted))
        except UnknownTicket as unknown:
            raise NotYet(f"the workflow of ticket {posted.ticket_id} has not started") from unknown
        except TicketArchivedError:
            await self._announce_unclaimed(posted)
            return
        await self._bus.publish_all(told.events)
        merged_into = told.snapshot.merged_into
        if told.snapshot.is_archived or merged_into is not None:
            await self._announce_unclaimed(posted, merged_into)

    async def _announce_unclaimed(self, posted: MessagePosted, merged_into: TicketId | None = None) -> None:
        """Publishes `message.unclaimed` for a requester's message to an archived ticket, which opens a new one.

        A message to a merged ticket goes on to the one that it is part of.
        """
        if posted.author.kind is not ActorKind.REQUESTER or posted.is_automatic:
            return
        unclaimed = MessageUnclaimed(ticket_id=posted.ticket_id, message_id=posted.message_id, merged_into=merged_into)
        await self._bus.publish_all([unclaimed.envelope(f"unclaimed:{posted.message_id}", utc_now())])


def _fact(posted: MessagePosted) -> MessageFact:
    return MessageFact(
        message_id=posted.message_id,
        author=Actor(kind=posted.author.kind, id=posted.author.id),
        received_at=posted.received_at,
        is_automatic=posted.is_automatic,
    )
