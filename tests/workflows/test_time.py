"""The ticket's timers, on a server that skips time: nothing early, nothing lost, nothing polled."""

from datetime import timedelta

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from shared.contracts.base import TicketId
from shared.contracts.commands import PendTicket, RecordReply, ResolveTicket
from shared.contracts.events import SlaSettled, TicketClosed
from shared.contracts.names import ticket_workflow_id
from shared.contracts.vocabulary import Outcome, Status
from shared.domain.sla import verdicts
from shared.kit.clock import new_id
from tests.support.eventually import eventually
from tests.support.tickets import ADA, AGENT, DAY, HOUR, MINUTE, an_id, message, opening, policy, triage
from tests.workflows.conftest import Desk


async def open_ticket(desk: Desk, **changes: object) -> TicketId:
    assert desk.environment is not None
    ticket_id = TicketId(new_id())
    await desk.tickets.start(opening(ticket_id, at=await desk.environment.get_current_time()))
    await desk.tickets.send(ticket_id, triage(f"triage:{ticket_id}", agent_id=ADA, **changes))
    return ticket_id


async def test_an_unanswered_ticket_warns_breaches_and_waits(skipping: Desk) -> None:
    assert skipping.environment is not None
    ticket_id = await open_ticket(skipping)
    await skipping.environment.sleep(9 * HOUR)
    assert skipping.announced.names(ticket_id) == [
        "opened", "triaged", "assigned",
        "sla_warned", "sla_warned", "sla_warned", "sla_breached",
        "sla_warned", "sla_warned", "sla_warned", "sla_breached",
    ]  # fmt: skip


async def test_a_whole_life_closes_archives_and_ends_by_itself(skipping: Desk) -> None:
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


async def has_ended(desk: Desk, ticket_id: TicketId) -> bool:
    description = await desk.client.get_workflow_handle(ticket_workflow_id(ticket_id)).describe()
    return description.status is WorkflowExecutionStatus.COMPLETED


async def test_live_verdicts_equal_those_computed_from_the_log(skipping: Desk) -> None:
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


async def test_an_idle_ticket_sleeps_until_something_is_due(skipping: Desk) -> None:
    assert skipping.environment is not None
    ticket_id = await open_ticket(skipping, policy=policy(targets={}))
    await skipping.environment.sleep(300 * DAY)
    history = await skipping.client.get_workflow_handle(ticket_workflow_id(ticket_id)).fetch_history()
    assert not [event for event in history.events if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED]
    snapshot = await skipping.client.get_workflow_handle(ticket_workflow_id(ticket_id)).query("snapshot")
    assert snapshot["status"] == Status.OPEN
