"""Answers carry events: whoever asked announces them, the workflow only what nobody waits for."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType

from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TicketId
from shared.contracts.commands import CloseTicket, PendTicket, RecordReply, ResolveTicket
from shared.contracts.events import Envelope
from shared.contracts.names import message_update_id, ticket_workflow_id
from shared.contracts.vocabulary import CloseReason
from shared.domain.errors import TicketArchivedError, UnknownTicket
from shared.domain.sla import verdicts
from shared.kit import tickets as tickets_client
from shared.kit import updates_under_way
from shared.kit.clock import new_id, utc_now
from shared.kit.ticket_errors import TicketStuck
from shared.kit.tickets import Tickets
from tests.support.eventually import eventually
from tests.support.sizes import either
from tests.support.tickets import ADA, AGENT, an_id, message, policy, triage
from tests.workflows.driver import TicketDriver
from tests.workflows.record import unsearchable

CROWD, MESSAGES_EACH = 40, either(2, 5)
BRIEF = policy(auto_close_seconds=1, reopen_window_seconds=1)


async def history_of(desk: TicketDriver, ticket_id: TicketId) -> list[EventType.ValueType]:
    history = await desk.client.get_workflow_handle(ticket_workflow_id(ticket_id)).fetch_history()
    return [event.event_type for event in history.events]


def names(answer: CommandAnswer) -> list[str]:
    return [event.type.removeprefix("everdesk.ticket.").removesuffix(".v1") for event in answer.events]


async def test_a_life_in_which_everybody_announces_their_own_costs_no_activity(desk: TicketDriver) -> None:
    ticket_id = TicketId(new_id())
    told = [
        await desk.tickets.open_and_execute(unsearchable(ticket_id), triage(f"triage:{ticket_id}", agent_id=ADA)),
        await desk.tickets.record_message(ticket_id, message("more", utc_now())),
        await desk.tickets.execute(
            ticket_id, RecordReply(command_id="r", actor=AGENT, message_id=an_id("r"), replied_at=utc_now())
        ),
        await desk.tickets.execute(ticket_id, ResolveTicket(command_id="s", actor=AGENT)),
        await desk.tickets.execute(ticket_id, CloseTicket(command_id="c", actor=AGENT, reason=CloseReason.RESOLVED)),
    ]
    assert names(told[0]) == ["opened", "triaged", "assigned"]
    seqs = [int(event.id.rpartition(":")[2]) for answer in told for event in answer.events]
    assert seqs == list(range(1, told[-1].snapshot.seq + 1))
    history = await history_of(desk, ticket_id)
    assert EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED not in history
    assert EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES not in history
    assert len(history) <= 36
    assert desk.announced.of(ticket_id) == []


async def test_an_answer_is_the_same_each_time_over_runs_and_after_the_end(desk: TicketDriver) -> None:
    ticket_id = TicketId(new_id())
    opening, command = unsearchable(ticket_id), triage(f"triage:{ticket_id}", agent_id=ADA, policy=BRIEF)
    opened = await desk.tickets.open_and_execute(opening, command)
    first = message(f"first {ticket_id}", utc_now())
    heard = await desk.tickets.record_message(ticket_id, first)
    for number in range(30):
        await desk.tickets.record_message(ticket_id, message(f"{ticket_id} {number}", utc_now()))
    resolve = ResolveTicket(command_id="s", actor=AGENT)
    resolved = await desk.tickets.execute(ticket_id, resolve)
    for _ in range(2):
        assert await desk.tickets.open_and_execute(opening, command) == opened
        assert await desk.tickets.record_message(ticket_id, first) == heard
        assert await desk.tickets.execute(ticket_id, resolve) == resolved
        assert await desk.tickets.find_answer(ticket_id, message_update_id(first.message_id)) == heard
        assert await desk.tickets.find_answer(ticket_id, "s") == resolved
        assert await desk.tickets.find_answer(ticket_id, "never sent") is None
        await eventually(lambda: desk.announced.names(ticket_id)[-2:] == ["closed", "archived"])
        await eventually(lambda: has_ended(desk, ticket_id))
    description = await desk.client.get_workflow_handle(ticket_workflow_id(ticket_id)).describe()
    assert description.run_id != description.raw_description.workflow_execution_info.first_run_id
    with pytest.raises(TicketArchivedError):
        await desk.tickets.execute(ticket_id, PendTicket(command_id="late", actor=AGENT))
    with pytest.raises(TicketArchivedError):
        await desk.tickets.record_message(ticket_id, message("late", utc_now()))


@pytest.mark.soak
async def test_a_crowd_that_writes_on_one_ticket_at_once_is_answered(desk: TicketDriver) -> None:
    """A workflow takes ten updates at a time; with an eleventh the server forgets those that are under way."""
    ticket_id, tickets = TicketId(new_id()), desk.tickets
    await tickets.open_and_execute(unsearchable(ticket_id), triage(f"triage:{ticket_id}", agent_id=ADA))
    told: list[CommandAnswer] = []

    async def write(person: int) -> None:
        for number in range(MESSAGES_EACH):
            fact = message(f"{ticket_id} {person} {number}", utc_now())
            told.append(await tickets.record_message(ticket_id, fact))

    await asyncio.gather(*(write(person) for person in range(CROWD)))
    assert [names(one) for one in told] == [["message_recorded"]] * CROWD * MESSAGES_EACH
    assert len({event.id for one in told for event in one.events}) == len(told)


async def test_a_ticket_that_does_not_answer_keeps_a_crowd_waiting_no_longer_than_one(
    desk: TicketDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates_under_way, "WAIT_SECONDS", 0.3)
    monkeypatch.setattr(tickets_client, "ANSWER_WITHIN", timedelta(seconds=1))
    ticket_id, tickets = TicketId(new_id()), Tickets(desk.client)
    await desk.client.start_workflow("Silent", id=ticket_workflow_id(ticket_id), task_queue="nobody-works-here")
    facts = [message(f"{ticket_id} {number}", utc_now()) for number in range(6)]
    told = await asyncio.gather(*(tickets.record_message(ticket_id, one) for one in facts), return_exceptions=True)
    assert {type(one) for one in told} == {TicketStuck}
    await desk.client.get_workflow_handle(ticket_workflow_id(ticket_id)).terminate()


async def has_ended(desk: TicketDriver, ticket_id: TicketId) -> bool:
    description = await desk.client.get_workflow_handle(ticket_workflow_id(ticket_id)).describe()
    return description.close_time is not None


async def test_timers_announce_their_own_events_and_the_verdicts_are_the_same_in_any_order(desk: TicketDriver) -> None:
    ticket_id, hasty = TicketId(new_id()), policy(targets={"normal": {"first_response": 1, "resolution": 3600}})
    told: list[Envelope] = []
    told += (await desk.tickets.open_and_execute(unsearchable(ticket_id), triage(policy=hasty))).events
    await eventually(lambda: "sla_breached" in desk.announced.names(ticket_id))
    reply = RecordReply(command_id="r", actor=AGENT, message_id=an_id(f"r {ticket_id}"), replied_at=utc_now())
    told += (await desk.tickets.execute(ticket_id, reply)).events
    told += (await desk.tickets.execute(ticket_id, ResolveTicket(command_id="s", actor=AGENT))).events
    timers = desk.announced.of(ticket_id)
    both = sorted([*told, *timers], key=lambda event: int(event.id.rpartition(":")[2]))
    assert len({event.id for event in both}) == len(both)
    assert [int(event.id.rpartition(":")[2]) for event in both] == list(range(1, len(both) + 1))
    policies = {hasty.policy_id: hasty}
    judged = verdicts(both, policies)
    assert len(judged) == 2
    assert verdicts([*timers, *told], policies) == verdicts([*reversed(told), *timers], policies) == judged


async def test_a_message_before_the_start_is_told_so(desk: TicketDriver) -> None:
    with pytest.raises(UnknownTicket):
        await desk.tickets.record_message(TicketId(new_id()), message("m", utc_now()))
