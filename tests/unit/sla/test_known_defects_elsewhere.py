"""What is known to go wrong with time in other help desks, each as a scripted history with the verdict that is right.

The defects are those of the peers' own trackers and sources, named after each test; ours must not have them.
"""

from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts.commands import (
    ChangeTicketPolicy,
    CloseTicket,
    HoldTicket,
    PendTicket,
    PrioritiseTicket,
    ResolveTicket,
    ResumeTicket,
    SetTicketDue,
    TransferTicket,
)
from shared.contracts.tickets import Verdict
from shared.contracts.vocabulary import CloseReason, HoldReason, Metric, Outcome, Priority
from shared.domain.business_time import business_time_between
from shared.domain.sla import verdicts
from tests.support.scripted_ticket import ScriptedTicket
from tests.support.tickets import DAY, HOUR, MINUTE, MONDAY, OFFICE, OTHER_TEAM, calendar, policy

FIRST, NEXT, RESOLUTION = Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE, Metric.RESOLUTION
MET, BREACHED, CANCELLED = Outcome.MET, Outcome.BREACHED, Outcome.CANCELLED


def last(life: ScriptedTicket, metric: Metric, cycle: int = 1) -> Verdict:
    """The standing verdict; what the log alone gives must be the same."""
    policies = {policy.key: policy for policy in life.ticket.state.sla.policies.values()}
    (proved,) = (one for one in verdicts(life.log, policies) if (one.metric, one.cycle) == (metric, cycle))
    assert proved == [one for one in life.verdicts if (one.metric, one.cycle) == (metric, cycle)][-1]
    return proved


# -- pauses -----------------------------------------------------------------------------------------------------


def test_a_pause_past_the_deadline_is_no_breach_and_stays_none() -> None:
    """Frappe: saved after its pre-pause deadline the ticket turns Failed, then back."""
    life = ScriptedTicket().reply(MINUTE).do(PendTicket, HOUR).wait(10 * HOUR)
    life.do(PrioritiseTicket, 20 * HOUR, priority=Priority.NORMAL).do(TransferTicket, 30 * HOUR, team_id=OTHER_TEAM)
    assert not life.events("sla_breached")
    life.do(ResumeTicket, 40 * HOUR).do(ResolveTicket, 41 * HOUR)
    assert (last(life, RESOLUTION).outcome, last(life, RESOLUTION).elapsed) == (MET, 2 * HOUR)


def test_resolved_out_of_a_pause_counts_the_time_before_it_only() -> None:
    """Frappe PR 3776: paused, then resolved, reported 7 hours instead of half an hour."""
    life = ScriptedTicket().reply(MINUTE).do(PendTicket, 30 * MINUTE).do(ResolveTicket, 7 * HOUR)
    assert last(life, RESOLUTION).elapsed == 30 * MINUTE


def test_a_policy_swap_keeps_the_earlier_pauses() -> None:
    """GLPI 6902, 15605: after a swap the earlier pending time was lost."""
    life = ScriptedTicket().reply(MINUTE).do(PendTicket, HOUR).do(ResumeTicket, 6 * HOUR)
    life.do(ChangeTicketPolicy, 7 * HOUR, policy=policy("Swapped")).do(ResolveTicket, 8 * HOUR)
    assert last(life, RESOLUTION).elapsed == 3 * HOUR


def test_a_hold_over_a_weekend_takes_nothing_from_the_week() -> None:
    """Pauses as clock time instead of open time: a weekend on hold counted as 48 hours."""
    friday = datetime(2026, 3, 6, 14, 0, tzinfo=UTC)
    life = ScriptedTicket(at=friday, policy=policy(hours=OFFICE)).reply(MINUTE)
    life.do(HoldTicket, HOUR, reason=HoldReason.VENDOR).do(ResumeTicket, 3 * DAY).do(ResolveTicket, 3 * DAY + HOUR)
    assert last(life, RESOLUTION).elapsed == 2 * HOUR


