"""The ticket's timers, on a server that skips time: nothing early, nothing lost, nothing polled."""

from datetime import timedelta

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from shared.contracts.base import TicketId
from shared.contracts.commands import PendTicket, RecordReply, ResolveTicket
from shared.contracts.events import SlaSettled, TicketClosed, TicketEscalated
from shared.contracts.names import ticket_workflow_id
from shared.contracts.vocabulary import Outcome, Status
from shared.domain.sla import verdicts
from shared.kit.clock import new_id
from tests.support.eventually import eventually
from tests.support.tickets import (
    ADA,
    AGENT,
    BRUNO,
    DAY,
    HOUR,
    MINUTE,
    TEAM,
    an_id,
    message,
    opening,
    policy,
    triage,
)
from tests.workflows.driver import TicketDriver


async def open_ticket(desk: TicketDriver, **changes: object) -> TicketId:
    assert desk.environment is not None
    ticket_id = TicketId(new_id())
    await desk.tickets.start(opening(ticket_id, at=await desk.environment.get_current_time()))
    await desk.tickets.send(ticket_id, triage(f"triage:{ticket_id}", agent_id=ADA, **changes))
    return ticket_id


async def test_an_unanswered_ticket_warns_breaches_and_waits(skipping: TicketDriver) -> None:
    assert skipping.environment is not None
    ticket_id = await open_ticket(skipping)
    await skipping.environment.sleep(9 * HOUR)
    assert skipping.announced.names(ticket_id) == [
        "opened", "triaged", "assigned",
        "sla_warned", "sla_warned", "sla_warned", "sla_breached",
        "sla_warned", "sla_warned", "sla_warned", "sla_breached",
    ]  # fmt: skip


async def test_a_whole_life_closes_archives_and_ends_by_itself(skipping: TicketDriver) -> None:
    assert skipping.environment is not None
    ticket_id = await open_ticket(skipping)
    now = await skipping.environment.get_current_time()
    await skipping.tickets.send(
        ticket_id, RecordReply(command_id="r", actor=AGENT, message_id=an_id("r"), replied_at=now)
    )
    await skipping.environment.sleep(HOUR)
    await skipping.tickets.send(ticket_id, ResolveTicket(command_id="s", actor=AGENT))
    resolved_at = await skipping.environment.get_current_time()
    await skipping.environment.sleep(18 * DAY + 23 * HOUR)
    assert not await has_ended(skipping, ticket_id)
    await skipping.environment.sleep(2 * HOUR)
    await eventually(lambda: has_ended(skipping, ticket_id))

    assert skipping.announced.names(ticket_id)[-3:] == ["sla_settled", "closed", "archived"]
    closed = next(e for e in (each.open() for each in skipping.announced.of(ticket_id)) if isinstance(e, TicketClosed))
    assert abs(closed.at - (resolved_at + 5 * DAY)) < timedelta(seconds=2)


async def has_ended(desk: TicketDriver, ticket_id: TicketId) -> bool:
    description = await desk.client.get_workflow_handle(ticket_workflow_id(ticket_id)).describe()
    return description.status is WorkflowExecutionStatus.COMPLETED


async def test_live_verdicts_equal_those_computed_from_the_log(skipping: TicketDriver) -> None:
    assert skipping.environment is not None
    ticket_id = await open_ticket(skipping)
    tickets, environment = skipping.tickets, skipping.environment
    await environment.sleep(50 * MINUTE)
    now = await environment.get_current_time()
    await tickets.send(ticket_id, RecordReply(command_id="r", actor=AGENT, message_id=an_id("r1"), replied_at=now))
    await tickets.send(ticket_id, PendTicket(command_id="p", actor=AGENT))
    await environment.sleep(20 * HOUR)
    await tickets.post_message(ticket_id, message("m1", await environment.get_current_time()))
    await environment.sleep(3 * HOUR)
    await tickets.send(ticket_id, ResolveTicket(command_id="s", actor=AGENT))
    await tickets.post_message(ticket_id, message("m2", await environment.get_current_time()))
    await environment.sleep(MINUTE)
    await tickets.send(ticket_id, ResolveTicket(command_id="s2", actor=AGENT))
    await environment.sleep(MINUTE)

    log = skipping.announced.of(ticket_id)
    live = [event.verdict for event in (each.open() for each in log) if isinstance(event, SlaSettled)]
    assert verdicts(log, {policy().policy_id: policy()}) == live
    assert [v.outcome for v in live] == [Outcome.MET, Outcome.MET, Outcome.BREACHED, Outcome.MET, Outcome.MET]


