"""Records the histories that `test_replay.py` replays: `python -m tests.workflows.record`, on the real server.

Record a new shape when the workflow learns something new; what is there already is left alone. Do not delete an old
one to make a failing replay pass: tickets of that shape are running somewhere. Guard the change with
`workflow.patched` instead.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from shared.contracts.base import TicketId
from shared.contracts.commands import (
    AssignTicket,
    ChangeTicketPolicy,
    CloseTicket,
    HoldTicket,
    OpenTicket,
    PendTicket,
    PrioritiseTicket,
    RecordReply,
    ReopenTicket,
    ResolveTicket,
    RevertTicketPolicy,
)
from shared.contracts.names import ticket_workflow_id
from shared.contracts.vocabulary import CloseReason, HoldReason, PolicyMode, Priority
from shared.domain.errors import Refusal
from shared.kit.clock import new_id, utc_now
from tests.support.eventually import eventually
from tests.support.tickets import ADA, AGENT, BRUNO, TEAM, an_id, message, opening, policy, triage
from tests.workflows.driver import SHORT_HISTORY, Announced, TicketDriver, program, worker_for
from workflows.provisioning import ensure_search_attributes

HISTORIES = Path(__file__).parent / "histories"
CHECKOUT = Path(__file__).resolve().parents[2]
"""Taken out of recorded stack traces: where somebody's checkout lies is nobody's business."""
Story = Callable[[TicketDriver, TicketId], Awaitable[None]]


async def opened(desk: TicketDriver, ticket_id: TicketId) -> None:
    await eventually(lambda: desk.announced.names(ticket_id) == ["opened"])


async def breached(desk: TicketDriver, ticket_id: TicketId) -> None:
    hasty = policy(targets={"normal": {"first_response": 1, "resolution": 2}})
    await desk.tickets.send(ticket_id, triage(policy=hasty, agent_id=ADA))
    await eventually(lambda: desk.announced.names(ticket_id).count("sla_breached") == 2)


async def resolved_and_closed(desk: TicketDriver, ticket_id: TicketId) -> None:
    await desk.tickets.send(ticket_id, triage(agent_id=ADA))
    await reply(desk, ticket_id)
    await desk.tickets.post_message(ticket_id, message("thanks", utc_now()))
    await desk.tickets.send(ticket_id, ResolveTicket(command_id="s", actor=AGENT))
    await desk.tickets.send(ticket_id, CloseTicket(command_id="c", actor=AGENT, reason=CloseReason.RESOLVED))
    await eventually(lambda: "closed" in desk.announced.names(ticket_id))


async def reopened(desk: TicketDriver, ticket_id: TicketId) -> None:
    await desk.tickets.send(ticket_id, triage())
    await desk.tickets.send(ticket_id, AssignTicket(command_id="a", actor=AGENT, agent_id=BRUNO))
    await desk.tickets.send(ticket_id, PendTicket(command_id="p", actor=AGENT))
    await desk.tickets.post_message(ticket_id, message("here you are", utc_now()))
    await desk.tickets.send(ticket_id, HoldTicket(command_id="h", actor=AGENT, reason=HoldReason.VENDOR))
    await desk.tickets.send(ticket_id, PrioritiseTicket(command_id="u", actor=AGENT, priority=Priority.HIGH))
    await desk.tickets.send(ticket_id, ResolveTicket(command_id="s", actor=AGENT))
    await desk.tickets.post_message(ticket_id, message("it is back", utc_now()))
    await desk.tickets.send(ticket_id, ResolveTicket(command_id="s2", actor=AGENT))
    with suppress(Refusal):
        await desk.tickets.send(ticket_id, PendTicket(command_id="no", actor=AGENT))
    await desk.tickets.send(ticket_id, ReopenTicket(command_id="o", actor=AGENT))
    await eventually(lambda: desk.announced.names(ticket_id).count("reopened") == 2)


async def outage(desk: TicketDriver, ticket_id: TicketId) -> None:
    desk.announced.is_away = True
    await desk.tickets.send(ticket_id, triage())
    await reply(desk, ticket_id)
    desk.announced.is_away = False
    await eventually(lambda: "sla_settled" in desk.announced.names(ticket_id), within=20)


async def closed_archived(desk: TicketDriver, ticket_id: TicketId) -> None:
    brief = policy(auto_close_seconds=1, reopen_window_seconds=1)
    await desk.tickets.send(ticket_id, triage(policy=brief))
    await desk.tickets.send(ticket_id, ResolveTicket(command_id="s", actor=AGENT))
    await eventually(lambda: "archived" in desk.announced.names(ticket_id))


async def continued_as_new(desk: TicketDriver, ticket_id: TicketId) -> None:
    await desk.tickets.send(ticket_id, triage())
    for number in range(40):
        await desk.tickets.post_message(ticket_id, message(f"m{number}", utc_now()))
        await eventually(partial(has_recorded, desk, ticket_id, number + 1))


async def escalated(desk: TicketDriver, ticket_id: TicketId) -> None:
    ladder = [
        {"metric": "first_response", "at_percent": 50, "do": "raise_priority"},
        {"metric": "resolution", "after_breach_seconds": 0, "do": "reassign", "to": "lead"},
    ]
    hasty = policy(
        targets={name: {"first_response": 2, "resolution": 3} for name in ("normal", "high")}, escalations=ladder
    )
    hasty = hasty.model_copy(update={"leads": {TEAM: BRUNO}})
    await desk.tickets.send(ticket_id, triage(policy=hasty.sealed(), agent_id=ADA))
    await eventually(lambda: desk.announced.names(ticket_id).count("escalated") == 2)


async def silent(desk: TicketDriver, ticket_id: TicketId) -> None:
    brief = policy(pending_reminder_seconds=(1,), pending_resolve_seconds=2, auto_close_seconds=1)
    await desk.tickets.send(ticket_id, triage(policy=brief.sealed()))
    await desk.tickets.send(ticket_id, PendTicket(command_id="p", actor=AGENT))
    await eventually(lambda: "closed" in desk.announced.names(ticket_id))


async def rolled_out_and_back(desk: TicketDriver, ticket_id: TicketId) -> None:
    rollout = an_id("rollout")
    await desk.tickets.send(ticket_id, triage(policy=policy().sealed()))
    other = policy("Other", targets={"normal": {"first_response": 1800}}).sealed()
    change = ChangeTicketPolicy(
        command_id="new", actor=AGENT, policy=other, mode=PolicyMode.RESTART, rollout_id=rollout
    )
    await desk.tickets.send(ticket_id, change)
    await reply(desk, ticket_id)
    await desk.tickets.send(ticket_id, RevertTicketPolicy(command_id="old", actor=AGENT, rollout_id=rollout))
    await eventually(lambda: desk.announced.names(ticket_id).count("policy_changed") == 2)


async def late_reply(desk: TicketDriver, ticket_id: TicketId) -> None:
    hasty = policy(targets={"normal": {"first_response": 1, "next_response": 60}})
    written_at = utc_now()
    await desk.tickets.send(ticket_id, triage(policy=hasty.sealed()))
    await eventually(lambda: "sla_breached" in desk.announced.names(ticket_id))
    told = RecordReply(command_id="r", actor=AGENT, message_id=new_id(), replied_at=written_at)
    await desk.tickets.send(ticket_id, told)
    await eventually(lambda: "sla_breach_withdrawn" in desk.announced.names(ticket_id))


async def answered(desk: TicketDriver, ticket_id: TicketId) -> None:
    """Opened and triaged in one request, worked on by senders who announce the events; timers announce their own."""
    warned = policy(targets={"normal": {"first_response": 3600, "resolution": 2}})
    await desk.tickets.open_and_execute(unsearchable(ticket_id), triage(policy=warned.sealed(), agent_id=ADA))
    await desk.tickets.record_message(ticket_id, message("more", utc_now()))
    told = RecordReply(command_id="r", actor=AGENT, message_id=new_id(), replied_at=utc_now())
    await desk.tickets.execute(ticket_id, told)
    await eventually(lambda: "sla_breached" in desk.announced.names(ticket_id))
    await desk.tickets.execute(ticket_id, ResolveTicket(command_id="s", actor=AGENT))
    with suppress(Refusal):
        await desk.tickets.execute(ticket_id, PendTicket(command_id="no", actor=AGENT))
    await desk.tickets.execute(ticket_id, CloseTicket(command_id="c", actor=AGENT, reason=CloseReason.RESOLVED))


async def answered_over_runs(desk: TicketDriver, ticket_id: TicketId) -> None:
    await desk.tickets.open_and_execute(unsearchable(ticket_id), triage())
    for number in range(40):
        await desk.tickets.record_message(ticket_id, message(f"m{number}", utc_now()))
    await desk.tickets.record_message(ticket_id, message("m0", utc_now()))
    await desk.tickets.execute(ticket_id, triage())


async def answered_and_searchable(desk: TicketDriver, ticket_id: TicketId) -> None:
    await desk.tickets.open_and_execute(opening(ticket_id, at=utc_now()), triage(agent_id=ADA))
    await desk.tickets.execute(ticket_id, PendTicket(command_id="p", actor=AGENT))
    await desk.tickets.send(ticket_id, ResolveTicket(command_id="s", actor=AGENT))
    await eventually(lambda: "resolved" in desk.announced.names(ticket_id))


def unsearchable(ticket_id: TicketId) -> OpenTicket:
    """A ticket as they are opened unless a setting says otherwise."""
    return opening(ticket_id, at=utc_now()).model_copy(update={"has_search_attributes": False})


def has_recorded(desk: TicketDriver, ticket_id: TicketId, messages: int) -> bool:
    return desk.announced.names(ticket_id).count("message_recorded") == messages


async def reply(desk: TicketDriver, ticket_id: TicketId) -> None:
    told = RecordReply(command_id="r", actor=AGENT, message_id=new_id(), replied_at=utc_now())
    await desk.tickets.send(ticket_id, told)


STORIES: list[Story] = [
    *(opened, breached, resolved_and_closed, reopened, outage, closed_archived, continued_as_new),
    *(escalated, silent, rolled_out_and_back, late_reply),
    *(answered, answered_over_runs, answered_and_searchable),
]
OPENED_BY_THEMSELVES = (answered, answered_over_runs, answered_and_searchable)


async def record(desk: TicketDriver, story: Story) -> None:
    """Plays a story and writes the history of the ticket's last run."""
    ticket_id = TicketId(new_id())
    if story not in OPENED_BY_THEMSELVES:
        await desk.tickets.start(opening(ticket_id, at=utc_now()))
    await story(desk, ticket_id)
    await asyncio.sleep(0.5)
    history = await desk.client.get_workflow_handle(ticket_workflow_id(ticket_id)).fetch_history()
    (HISTORIES / f"{story.__name__}.json").write_text(history.to_json().replace(f"{CHECKOUT}/", "") + "\n")


async def main() -> None:
    HISTORIES.mkdir(exist_ok=True)
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=program("temporal"),
        data_converter=pydantic_data_converter,
        dev_server_extra_args=["--dynamic-config-value", f"limit.historyCount.suggestContinueAsNew={SHORT_HISTORY}"],
    ) as environment:
        await ensure_search_attributes(environment.client)
        announced = Announced()
        async with worker_for(environment.client, announced):
            for story in STORIES:
                if (HISTORIES / f"{story.__name__}.json").exists():
                    continue
                await record(TicketDriver(environment.client, announced), story)


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)
