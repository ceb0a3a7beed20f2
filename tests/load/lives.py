"""One whole ticket life, driven at the workflow: through our client, and through the baseline's."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDReusePolicy

from services.assignment.calendar_resolution import resolve
from shared.contracts.base import AgentId, MessageId, PolicyId, TeamId, TicketId
from shared.contracts.calendars import BusinessCalendar
from shared.contracts.commands import (
    CloseTicket,
    Command,
    MessageFact,
    OpenTicket,
    RecordReply,
    ResolveTicket,
    TriageTicket,
)
from shared.contracts.names import ticket_workflow_id
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import ActorKind, CloseReason
from shared.kit.clock import new_id, utc_now
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.tickets import Tickets
from tests.load.baseline import KEYS, BaselineWorkflow
from tests.load.baseline_words import BaselineView, Do, Open, Posted
from tests.load.bench_worker import QUEUE

Life = Callable[[], Awaitable[str]]
"""Plays one life and returns its workflow id."""

TEAM, AGENT = TeamId(new_id()), AgentId(new_id())
WEEK = ("mon", "tue", "wed", "thu", "fri")
HOURS = {"timezone": "Europe/Berlin", "weekly": {day: [["09:00", "17:00"]] for day in WEEK}, "holiday_country": "DE"}


def a_policy() -> PolicySnapshot:
    """As assignment resolves it: office hours and ten years of a country's holidays."""
    targets = {"first_response": 14_400, "next_response": 28_800, "resolution": 115_200}
    return PolicySnapshot(
        policy_id=PolicyId(new_id()),
        version=1,
        name="Standard",
        targets=dict.fromkeys(("low", "normal", "high", "urgent"), targets),
        calendar=resolve(BusinessCalendar.model_validate(HOURS), "office", 1, utc_now()),
    )


@dataclass
class OurLife:
    """Through `shared.kit.tickets`, as the workflow side's inbox and assignment do."""

    tickets: Tickets
    policy: PolicySnapshot

    async def __call__(self) -> str:
        ticket_id, reply = TicketId(new_id()), MessageId(new_id())
        agent = Actor(kind=ActorKind.AGENT, id=AGENT)
        send = self._send
        opening = OpenTicket(ticket_id=ticket_id, number="100001", opened_at=utc_now(), has_exact_timer=True)
        await self.tickets.start(opening)
        await send(
            ticket_id,
            TriageTicket(
                command_id=f"triage:{ticket_id}",
                actor=Actor(kind=ActorKind.SYSTEM),
                team_id=TEAM,
                policy=self.policy,
                agent_id=AGENT,
            ),
        )
        await self._post(ticket_id, MessageId(new_id()), Actor(kind=ActorKind.REQUESTER))
        await send(
            ticket_id,
            RecordReply(command_id=str(new_id()), actor=agent, message_id=reply, replied_at=utc_now()),
        )
        await self._post(ticket_id, reply, agent)
        await send(ticket_id, ResolveTicket(command_id=str(new_id()), actor=agent))
        await send(ticket_id, CloseTicket(command_id=str(new_id()), actor=agent, reason=CloseReason.RESOLVED))
        return ticket_workflow_id(ticket_id)

    async def _send(self, ticket_id: TicketId, command: Command) -> None:
        """On a busy machine an answer may take longer than its deadline; the same command is then sent again."""
        while True:
            with suppress(TicketsUnavailable):
                await self.tickets.send(ticket_id, command)
                return

    async def _post(self, ticket_id: TicketId, message_id: MessageId, author: Actor) -> None:
        await self.tickets.post_message(
            ticket_id, MessageFact(message_id=message_id, author=author, received_at=utc_now())
        )


@dataclass
class BaselineLife:
    """The same seven calls on the baseline workflow."""

    client: Client

    async def __call__(self) -> str:
        ticket_id, reply = new_id(), new_id()
        workflow_id = f"baseline-{ticket_id}"
        handle = await self.client.start_workflow(
            BaselineWorkflow.run,
            Open(ticket_id=ticket_id, number="100001"),
            id=workflow_id,
            task_queue=QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=TypedSearchAttributes(
                [SearchAttributePair(KEYS[0], "new"), SearchAttributePair(KEYS[3], "normal")]
            ),
        )

        async def do(kind: str, **fields: UUID) -> BaselineView:
            command = Do.model_validate({"command_id": str(new_id()), "kind": kind, "actor_id": AGENT, **fields})
            view: BaselineView = await handle.execute_update(BaselineWorkflow.command, command, id=command.command_id)
            return view

        await do("triage", team_id=TEAM, agent_id=AGENT)
        await handle.signal(BaselineWorkflow.message_posted, Posted(message_id=new_id(), is_requester=True))
        await do("reply", message_id=reply)
        await handle.signal(BaselineWorkflow.message_posted, Posted(message_id=reply, is_requester=False))
        await do("resolve")
        await do("close")
        return workflow_id


async def play(life: Life, count: int, side_by_side: int) -> list[str]:
    """Plays `count` lives, so many at a time."""
    remaining, played = iter(range(count)), list[str]()

    async def player() -> None:
        for _ in remaining:
            played.append(await life())

    await asyncio.gather(*(player() for _ in range(side_by_side)))
    return played