def test_a_late_answer_ends_the_pause_when_it_was_received_not_when_it_was_read() -> None:
    """Mail polled late: the time between receipt and polling was given to the requester."""
    life = (
        ScriptedTicket()
        .reply(MINUTE)
        .do(PendTicket, HOUR)
        .write(9 * HOUR, received=2 * HOUR)
        .do(ResolveTicket, 10 * HOUR)
    )
    assert (last(life, RESOLUTION).elapsed, last(life, RESOLUTION).outcome) == (9 * HOUR, BREACHED)


def test_an_answer_from_before_the_pause_makes_no_time_count_twice() -> None:
    """Ours, once: a message received before the ticket became pending, read after it."""
    life = (
        ScriptedTicket()
        .reply(MINUTE)
        .do(PendTicket, HOUR)
        .write(2 * HOUR, received=30 * MINUTE)
        .do(ResolveTicket, 3 * HOUR)
    )
    assert last(life, RESOLUTION).elapsed == 3 * HOUR


# -- breaches that vanish -----------------------------------------------------------------------------------------


def test_a_lower_priority_does_not_erase_a_breach() -> None:
    """Frappe: a breached High ticket becomes Resolution Due merely by lowering its priority."""
    life = (
        ScriptedTicket(priority=Priority.HIGH).wait(3 * HOUR).do(PrioritiseTicket, 3 * HOUR, priority=Priority.NORMAL)
    )
    life.do(ResolveTicket, 4 * HOUR)
    assert (last(life, FIRST).outcome, last(life, RESOLUTION).outcome) == (BREACHED, BREACHED)
    assert last(life, RESOLUTION).due_at == MONDAY + 2 * HOUR


def test_a_priority_without_targets_does_not_erase_a_breach() -> None:
    """The same by another way: to a priority that has no clock at all."""
    life = ScriptedTicket(priority=Priority.HIGH).wait(3 * HOUR).do(PrioritiseTicket, 3 * HOUR, priority=Priority.LOW)
    assert last(life.do(ResolveTicket, 4 * HOUR), RESOLUTION).outcome is BREACHED


def test_a_breach_and_a_close_in_the_same_minute_are_both_there() -> None:
    """osTicket and Chatwoot: closed between two sweeps, a late ticket is scored as if it had never been late."""
    life = ScriptedTicket().do(CloseTicket, 8 * HOUR + timedelta(seconds=1), reason=CloseReason.RESOLVED)
    assert (last(life, FIRST).outcome, last(life, RESOLUTION).outcome) == (BREACHED, BREACHED)
    assert life.names.count("sla_breached") == 2


def test_closing_does_not_wipe_the_due_instant() -> None:
    """osTicket: closing clears the overdue flag and nulls past due dates."""
    life = ScriptedTicket().wait(9 * HOUR).do(CloseTicket, 9 * HOUR, reason=CloseReason.RESOLVED)
    assert (last(life, RESOLUTION).due_at, last(life, RESOLUTION).settled_at) == (MONDAY + 8 * HOUR, MONDAY + 9 * HOUR)


def test_an_edit_does_not_clear_an_overdue_ticket() -> None:
    """osTicket 5160: any edit that recomputes the due date first clears the flag."""
    life = ScriptedTicket().wait(2 * HOUR).do(SetTicketDue, 2 * HOUR, due_at=MONDAY + 50 * HOUR)
    life.do(TransferTicket, 2 * HOUR, team_id=OTHER_TEAM)
    breached = [clock for clock in life.ticket.state.snapshot().clocks if clock.breached_at]
    assert [clock.metric for clock in breached] == [FIRST]


def test_two_hundred_tickets_that_breach_at_once_all_breach() -> None:
    """osTicket: at most 100 newly overdue tickets a run."""
    lives = [ScriptedTicket().wait(9 * HOUR) for _ in range(200)]
    assert all(life.names.count("sla_breached") == 2 for life in lives)


# -- late facts ---------------------------------------------------------------------------------------------------