async def test_a_ticket_wakes_when_something_is_due_and_at_no_other_time(skipping: TicketDriver) -> None:
    """A reply moves what is next due from half an hour to half the resolution target: the old timer must not fire."""
    assert skipping.environment is not None
    ticket_id = await open_ticket(skipping)
    now = await skipping.environment.get_current_time()
    told = RecordReply(command_id="r", actor=AGENT, message_id=an_id("r"), replied_at=now)
    await skipping.tickets.send(ticket_id, told)
    await eventually(lambda: "sla_settled" in skipping.announced.names(ticket_id))
    await skipping.environment.sleep(10 * MINUTE)
    before = await count(skipping, ticket_id, EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED)
    await skipping.environment.sleep(3 * HOUR)
    assert await count(skipping, ticket_id, EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED) == before
    assert await count(skipping, ticket_id, EventType.EVENT_TYPE_TIMER_FIRED) == 0
    await skipping.environment.sleep(HOUR)
    await eventually(lambda: "sla_warned" in skipping.announced.names(ticket_id))
    assert await count(skipping, ticket_id, EventType.EVENT_TYPE_TIMER_FIRED) == 1


async def test_a_pending_ticket_reminds_resolves_and_closes_by_itself(skipping: TicketDriver) -> None:
    assert skipping.environment is not None
    rests = policy(pending_reminder_seconds=(3600, 7200), pending_resolve_seconds=10_800).sealed()
    ticket_id = await open_ticket(skipping, policy=rests)
    await skipping.tickets.send(ticket_id, PendTicket(command_id="p", actor=AGENT))
    await skipping.environment.sleep(6 * DAY)
    lived = [name for name in skipping.announced.names(ticket_id) if not name.startswith("sla_")]
    assert lived[3:] == ["pended", "reminded", "reminded", "resolved", "closed"]


async def test_a_ladder_is_climbed_on_time_and_what_it_does_counts(skipping: TicketDriver) -> None:
    assert skipping.environment is not None
    ladder = [
        {"metric": "resolution", "at_percent": 50, "do": "raise_priority"},
        {"metric": "resolution", "after_breach_seconds": 600, "do": "reassign", "to": "lead"},
    ]
    climbing = policy(escalations=ladder, leads={TEAM: BRUNO}).sealed()
    ticket_id = await open_ticket(skipping, policy=climbing)
    opened_at = await skipping.environment.get_current_time()
    await skipping.environment.sleep(9 * HOUR)
    events = [each.open() for each in skipping.announced.of(ticket_id)]
    due = [(event.at - opened_at).total_seconds() / 3600 for event in events if isinstance(event, TicketEscalated)]
    assert [round(hours, 1) for hours in due] == [4.0, 4.2]
    snapshot = await skipping.client.get_workflow_handle(ticket_workflow_id(ticket_id)).query("snapshot")
    assert (snapshot["priority"], snapshot["assignee_id"]) == ("high", str(BRUNO))


async def count(desk: TicketDriver, ticket_id: TicketId, kind: EventType.ValueType) -> int:
    history = await desk.client.get_workflow_handle(ticket_workflow_id(ticket_id)).fetch_history()
    return sum(event.event_type == kind for event in history.events)


async def test_an_idle_ticket_sleeps_until_something_is_due(skipping: TicketDriver) -> None:
    assert skipping.environment is not None
    ticket_id = await open_ticket(skipping, policy=policy(targets={}))
    await skipping.environment.sleep(300 * DAY)
    history = await skipping.client.get_workflow_handle(ticket_workflow_id(ticket_id)).fetch_history()
    assert not [event for event in history.events if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED]
    snapshot = await skipping.client.get_workflow_handle(ticket_workflow_id(ticket_id)).query("snapshot")
    assert snapshot["status"] == Status.OPEN
