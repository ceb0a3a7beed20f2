"""A ticket that goes on for ever: thousands of messages, many runs; nothing lost and every clock exact."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from shared.contracts.base import TicketId
from shared.contracts.events import (
    Envelope,
    LifecycleEvent,
    SlaSettled,
    TicketClosed,
    TicketHeld,
    TicketMessageRecorded,
    TicketPended,
    TicketReopened,
    TicketResolved,
    TicketResumed,
)
from shared.contracts.names import ticket_workflow_id
from shared.contracts.vocabulary import Action, Metric
from shared.domain.sla import verdicts
from shared.kit.clock import new_id, utc_now
from tests.support.eventually import eventually
from tests.support.sizes import either
from tests.support.tickets import ADA, opening, policy, triage
from tests.workflows.driver import Announced, TicketDriver, program, worker_for
from tests.workflows.long_story import LongStory
from workflows.provisioning import ensure_search_attributes

MESSAGES, STATUS_CHANGES = either(100, 5000), either(10, 500)
SUGGESTED = either(18, 400)
"""Events after which this server suggests a new run: some thirty runs for such a ticket, fifty for the long one."""
MANY_RUNS = 20
EVENTS_PER_RUN = SUGGESTED + 200
"""A workflow task brings all that came while the one before was under way."""
BYTES_PER_RUN = 4 * 2**20
CARRIED_BYTES = 2**19
"""A quarter of the server's limit for one payload."""


@pytest.fixture
async def long_desk() -> AsyncIterator[TicketDriver]:
    """A development server of its own, with a worker."""
    suggest = f"limit.historyCount.suggestContinueAsNew={SUGGESTED}"
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=program("temporal"),
        data_converter=pydantic_data_converter,
        dev_server_extra_args=["--dynamic-config-value", suggest],
    ) as environment:
        await ensure_search_attributes(environment.client)
        announced = Announced()
        async with worker_for(environment.client, announced):
            yield TicketDriver(environment.client, announced)


@pytest.mark.soak
@pytest.mark.timeout(400)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of a step interrupted for slowness
async def test_a_very_long_ticket_loses_nothing_and_its_clocks_stay_exact(long_desk: TicketDriver) -> None:
    ticket_id = TicketId(new_id())
    await long_desk.tickets.start(opening(ticket_id, at=utc_now()))
    await long_desk.tickets.send(ticket_id, triage(agent_id=ADA))
    story = LongStory(long_desk.tickets, ticket_id, MESSAGES, STATUS_CHANGES)
    await story.play(conversations=9)
    log = await everything_of(long_desk, ticket_id)
    assert_nothing_is_lost(long_desk, story, log)
    await assert_every_run_is_bounded(long_desk.client, ticket_id)
    assert_clocks_are_exact(log)


async def everything_of(desk: TicketDriver, ticket_id: TicketId) -> list[Envelope]:
    """The ticket's events, once the last of them has been published."""
    handle = desk.client.get_workflow_handle(ticket_workflow_id(ticket_id))
    last = (await handle.query("snapshot"))["seq"]
    await eventually(lambda: f"{handle.id}:{last}" in {one.id for one in desk.announced.envelopes}, within=60)
    return desk.announced.of(ticket_id)


def assert_nothing_is_lost(desk: TicketDriver, story: LongStory, log: Sequence[Envelope]) -> None:
    events = opened(log)
    assert [one.seq for one in events] == list(range(1, len(events) + 1))
    first = {one.id: one for one in reversed(desk.announced.envelopes)}
    assert all(first[one.id] == one for one in desk.announced.envelopes), "one id was published with two contents"
    recorded = [one.message_id for one in events if isinstance(one, TicketMessageRecorded)]
    assert len(recorded) == MESSAGES
    assert set(recorded) == story.sent
    assert changes_in(events) == story.changed
    assert story.changed.total() == STATUS_CHANGES


def changes_in(events: Sequence[LifecycleEvent]) -> Counter[Action]:
    """The status changes somebody commanded."""
    kinds = {
        TicketPended: Action.PEND,
        TicketHeld: Action.HOLD,
        TicketResumed: Action.RESUME,
        TicketResolved: Action.RESOLVE,
        TicketReopened: Action.REOPEN,
        TicketClosed: Action.CLOSE,
    }
    return Counter(
        kinds[type(one)] for one in events if type(one) in kinds and getattr(one, "cause", "command") == "command"
    )


async def assert_every_run_is_bounded(client: Client, ticket_id: TicketId) -> None:
    runs = await eventually(lambda: all_runs(client, ticket_id), within=20)
    assert len(runs) >= MANY_RUNS
    assert max(run.raw_info.history_length for run in runs) <= EVENTS_PER_RUN
    assert max(run.raw_info.history_size_bytes for run in runs) <= BYTES_PER_RUN
    handle = client.get_workflow_handle(ticket_workflow_id(ticket_id))
    first = await anext(handle.fetch_history_events())
    assert first.ByteSize() <= CARRIED_BYTES


async def all_runs(client: Client, ticket_id: TicketId) -> list[WorkflowExecution]:
    """Every run of the ticket, once visibility knows that all but the last have been continued."""
    runs = [run async for run in client.list_workflows(f"WorkflowId = '{ticket_workflow_id(ticket_id)}'")]
    statuses = Counter(run.status for run in runs)
    assert statuses[WorkflowExecutionStatus.RUNNING] == 1
    assert statuses[WorkflowExecutionStatus.CONTINUED_AS_NEW] == len(runs) - 1
    return runs


def assert_clocks_are_exact(log: Sequence[Envelope]) -> None:
    events = opened(log)
    live = {(one.verdict.metric, one.verdict.cycle): one.verdict for one in events if isinstance(one, SlaSettled)}
    computed = {(one.metric, one.cycle): one for one in verdicts(log, {policy().policy_id: policy()})}
    assert live == computed
    resolution = {cycle: one.elapsed for (metric, cycle), one in live.items() if metric is Metric.RESOLUTION}
    assert resolution == resolution_times(events)


def resolution_times(events: Sequence[LifecycleEvent]) -> dict[int, timedelta]:
    """Open time per cycle, added up from the events in the order of their instants; the calendar never closes."""
    times: dict[int, timedelta] = {}
    cycle, total = 1, timedelta()
    since: datetime | None = events[0].at
    for event in sorted(events[1:], key=lambda event: (event.at, event.seq)):
        match event:
            case TicketPended() | TicketHeld() if since is not None:
                total, since = total + (event.at - since), None
            case TicketResumed() if since is None:
                since = event.at
            case TicketResolved() | TicketClosed() if cycle not in times:
                times[cycle] = total + (event.at - since if since else timedelta())
            case TicketReopened():
                cycle, total, since = cycle + 1, timedelta(), event.at
    return times


def opened(log: Sequence[Envelope]) -> list[LifecycleEvent]:
    """The typed events."""
    return [event for event in (each.open() for each in log) if isinstance(event, LifecycleEvent)]