def test_a_reply_that_arrives_late_withdraws_the_breach() -> None:
    life = ScriptedTicket().wait(2 * HOUR).reply(3 * HOUR, written=59 * MINUTE)
    assert life.names.count("sla_breach_withdrawn") == 1
    assert (last(life, FIRST).outcome, last(life, FIRST).elapsed) == (MET, 59 * MINUTE)


def test_a_reply_that_arrives_after_the_resolution_still_counts_when_it_was_written() -> None:
    life = ScriptedTicket().do(ResolveTicket, 2 * HOUR).reply(3 * HOUR, written=30 * MINUTE)
    assert (last(life, FIRST).outcome, last(life, FIRST).revision) == (MET, 2)


def test_a_late_fact_is_judged_under_the_policy_of_its_time() -> None:
    """Frappe and FreeITSM: judged anew under whatever applies today."""
    tight = policy("Tight", targets={"normal": {"first_response": 60, "resolution": 28_800}})
    life = (
        ScriptedTicket()
        .do(ChangeTicketPolicy, 40 * MINUTE, policy=tight)
        .wait(HOUR)
        .reply(2 * HOUR, written=30 * MINUTE)
    )
    assert (last(life, FIRST).outcome, last(life, FIRST).target) == (MET, HOUR)


def test_two_replies_in_the_wrong_order_give_what_the_right_order_gives() -> None:
    right = ScriptedTicket().reply(MINUTE).write(HOUR).reply(2 * HOUR).write(3 * HOUR).reply(4 * HOUR)
    wrong = ScriptedTicket().reply(MINUTE).write(HOUR).write(3 * HOUR).reply(4 * HOUR).reply(5 * HOUR, written=2 * HOUR)
    assert [last(right, NEXT, cycle).elapsed for cycle in (1, 2)] == [HOUR, HOUR]
    assert [last(wrong, NEXT, cycle).elapsed for cycle in (1, 2)] == [HOUR, HOUR]


# -- responses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [PendTicket, ResolveTicket])
def test_a_status_change_is_no_reply(status: type[PendTicket] | type[ResolveTicket]) -> None:
    """Frappe: first response is stamped by a bare change to a paused status, or to Resolved."""
    life = ScriptedTicket().do(status, MINUTE)
    assert life.ticket.state.snapshot().first_replied_at is None
    assert not [one for one in life.verdicts if one.metric is FIRST and one.outcome is MET]


def test_the_next_response_never_moves_the_first() -> None:
    """Zammad 5177: the update target overrules that of the first response."""
    life = ScriptedTicket().write(10 * MINUTE).write(20 * MINUTE)
    due = {clock.metric: clock.due_at for clock in life.ticket.state.snapshot().clocks}
    assert due == {FIRST: MONDAY + HOUR, RESOLUTION: MONDAY + 8 * HOUR}


def test_a_goodbye_after_the_resolution_starts_no_eternal_clock() -> None:
    """Chatwoot 10178: next response runs on after the conversation was resolved."""
    life = ScriptedTicket().reply(MINUTE).write(HOUR).do(ResolveTicket, 2 * HOUR).wait(30 * DAY)
    assert last(life, NEXT).outcome is MET
    assert not life.events("sla_breached")


def test_every_next_response_has_a_verdict_not_only_the_longest() -> None:
    """Zammad keeps only the longest interval of its update clock."""
    life = ScriptedTicket().reply(MINUTE)
    for hour in (1, 5, 9):
        life.write(hour * HOUR).reply((hour + 3) * HOUR)
    assert [last(life, NEXT, cycle).outcome for cycle in (1, 2, 3)] == [BREACHED, BREACHED, BREACHED]


def test_impatient_messages_do_not_postpone_the_answer() -> None:
    """Chatwoot: misses are keyed to the last incoming message."""
    life = (
        ScriptedTicket()
        .reply(MINUTE)
        .write(HOUR)
        .write(2 * HOUR)
        .write(2 * HOUR + 50 * MINUTE)
        .reply(3 * HOUR + MINUTE)
    )
    assert (last(life, NEXT).outcome, last(life, NEXT).elapsed) == (BREACHED, 2 * HOUR + MINUTE)


