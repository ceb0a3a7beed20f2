"""Commands to the ticket workflow on the real server: refusals, retries, continue-as-new, an outage of the bus."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from shared.contracts.base import TicketId
from shared.contracts.commands import (
    CloseTicket,
    PendTicket,
    PrioritiseTicket,
    RecordReply,
    ReopenTicket,
    ResolveTicket,
)
from shared.contracts.names import ticket_workflow_id
from shared.contracts.vocabulary import CloseReason, Priority, Status
from shared.domain.errors import IllegalTransition, UnknownTicket, VersionConflict
from shared.kit import tickets
from shared.kit.clock import new_id, utc_now
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.tickets import SignalDelivery, Tickets, command_id
from tests.support.eventually import eventually
from tests.support.tickets import AGENT, BRUNO, an_id, message, opening, triage
from tests.workflows.driver import Announced, TicketDriver, worker_for


def handle_of(desk: TicketDriver, ticket_id: TicketId) -> WorkflowHandle[Any, Any]:
    return desk.client.get_workflow_handle(ticket_workflow_id(ticket_id))


async def open_ticket(desk: TicketDriver) -> TicketId:
    ticket_id = TicketId(new_id())
    await desk.tickets.start(opening(ticket_id, at=utc_now()))
    return ticket_id


async def test_starting_twice_starts_once(desk: TicketDriver) -> None:
    ticket_id = await open_ticket(desk)
    await desk.tickets.start(opening(ticket_id, at=utc_now()))
    await eventually(lambda: desk.announced.names(ticket_id) == ["opened"])


async def test_a_refused_command_leaves_no_trace_in_history(desk: TicketDriver) -> None:
    ticket_id = await open_ticket(desk)
    await desk.tickets.send(ticket_id, triage())
    await eventually(lambda: desk.announced.names(ticket_id) == ["opened", "triaged"])
    await eventually(lambda: is_idle(desk, ticket_id))
    before = len((await handle_of(desk, ticket_id).fetch_history()).events)
    with pytest.raises(IllegalTransition) as refused:
        await desk.tickets.send(ticket_id, ReopenTicket(command_id="x", actor=AGENT))
    assert "resolve" in refused.value.details["allowed"]
    with pytest.raises(VersionConflict):
        await desk.tickets.send(ticket_id, PendTicket(command_id="y", actor=AGENT, expected_revision=99))
    assert len((await handle_of(desk, ticket_id).fetch_history()).events) == before


async def is_idle(desk: TicketDriver, ticket_id: TicketId) -> bool:
    description = await handle_of(desk, ticket_id).describe()
    raw = description.raw_description
    return not raw.pending_activities and not raw.HasField("pending_workflow_task")


async def test_the_same_command_takes_effect_once_and_gets_the_first_answer(desk: TicketDriver) -> None:
    ticket_id = await open_ticket(desk)
    await desk.tickets.send(ticket_id, triage())
    once = command_id("agent", "prioritise", ticket_id, "key-1")
    raise_it = PrioritiseTicket(command_id=once, actor=AGENT, priority=Priority.HIGH)
    first = await desk.tickets.send(ticket_id, raise_it)
    await desk.tickets.send(ticket_id, PendTicket(command_id="p", actor=AGENT))
    assert await desk.tickets.send(ticket_id, raise_it) == first


async def test_commands_keep_their_answer_over_many_runs(desk: TicketDriver) -> None:
    """Continue-as-new loses no message, doubles none, and still knows the first command."""
    ticket_id = await open_ticket(desk)
    first = await desk.tickets.send(ticket_id, triage())
    facts = [message(f"m{ticket_id}{number}", utc_now()) for number in range(120)]
    for start in range(0, len(facts), 8):
        await asyncio.gather(*(desk.tickets.post_message(ticket_id, fact) for fact in facts[start : start + 8]))
    await eventually(lambda: desk.announced.names(ticket_id).count("message_recorded") == len(facts), within=30)
    description = await handle_of(desk, ticket_id).describe()
    assert description.run_id != description.raw_description.workflow_execution_info.first_run_id
    assert await desk.tickets.send(ticket_id, triage()) == first
    seqs = [int(each.id.rsplit(":", 1)[1]) for each in desk.announced.of(ticket_id)]
    assert seqs == list(range(1, len(seqs) + 1))


async def test_an_outage_of_the_bus_delays_events_but_no_command(desk: TicketDriver) -> None:
    ticket_id = await open_ticket(desk)
    desk.announced.is_away = True
    await desk.tickets.send(ticket_id, triage())
    await desk.tickets.send(ticket_id, ResolveTicket(command_id="r", actor=AGENT))
    closed = await desk.tickets.send(ticket_id, CloseTicket(command_id="c", actor=AGENT, reason=CloseReason.RESOLVED))
    assert closed.status is Status.CLOSED
    desk.announced.is_away = False
    await eventually(lambda: "closed" in desk.announced.names(ticket_id), within=20)


async def test_a_reply_told_twice_by_update_and_by_signal_counts_once(desk: TicketDriver) -> None:
    ticket_id = await open_ticket(desk)
    await desk.tickets.send(ticket_id, triage())
    reply = an_id(f"reply {ticket_id}")
    told = await desk.tickets.send(
        ticket_id, RecordReply(command_id="r", actor=AGENT, message_id=reply, replied_at=utc_now())
    )
    await desk.tickets.post_message(ticket_id, message(f"reply {ticket_id}", utc_now(), AGENT))
    after = await desk.tickets.send(ticket_id, PendTicket(command_id="p", actor=AGENT))
    assert after.revision == told.revision + 1


async def test_a_message_for_a_ticket_not_yet_started_is_told_so(desk: TicketDriver) -> None:
    nobody = TicketId(new_id())
    assert await desk.tickets.post_message(nobody, message("m", utc_now())) is SignalDelivery.NOT_STARTED
    with pytest.raises(UnknownTicket):
        await desk.tickets.send(nobody, PendTicket(command_id="p", actor=AGENT))


async def test_tickets_are_found_by_their_search_attributes(desk: TicketDriver) -> None:
    ticket_id = await open_ticket(desk)
    await desk.tickets.send(ticket_id, triage(agent_id=BRUNO, priority=Priority.URGENT))
    query = f"EverdeskStatus = 'open' AND EverdeskAssignee = '{BRUNO}' AND EverdeskPriority = 'urgent'"

    async def found() -> bool:
        ids = [each.id async for each in desk.client.list_workflows(query)]
        return ticket_workflow_id(ticket_id) in ids

    await eventually(found)


async def test_a_command_without_a_worker_is_unavailable_and_its_retry_takes_effect_once(
    server: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced = Announced()
    desk = TicketDriver(server, announced)
    ticket_id = await open_ticket(desk)
    with pytest.raises((TicketsUnavailable, RPCError)), monkeypatch.context() as patch:
        patch.setattr(tickets, "ANSWER_WITHIN", timedelta(seconds=2))
        await desk.tickets.send(ticket_id, triage())
    async with worker_for(server, announced):
        snapshot = await desk.tickets.send(ticket_id, triage())
        assert snapshot.revision == 1
        await eventually(lambda: announced.names(ticket_id) == ["opened", "triaged"])


async def test_a_namespace_that_is_not_there_says_nothing_of_a_ticket(desk: TicketDriver) -> None:
    """As while Temporal is being set up anew: nothing may be taken for not started, archived or refused."""
    config = desk.client.config()
    nowhere = Tickets(Client(**(config | {"namespace": "not-made-yet"})))
    ticket_id, said = await open_ticket(desk), message("late", utc_now())
    for ask in (
        lambda: nowhere.record_message(ticket_id, said),
        lambda: nowhere.post_message(ticket_id, said),
        lambda: nowhere.send(ticket_id, triage()),
        lambda: nowhere.start(opening(ticket_id, at=utc_now())),
        lambda: nowhere.find_answer(ticket_id, "x"),
        lambda: nowhere.open_and_execute(opening(ticket_id, at=utc_now()), triage()),
    ):
        with pytest.raises(TicketsUnavailable) as told:
            await ask()
        assert "not-made-yet" in str(told.value)
