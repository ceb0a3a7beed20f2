"""What facts and commands do to a ticket and its clocks: scripted lives with their expected events and verdicts."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from shared.contracts.commands import (
    AssignTicket,
    ChangeTicketPolicy,
    CloseTicket,
    HoldTicket,
    PendTicket,
    PrioritiseTicket,
    ReleaseTicket,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
    SetTicketDue,
    TransferTicket,
)
from shared.contracts.vocabulary import CloseReason, HoldReason, Metric, Outcome, Priority, Status
from shared.domain.errors import DueInPast, IllegalTransition, PolicyMissing, TicketArchivedError, VersionConflict
from tests.support.scripted_ticket import ScriptedTicket
from tests.support.tickets import (
    BRUNO,
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    OFFICE,
    OTHER_TEAM,
    policy,
    triage,
)


def test_triage_settles_team_policy_and_agent_in_one_command() -> None:
    life = ScriptedTicket()
    assert life.names == ["opened", "triaged", "assigned"]
    assert [event.seq for event in life.ticket.events] == [1, 2, 3]
    assert life.ticket.state.revision == 1


def test_clocks_start_when_the_ticket_was_received_not_when_it_was_triaged() -> None:
    life = ScriptedTicket(is_new=True)
    life.ticket.handle(triage(), MONDAY + 30 * MINUTE)
    due = {clock.metric: clock.due_at for clock in life.ticket.state.snapshot().clocks}
    assert due == {Metric.FIRST_RESPONSE: MONDAY + HOUR, Metric.RESOLUTION: MONDAY + 8 * HOUR}


def test_a_late_triage_announces_what_was_missed_in_order() -> None:
    life = ScriptedTicket(is_new=True)
    life.ticket.handle(triage(), MONDAY + 2 * HOUR)
    assert life.names == ["opened", "triaged", "sla_warned", "sla_warned", "sla_warned", "sla_breached"]


def test_a_reply_exactly_at_the_due_instant_is_met() -> None:
    assert ScriptedTicket().reply(HOUR).outcome(Metric.FIRST_RESPONSE) == (Outcome.MET, 1)


def test_a_reply_a_millisecond_late_is_a_breach() -> None:
    life = ScriptedTicket().reply(HOUR + timedelta(milliseconds=1))
    assert life.outcome(Metric.FIRST_RESPONSE) == (Outcome.BREACHED, 1)
    assert "sla_breached" in life.names


def test_warnings_come_once_each_and_before_the_breach() -> None:
    life = ScriptedTicket().wait(3 * HOUR)
    assert life.names[3:] == ["sla_warned"] * 3 + ["sla_breached"]
    percents = [event.percent for event in life.ticket.events if hasattr(event, "percent")]
    assert percents == [50, 75, 90]


def test_a_reply_written_in_time_but_delivered_late_withdraws_the_breach() -> None:
    life = ScriptedTicket().wait(2 * HOUR).reply(2 * HOUR, written=50 * MINUTE)
    assert life.names[-3:] == ["message_recorded", "sla_breach_withdrawn", "sla_settled"]
    assert life.outcome(Metric.FIRST_RESPONSE) == (Outcome.MET, 1)


def test_an_earlier_reply_that_arrives_after_a_later_one_revises_the_verdict() -> None:
    life = ScriptedTicket().reply(2 * HOUR).reply(3 * HOUR, written=30 * MINUTE)
    assert life.outcome(Metric.FIRST_RESPONSE) == (Outcome.MET, 2)


def test_pending_stops_resolution_and_a_requester_message_ends_it_at_its_receipt() -> None:
    life = ScriptedTicket().reply(MINUTE).do(PendTicket, HOUR).write(5 * HOUR, received=4 * HOUR)
    assert life.status is Status.OPEN
    life.do(ResolveTicket, 6 * HOUR)
    resolution = next(v for v in life.verdicts if v.metric is Metric.RESOLUTION)
    assert resolution.elapsed == 3 * HOUR
    assert resolution.outcome is Outcome.MET


def test_a_ticket_paused_past_its_deadline_is_not_breached() -> None:
    life = ScriptedTicket().reply(MINUTE).do(PendTicket, HOUR).wait(100 * HOUR).do(ResolveTicket, 101 * HOUR)
    assert life.outcome(Metric.RESOLUTION) == (Outcome.MET, 1)


@pytest.mark.parametrize(("pauses", "elapsed"), [(True, 2 * HOUR), (False, 5 * HOUR)])
def test_on_hold_pauses_where_the_policy_says_so(*, pauses: bool, elapsed: timedelta) -> None:
    life = ScriptedTicket(policy=policy(pause_on_hold=pauses)).reply(MINUTE)
    life.do(HoldTicket, HOUR, reason=HoldReason.VENDOR).do(ResumeTicket, 4 * HOUR).do(ResolveTicket, 5 * HOUR)
    assert life.verdicts[-1].elapsed == elapsed


def test_a_message_on_hold_reopens_work_only_where_the_policy_pauses_there() -> None:
    paused = ScriptedTicket().do(HoldTicket, HOUR, reason=HoldReason.VENDOR).write(2 * HOUR)
    running = (
        ScriptedTicket(policy=policy(pause_on_hold=False))
        .do(HoldTicket, HOUR, reason=HoldReason.VENDOR)
        .write(2 * HOUR)
    )
    assert (paused.status, running.status) == (Status.OPEN, Status.ON_HOLD)


def test_lowering_the_priority_after_a_breach_does_not_erase_it() -> None:
    life = (
        ScriptedTicket(priority=Priority.HIGH)
        .wait(30 * MINUTE)
        .do(PrioritiseTicket, 31 * MINUTE, priority=Priority.NORMAL)
    )
    assert life.reply(40 * MINUTE).outcome(Metric.FIRST_RESPONSE) == (Outcome.BREACHED, 1)


def test_raising_the_priority_carries_elapsed_time_and_may_breach_at_once() -> None:
    life = ScriptedTicket().do(PrioritiseTicket, 30 * MINUTE, priority=Priority.HIGH).wait(31 * MINUTE)
    assert "sla_breached" in life.names


def test_a_priority_without_targets_has_no_clock_and_no_verdict() -> None:
    life = ScriptedTicket(priority=Priority.LOW).reply(2 * DAY).do(ResolveTicket, 3 * DAY)
    assert life.ticket.state.snapshot().clocks == ()
    assert life.verdicts == []


def test_another_policy_carries_elapsed_time_over() -> None:
    slow = policy("Slow", targets={"normal": {"first_response": 7200, "resolution": 90_000}})
    life = ScriptedTicket().do(ChangeTicketPolicy, 30 * MINUTE, policy=slow)
    due = {clock.metric: clock.due_at for clock in life.ticket.state.snapshot().clocks}
    assert due == {Metric.FIRST_RESPONSE: MONDAY + 2 * HOUR, Metric.RESOLUTION: MONDAY + 25 * HOUR}


def test_a_due_instant_set_by_hand_wins_over_the_policy() -> None:
    life = ScriptedTicket().reply(MINUTE).do(SetTicketDue, HOUR, due_at=MONDAY + 2 * HOUR).do(ResolveTicket, 3 * HOUR)
    assert life.outcome(Metric.RESOLUTION) == (Outcome.BREACHED, 1)


def test_next_response_runs_from_the_oldest_unanswered_message() -> None:
    life = ScriptedTicket().reply(MINUTE).write(HOUR).write(2 * HOUR).reply(3 * HOUR)
    following = next(v for v in life.verdicts if v.metric is Metric.NEXT_RESPONSE)
    assert (following.elapsed, following.outcome) == (2 * HOUR, Outcome.MET)


def test_resolving_without_any_reply_cancels_a_first_response_in_time() -> None:
    assert ScriptedTicket().do(ResolveTicket, MINUTE).outcome(Metric.FIRST_RESPONSE)[0] is Outcome.CANCELLED


def test_resolving_late_without_any_reply_is_a_breach() -> None:
    assert ScriptedTicket().do(ResolveTicket, 2 * HOUR).outcome(Metric.FIRST_RESPONSE)[0] is Outcome.BREACHED


@pytest.mark.parametrize("reason", [CloseReason.SPAM, CloseReason.DUPLICATE])
def test_spam_and_duplicates_cancel_what_is_not_breached(reason: CloseReason) -> None:
    life = ScriptedTicket().wait(2 * HOUR).do(CloseTicket, 2 * HOUR, reason=reason)
    assert life.outcome(Metric.FIRST_RESPONSE)[0] is Outcome.BREACHED
    assert life.outcome(Metric.RESOLUTION)[0] is Outcome.CANCELLED


def test_reopening_starts_a_new_cycle_and_leaves_the_old_verdict() -> None:
    life = ScriptedTicket().reply(MINUTE).do(ResolveTicket, HOUR).write(DAY).do(ResolveTicket, DAY + HOUR)
    assert life.outcome(Metric.RESOLUTION, 1) == (Outcome.MET, 1)
    assert life.outcome(Metric.RESOLUTION, 2) == (Outcome.MET, 1)
    assert life.ticket.state.reopen_count == 1


def test_reopening_within_grace_continues_the_old_cycle() -> None:
    life = ScriptedTicket(policy=policy(reopen_grace_seconds=3600)).reply(MINUTE).do(ResolveTicket, HOUR)
    life.write(HOUR + 30 * MINUTE).do(ResolveTicket, 2 * HOUR)
    resolution = [v for v in life.verdicts if v.metric is Metric.RESOLUTION]
    assert [(v.cycle, v.revision) for v in resolution] == [(1, 1), (1, 2)]
    assert resolution[-1].elapsed == HOUR + 30 * MINUTE


def test_automatic_messages_change_nothing() -> None:
    life = ScriptedTicket().do(ResolveTicket, HOUR)
    before = life.ticket.state.model_copy(deep=True)
    life.write(2 * HOUR, is_automatic=True)
    assert (life.status, life.ticket.state.revision) == (Status.RESOLVED, before.revision)
    assert life.ticket.state.seq == before.seq


def test_a_message_that_arrives_twice_counts_once() -> None:
    life = ScriptedTicket().write(HOUR)
    seq = life.ticket.state.seq
    life.write(HOUR)
    assert life.ticket.state.seq == seq


def test_a_resolved_ticket_closes_and_is_archived_by_itself_at_the_exact_instants() -> None:
    life = ScriptedTicket().do(ResolveTicket, HOUR).wait(30 * DAY)
    closed, archived = (
        event for event in life.ticket.events if event.event_name in ("ticket.closed", "ticket.archived")
    )
    assert (closed.at, archived.at) == (MONDAY + HOUR + 5 * DAY, MONDAY + HOUR + 19 * DAY)
    with pytest.raises(TicketArchivedError):
        life.do(ReopenTicket, 31 * DAY)


def test_a_message_inside_the_reopen_window_reopens_a_closed_ticket() -> None:
    life = ScriptedTicket().do(CloseTicket, HOUR, reason=CloseReason.RESOLVED).write(13 * DAY)
    assert life.status is Status.OPEN
    assert life.ticket.state.closed_at is None


def test_assigning_a_new_ticket_triages_it_and_needs_the_policy() -> None:
    life = ScriptedTicket(is_new=True)
    with pytest.raises(PolicyMissing):
        life.do(AssignTicket, MINUTE, agent_id=BRUNO)
    life.do(AssignTicket, MINUTE, agent_id=BRUNO, policy=policy(), team_id=OTHER_TEAM)
    assert life.names == ["opened", "triaged", "assigned"]
    assert life.status is Status.OPEN


def test_closing_a_new_ticket_without_a_policy_gives_no_verdict_and_reopening_is_possible() -> None:
    life = ScriptedTicket(is_new=True).do(CloseTicket, MINUTE, reason=CloseReason.WITHDRAWN).write(HOUR)
    assert life.status is Status.OPEN
    life.do(ChangeTicketPolicy, 2 * HOUR, policy=policy())
    assert [clock.metric for clock in life.ticket.state.snapshot().clocks] == [Metric.FIRST_RESPONSE, Metric.RESOLUTION]


def test_transfer_drops_the_agent_and_does_not_touch_the_clocks() -> None:
    life = ScriptedTicket()
    before = life.ticket.state.snapshot().clocks
    life.do(TransferTicket, timedelta(), team_id=OTHER_TEAM)
    assert (life.ticket.state.team_id, life.ticket.state.assignee_id) == (OTHER_TEAM, None)
    assert life.ticket.state.snapshot().clocks == before


def test_refusals_change_nothing() -> None:
    life = ScriptedTicket()
    seq = life.ticket.state.seq
    for kind, error, fields in (
        (ReopenTicket, IllegalTransition, {}),
        (ResumeTicket, IllegalTransition, {}),
        (SetTicketDue, DueInPast, {"due_at": MONDAY - HOUR}),
        (PendTicket, VersionConflict, {"expected_revision": 7}),
    ):
        with pytest.raises(error):
            life.do(kind, MINUTE, **fields)
    with pytest.raises(IllegalTransition, match="another agent"):
        life.do(ReleaseTicket, MINUTE, agent_id=UUID(int=1))
    life.do(ReleaseTicket, MINUTE)
    with pytest.raises(IllegalTransition):
        life.do(ReleaseTicket, MINUTE)
    assert life.ticket.state.seq == seq + 1


def test_business_hours_decide_when_a_clock_is_due() -> None:
    life = ScriptedTicket(policy=policy(hours=OFFICE))
    due = {clock.metric: clock.due_at for clock in life.ticket.state.snapshot().clocks}
    assert due[Metric.RESOLUTION] == datetime.fromisoformat("2026-03-03T10:00:00+01:00")