# -- changes and reopening ----------------------------------------------------------------------------------------


def test_a_priority_change_is_not_retroactive_but_carries_what_was_used() -> None:
    """Frappe recomputes from creation at every save; ServiceNow may breach on attachment."""
    life = ScriptedTicket().reply(MINUTE).do(PrioritiseTicket, HOUR, priority=Priority.HIGH)
    (clock,) = (clock for clock in life.ticket.state.snapshot().clocks if clock.metric is RESOLUTION)
    assert (clock.elapsed, clock.due_at, clock.breached_at) == (HOUR, MONDAY + 2 * HOUR, None)


def test_a_calendar_change_midway_counts_each_stretch_under_its_own_hours() -> None:
    """iTop: overrun after a goal changed midway cannot be right without the history."""
    life = ScriptedTicket(at=MONDAY - HOUR, policy=policy(hours=OFFICE)).reply(MINUTE)
    life.do(ChangeTicketPolicy, 10 * HOUR, policy=policy("Around the clock")).do(ResolveTicket, 12 * HOUR)
    assert last(life, RESOLUTION).elapsed == 8 * HOUR + 2 * HOUR


def test_reopening_thrice_makes_four_verdicts_and_changes_none() -> None:
    """osTicket restarts its one clock; Frappe counts the time spent resolved."""
    life = ScriptedTicket().reply(MINUTE).do(ResolveTicket, HOUR)
    for day in (1, 2, 3):
        life.write(day * DAY).do(ResolveTicket, day * DAY + HOUR)
    assert [last(life, RESOLUTION, cycle).elapsed for cycle in (1, 2, 3, 4)] == [HOUR] * 4
    assert {one.revision for one in life.verdicts} == {1}


def test_reopening_keeps_an_old_breach() -> None:
    life = ScriptedTicket().reply(MINUTE).do(ResolveTicket, 9 * HOUR).write(DAY).do(ResolveTicket, DAY + MINUTE)
    assert (last(life, RESOLUTION, 1).outcome, last(life, RESOLUTION, 2).outcome) == (BREACHED, MET)


def test_reopened_before_any_reply_the_message_waits_for_the_next_response() -> None:
    """The first response was cancelled when the ticket was resolved without one; the requester still waits."""
    life = ScriptedTicket().do(ResolveTicket, MINUTE).write(HOUR).reply(4 * HOUR)
    assert (last(life, FIRST).outcome, last(life, FIRST).revision) == (CANCELLED, 1)
    assert (last(life, NEXT).outcome, last(life, NEXT).elapsed) == (BREACHED, 3 * HOUR)


def test_a_reply_from_before_a_priority_change_that_comes_after_it_meets_the_target_of_its_time() -> None:
    """Found by replaying real incidents: the reply was stamped milliseconds before the change."""
    life = ScriptedTicket().do(PrioritiseTicket, 50 * MINUTE, priority=Priority.HIGH).reply(HOUR, written=49 * MINUTE)
    assert (last(life, FIRST).outcome, last(life, FIRST).target) == (MET, HOUR)


def test_a_duplicate_does_not_escalate() -> None:
    """Zammad 904: merged tickets escalate."""
    life = ScriptedTicket().do(CloseTicket, MINUTE, reason=CloseReason.DUPLICATE).wait(30 * DAY)
    assert (last(life, RESOLUTION).outcome, life.events("sla_breached")) == (CANCELLED, [])


def test_a_transfer_leaves_the_promise_to_the_requester_alone() -> None:
    """osTicket: a transfer may replace the plan, and does not compute the due date anew."""
    life = ScriptedTicket().do(TransferTicket, 30 * MINUTE, team_id=OTHER_TEAM).wait(2 * HOUR)
    assert [event.due_at - MONDAY for event in life.events("sla_breached")] == [HOUR]


