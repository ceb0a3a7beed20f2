"""Explanations: every second of a clock is accounted for, and what is said to have met it would have."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import invariant

from shared.contracts.commands import (
    AssignTicket,
    ChangeTicketPolicy,
    Command,
    HoldTicket,
    PendTicket,
    PrioritiseTicket,
    RecordReply,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
    SetTicketDue,
    TransferTicket,
)
from shared.contracts.events import Envelope, LifecycleEvent
from shared.contracts.policies import PolicySnapshot
from shared.contracts.vocabulary import ClockState, HoldReason, Metric, Outcome, Priority
from shared.domain.sla import History, explain, verdicts, verdicts_of
from shared.domain.sla.explain import Explanation, HolderKind, Why
from shared.domain.sla.explain.intervals import MOST
from shared.domain.sla.fact_codec import history_of
from shared.domain.ticket import Ticket, TicketState
from tests.support.histories import lines_of
from tests.support.sizes import either
from tests.support.tickets import (
    ADA,
    AGENT,
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    OFFICE,
    OTHER_TEAM,
    REQUESTER,
    TEAM,
    an_id,
    message,
    opening,
    policy,
    triage,
)
from tests.unit.ticket.test_ticket_properties import BY_KEY, RandomLife

ZERO = timedelta()


def envelopes(log: list[LifecycleEvent]) -> list[Envelope]:
    return [event.envelope(f"t:{event.seq}", event.at) for event in log]


class ExplainedLife(RandomLife):
    """Whatever happens to a ticket, its explanation adds up."""

    def verdicts_from_the_log_equal_the_live_ones(self) -> None:
        """RandomLife itself holds that, at some cost."""

    @invariant()
    def explanations_account_for_every_second(self) -> None:
        if not self.log:
            return
        events = envelopes(self.log)
        history = History.of(events, BY_KEY)
        assert history_of(lines_of(events), BY_KEY).facts == history.facts
        folded = history.folded()
        found = explain(events, BY_KEY, self.now)
        by_clock = {(one.metric, one.cycle): one for one in found}
        known = {(clock.metric, clock.cycle): clock for clock in folded.clocks if clock.target is not None}
        assert by_clock.keys() == known.keys()
        for key, one in by_clock.items():
            check_sums(one)
            assert one.outcome == known[key].outcome
        for verdict in verdicts_of(folded):
            one = by_clock[verdict.metric, verdict.cycle]
            assert (one.elapsed, one.until, one.target) == (verdict.elapsed, verdict.settled_at, verdict.target)
            assert one.due_at == verdict.due_at


def check_sums(one: Explanation) -> None:
    """Intervals follow each other without a gap from start to end; what they and the holders add is what was used."""
    assert sum((interval.added for interval in one.intervals), ZERO) == one.elapsed
    assert sum((share.added for share in one.shares), ZERO) == one.elapsed
    assert len(one.intervals) <= MOST
    at = one.started_at
    for interval in one.intervals:
        assert at == interval.since < interval.until
        assert interval.counts is (interval.added > ZERO)
        at = interval.until
    assert at == one.until or not one.intervals


TestExplainedLife = pytest.mark.soak(ExplainedLife.TestCase)
TestExplainedLife.settings = settings(max_examples=either(30, 200), stateful_step_count=25, deadline=None)


class Life:
    """A ticket told step by step."""

    def __init__(self, under: PolicySnapshot, start: datetime = MONDAY) -> None:
        self.policies = [under]
        self.ticket = Ticket(TicketState.of(opening(at=start)))
        self.ticket.open(REQUESTER, start)
        self.ticket.handle(triage(policy=under), start)

    def do(self, kind: type[Command], at: datetime, **fields: Any) -> "Life":
        self.ticket.advance(at)
        command_id = f"{kind.__name__}-{len(self.ticket.events)}"
        self.ticket.handle(kind(command_id=command_id, actor=AGENT, **fields), at)
        return self

    def reply(self, at: datetime) -> "Life":
        return self.do(RecordReply, at, message_id=an_id(str(at)), replied_at=at)

    def told(self, metric: Metric, as_of: datetime, cycle: int = 1) -> Explanation:
        events = envelopes(self.ticket.events)
        by_key = {one.key: one for one in self.policies}
        found = next(x for x in explain(events, by_key, as_of) if (x.metric, x.cycle) == (metric, cycle))
        check_sums(found)
        return found


def test_an_office_clock_is_told_window_by_window_with_who_held_it() -> None:
    life = Life(policy(hours=OFFICE)).do(AssignTicket, MONDAY + 2 * HOUR, agent_id=ADA).reply(MONDAY + 3 * HOUR)
    told = life.do(ResolveTicket, MONDAY + DAY).told(Metric.RESOLUTION, MONDAY + 2 * DAY)
    assert [(one.why, one.held_by.kind, one.added) for one in told.intervals] == [
        (Why.OPEN_HOURS, HolderKind.TEAM, 2 * HOUR),
        (Why.OPEN_HOURS, HolderKind.AGENT, 5 * HOUR),
        (Why.CLOSED_HOURS, HolderKind.NOBODY, ZERO),
        (Why.OPEN_HOURS, HolderKind.AGENT, HOUR),
    ]
    assert (told.outcome, told.elapsed, told.remedy) == (Outcome.MET, 8 * HOUR, None)


def test_pauses_name_whom_the_ticket_waited_for() -> None:
    life = Life(policy()).do(PendTicket, MONDAY + HOUR).do(HoldTicket, MONDAY + 2 * HOUR, reason=HoldReason.VENDOR)
    told = life.do(ResumeTicket, MONDAY + 5 * HOUR).told(Metric.RESOLUTION, MONDAY + 6 * HOUR)
    assert told.state is ClockState.RUNNING
    assert [(one.why, one.held_by.kind, one.held_by.hold_reason, one.added) for one in told.intervals] == [
        (Why.OPEN_HOURS, HolderKind.TEAM, None, HOUR),
        (Why.PENDING, HolderKind.REQUESTER, None, ZERO),
        (Why.ON_HOLD, HolderKind.THIRD_PARTY, HoldReason.VENDOR, ZERO),
        (Why.OPEN_HOURS, HolderKind.TEAM, None, HOUR),
    ]
    assert {(share.held_by.kind, share.added, share.paused) for share in told.shares} == {
        (HolderKind.TEAM, 2 * HOUR, ZERO),
        (HolderKind.REQUESTER, ZERO, HOUR),
        (HolderKind.THIRD_PARTY, ZERO, 3 * HOUR),
    }


def test_a_late_answer_says_by_when_and_how_much_longer() -> None:
    told = Life(policy()).reply(MONDAY + HOUR + 12 * MINUTE).told(Metric.FIRST_RESPONSE, MONDAY + DAY)
    assert told.outcome is Outcome.BREACHED
    assert told.remedy is not None
    assert (told.remedy.end_by, told.remedy.earlier) == (MONDAY + HOUR, 12 * MINUTE)
    assert told.remedy.longer == 12 * MINUTE


def test_an_answer_after_the_closing_at_which_it_was_due_needs_a_second_more() -> None:
    start = MONDAY + 6 * HOUR  # 16:00 in Berlin, an hour before closing
    told = Life(policy(hours=OFFICE), start).reply(start + 3 * HOUR).told(Metric.FIRST_RESPONSE, MONDAY + DAY)
    assert (told.outcome, told.elapsed) == (Outcome.BREACHED, HOUR)
    assert told.remedy is not None
    assert (told.remedy.end_by, told.remedy.earlier) == (start + HOUR, ZERO)
    assert told.remedy.longer == timedelta(seconds=1)


def test_a_hold_that_did_not_pause_is_named_as_what_would_have_met_it() -> None:
    life = Life(policy(pause_on_hold=False)).reply(MONDAY + MINUTE)
    life.do(HoldTicket, MONDAY + HOUR, reason=HoldReason.APPROVAL).do(ResumeTicket, MONDAY + 6 * HOUR)
    told = life.do(ResolveTicket, MONDAY + 10 * HOUR).told(Metric.RESOLUTION, MONDAY + DAY)
    assert told.outcome is Outcome.BREACHED
    assert told.remedy is not None
    assert told.remedy.if_holds_had_paused
    held = next(one for one in told.intervals if one.held_by.kind is HolderKind.THIRD_PARTY)
    assert (held.counts, held.added, held.held_by.hold_reason) == (True, 5 * HOUR, HoldReason.APPROVAL)


def test_after_a_lower_priority_the_breach_of_the_earlier_target_is_explained() -> None:
    life = Life(policy()).reply(MONDAY + MINUTE).do(PrioritiseTicket, MONDAY + HOUR, priority=Priority.HIGH)
    life.do(PrioritiseTicket, MONDAY + 3 * HOUR, priority=Priority.NORMAL)
    told = life.do(ResolveTicket, MONDAY + 4 * HOUR).told(Metric.RESOLUTION, MONDAY + DAY)
    assert told.outcome is Outcome.BREACHED
    assert told.remedy is not None
    assert (told.remedy.end_by, told.remedy.earlier, told.remedy.longer) == (MONDAY + 2 * HOUR, 2 * HOUR, HOUR)
    assert [rules.target for rules in told.rules] == [8 * HOUR, 2 * HOUR, 8 * HOUR]


def test_a_due_instant_set_by_hand_offers_no_longer_target() -> None:
    life = Life(policy()).reply(MONDAY + MINUTE).do(SetTicketDue, MONDAY + HOUR, due_at=MONDAY + 2 * HOUR)
    told = life.do(ResolveTicket, MONDAY + 3 * HOUR).told(Metric.RESOLUTION, MONDAY + DAY)
    assert told.is_due_by_hand
    assert told.remedy is not None
    assert (told.remedy.end_by, told.remedy.longer) == (MONDAY + 2 * HOUR, None)


def test_a_clock_continued_in_grace_tells_the_time_between_as_ended() -> None:
    life = Life(policy(reopen_grace_seconds=7200)).reply(MONDAY + MINUTE).do(ResolveTicket, MONDAY + HOUR)
    told = life.do(ReopenTicket, MONDAY + 2 * HOUR).told(Metric.RESOLUTION, MONDAY + 3 * HOUR)
    assert [(one.why, one.added) for one in told.intervals] == [
        (Why.OPEN_HOURS, HOUR),
        (Why.ENDED, ZERO),
        (Why.OPEN_HOURS, HOUR),
    ]


def test_a_clock_continued_at_the_instant_of_its_end_has_no_interval_of_no_length() -> None:
    life = Life(policy(reopen_grace_seconds=7200)).reply(MONDAY + MINUTE).do(ResolveTicket, MONDAY + HOUR)
    told = life.do(ReopenTicket, MONDAY + HOUR).told(Metric.RESOLUTION, MONDAY + 2 * HOUR)
    assert [(one.why, one.added) for one in told.intervals] == [(Why.OPEN_HOURS, 2 * HOUR)]


def test_a_transfer_changes_who_held_it_and_nothing_else() -> None:
    life = Life(policy()).do(TransferTicket, MONDAY + HOUR, team_id=OTHER_TEAM)
    told = life.told(Metric.RESOLUTION, MONDAY + 2 * HOUR)
    assert [(one.held_by.team_id, one.added) for one in told.intervals] == [(TEAM, HOUR), (OTHER_TEAM, HOUR)]


def test_versions_are_named_from_when_they_applied() -> None:
    other = policy(version=2, hours=OFFICE).sealed()
    life = Life(policy())
    life.policies.append(other)
    told = life.do(ChangeTicketPolicy, MONDAY + HOUR, policy=other).told(Metric.RESOLUTION, MONDAY + 2 * HOUR)
    assert [(one.since, one.policy_version) for one in told.rules] == [(MONDAY, 1), (MONDAY + HOUR, 2)]


@pytest.mark.parametrize("days", [30, 400, 3000])
def test_however_long_a_clock_runs_its_explanation_stays_short(days: int) -> None:
    life = Life(policy(hours=OFFICE))
    told = life.told(Metric.RESOLUTION, MONDAY + days * DAY)
    assert told.remedy is not None
    assert told.intervals[-1].until == MONDAY + days * DAY


def test_a_clock_paused_three_hundred_times_is_still_told_in_few_words() -> None:
    life = Life(policy()).reply(MONDAY + MINUTE)
    for nth in range(300):
        at = MONDAY + HOUR + nth * 2 * MINUTE
        life.do(PendTicket, at)
        life.ticket.receive(message(f"again-{nth}", at + MINUTE), at + MINUTE)
    told = life.told(Metric.RESOLUTION, MONDAY + 2 * DAY)
    assert Why.SEVERAL in {one.why for one in told.intervals}
    assert verdicts(envelopes(life.ticket.events), {one.key: one for one in life.policies})
