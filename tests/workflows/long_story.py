"""Plays a very long ticket: several senders at once, and one who changes its status in between."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from shared.contracts.base import MessageId, TicketId
from shared.contracts.commands import (
    CloseTicket,
    Command,
    HoldTicket,
    MessageFact,
    PendTicket,
    RecordReply,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
)
from shared.contracts.tickets import TicketSnapshot
from shared.contracts.vocabulary import Action, CloseReason, HoldReason, Status
from shared.domain.errors import IllegalTransition
from shared.domain.lifecycle import actions_from
from shared.kit.clock import new_id, utc_now
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.tickets import Tickets
from tests.support.tickets import AGENT, message

TOLD_TWICE = 20
"""Every so many messages one is told a second time, as a redelivery would."""

COMMANDS: dict[Action, Callable[[str], Command]] = {
    Action.PEND: lambda key: PendTicket(command_id=key, actor=AGENT),
    Action.HOLD: lambda key: HoldTicket(command_id=key, actor=AGENT, reason=HoldReason.VENDOR),
    Action.RESUME: lambda key: ResumeTicket(command_id=key, actor=AGENT),
    Action.RESOLVE: lambda key: ResolveTicket(command_id=key, actor=AGENT),
    Action.REOPEN: lambda key: ReopenTicket(command_id=key, actor=AGENT),
    Action.CLOSE: lambda key: CloseTicket(command_id=key, actor=AGENT, reason=CloseReason.RESOLVED),
}


@dataclass
class LongStory:
    """What is sent to one ticket, and what of it the workflow accepted."""

    tickets: Tickets
    ticket_id: TicketId
    messages: int
    status_changes: int
    sent: set[MessageId] = field(default_factory=set)
    changed: Counter[Action] = field(default_factory=Counter)

    async def play(self, conversations: int) -> None:
        """Half of the messages are the requester's, half are replies; so many of each are under way at once."""
        numbers, self._turns = iter(range(0, self.messages, 2)), asyncio.Semaphore(0)
        await asyncio.gather(self._change_status(), *(self._converse(numbers) for _ in range(conversations)))

    async def _converse(self, numbers: Iterator[int]) -> None:
        """A signal and an update in turn: the answer holds the next message back until this one was handled."""
        for number in numbers:
            question = message(f"{self.ticket_id}/{number}", utc_now())
            await self._post(question, number)
            reply = message(f"{self.ticket_id}/{number + 1}", utc_now(), AGENT)
            told = RecordReply(
                command_id=str(new_id()), actor=AGENT, message_id=reply.message_id, replied_at=reply.received_at
            )
            await self._send(told)
            if number % TOLD_TWICE == 0:
                await self._post(reply, number)
            self.sent |= {question.message_id, reply.message_id}
            if number % (self.messages // self.status_changes) == 0:
                self._turns.release()

    async def _post(self, fact: MessageFact, number: int) -> None:
        await self.tickets.post_message(self.ticket_id, fact)
        if number % TOLD_TWICE == 0:
            await self.tickets.post_message(self.ticket_id, fact)

    async def _change_status(self) -> None:
        """Whatever the ticket allows next; where a message has moved it first, another change is tried."""
        pick, status = random.Random(20261124), Status.OPEN
        while self.changed.total() < self.status_changes:
            await self._turns.acquire()
            while True:
                action = pick.choice([one for one in actions_from(status) if one in COMMANDS])
                try:
                    status = (await self._send(COMMANDS[action](str(new_id())))).status
                except IllegalTransition as refused:
                    status = Status(refused.details["status"])
                else:
                    self.changed[action] += 1
                    break

    async def _send(self, command: Command) -> TicketSnapshot:
        """On a busy machine an answer may take longer than its deadline; the same command is then sent again."""
        while True:
            with suppress(TicketsUnavailable):
                return await self.tickets.send(self.ticket_id, command)