def test_a_due_instant_set_by_hand_can_be_set_again() -> None:
    """Freshdesk: a manually edited due date is never recomputed."""
    life = ScriptedTicket().reply(MINUTE).do(SetTicketDue, HOUR, due_at=MONDAY + 2 * HOUR)
    life.do(SetTicketDue, 90 * MINUTE, due_at=MONDAY + 10 * HOUR).do(ResolveTicket, 9 * HOUR)
    assert last(life, RESOLUTION).outcome is MET


# -- calendars ----------------------------------------------------------------------------------------------------


def test_around_the_clock_loses_no_minute_at_midnight() -> None:
    """Zammad 3180: a 24/7 calendar lost a minute each midnight."""
    assert business_time_between(calendar(), MONDAY, MONDAY + 365 * DAY) == 365 * DAY


@pytest.mark.parametrize(("holidays", "due"), [(0, "Fri 13:00"), (1, "Mon 13:00"), (2, "Tue 13:00")])
def test_excluded_days_lengthen_the_wait(holidays: int, due: str) -> None:
    """django-helpdesk: excluded days shorten the threshold (3, 2, 1 days with 0, 1, 2 excluded)."""
    dates = [{"date": "2026-03-05"}, {"date": "2026-03-06"}][:holidays]
    three_days = policy(hours=OFFICE | {"holidays": dates}, targets={"normal": {"resolution": 24 * 3600}})
    tuesday_noon = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
    (clock,) = ScriptedTicket(at=tuesday_noon, policy=three_days).ticket.state.snapshot().clocks
    assert clock.due_at is not None
    assert f"{clock.due_at + HOUR:%a %H:%M}" == due


def test_a_lunch_break_counts_nothing() -> None:
    """Frappe 2212, Chatwoot 14009: one window a day."""
    lunch = {"timezone": "UTC", "weekly": {"mon": [["09:00", "12:30"], ["13:30", "17:00"]]}}
    life = ScriptedTicket(policy=policy(hours=lunch)).reply(MINUTE).do(ResolveTicket, 5 * HOUR)
    assert last(life, RESOLUTION).elapsed == 4 * HOUR


def test_a_night_shift_runs_over_midnight() -> None:
    """Zendesk: intervals may not cross midnight."""
    night = {"timezone": "Europe/Berlin", "weekly": {"mon": [["22:00", "06:00"]]}}
    life = ScriptedTicket(policy=policy(hours=night)).reply(MINUTE).do(ResolveTicket, DAY)
    assert last(life, RESOLUTION).elapsed == 8 * HOUR


@pytest.mark.parametrize(
    ("friday", "elapsed"),
    [("2026-03-27T09:00:00+01:00", 71 * HOUR), ("2026-10-23T09:00:00+02:00", 73 * HOUR)],
    ids=["an hour less in spring", "an hour more in autumn"],
)
def test_the_sunday_on_which_clocks_change_counts_as_it_is(friday: str, elapsed: timedelta) -> None:
    """Separate summer and winter calendars as a workaround (JSM); naive local dates (Frappe)."""
    weekdays = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    always = {"timezone": "Europe/Berlin", "weekly": {day: [["00:00", "24:00"]] for day in weekdays}}
    opened_at = datetime.fromisoformat(friday)
    same_clock_on_monday = opened_at.astimezone(UTC) + elapsed
    life = ScriptedTicket(at=opened_at.astimezone(UTC), policy=policy(hours=always)).reply(MINUTE)
    life.do(ResolveTicket, same_clock_on_monday - opened_at)
    assert last(life, RESOLUTION).elapsed == elapsed


def test_a_promise_made_over_the_change_is_due_at_the_right_clock() -> None:
    days = ("mon", "tue", "wed", "thu", "fri")
    week = {**{day: [["09:00", "17:00"]] for day in days}, "sun": [["00:00", "06:00"]]}
    office = {"timezone": "Europe/Berlin", "weekly": week}
    saturday = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
    (clock,) = (
        ScriptedTicket(at=saturday, policy=policy(hours=office, targets={"normal": {"resolution": 4 * 3600}}))
        .ticket.state.snapshot()
        .clocks
    )
    assert clock.due_at == datetime(2026, 3, 29, 3, 0, tzinfo=UTC)
