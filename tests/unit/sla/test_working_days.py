"""Targets, steps and rests in working days: due at the same local time so many open days later."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.contracts.commands import (
    ChangeTicketPolicy,
    CloseTicket,
    PendTicket,
    PrioritiseTicket,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
    SetTicketDue,
)
from shared.contracts.policies import LifecycleTimes, PolicySnapshot, SlaPolicy, Targets
from shared.contracts.tickets import Clock
from shared.contracts.vocabulary import CloseReason, Metric, Outcome, Priority, Status
from shared.domain.errors import Refusal
from shared.domain.sla import verdicts
from shared.domain.sla.explain import explain
from tests.support.scripted_ticket import ScriptedTicket
from tests.support.tickets import DAY, HOUR, MINUTE, policy

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = {
    "timezone": "Europe/Berlin",
    "weekly": {**{day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu")}, "fri": [["09:00", "14:00"]]},
}
TWO_DAYS = {"working_days": 2}
ONE_DAY = {"working_days": 1}
TICK = timedelta(milliseconds=1)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


THURSDAY = berlin("2026-03-05 16:00")
MONDAY_OPENING = berlin("2026-03-09 09:00")


def in_days(**changes: Any) -> PolicySnapshot:
    targets = {
        "normal": {"first_response": ONE_DAY, "next_response": ONE_DAY, "resolution": TWO_DAYS},
        "high": {"first_response": 3600, "resolution": ONE_DAY},
        "urgent": {"first_response": 600, "resolution": 7200},
    }
    return policy(hours=HOURS, **{"targets": targets, "warn_at": (50,), **changes})


def life_from(start: str | datetime, **changes: Any) -> ScriptedTicket:
    return ScriptedTicket(at=berlin(start) if isinstance(start, str) else start, policy=in_days(**changes))


def clock_of(life: ScriptedTicket, metric: Metric = Metric.FIRST_RESPONSE) -> Clock:
    return next(one for one in life.ticket.events[-1].snapshot.clocks if one.metric is metric)


@pytest.mark.parametrize(
    ("start", "first", "resolution"),
    [
        ("2026-03-02 10:30", "2026-03-03 10:30", "2026-03-04 10:30"),
        ("2026-03-05 16:00", "2026-03-09 09:00", "2026-03-09 16:00"),
        ("2026-03-06 13:00", "2026-03-09 13:00", "2026-03-10 13:00"),
        ("2026-03-07 08:00", "2026-03-09 09:00", "2026-03-10 09:00"),
        ("2026-03-27 10:00", "2026-03-30 10:00", "2026-03-31 10:00"),
    ],
)
def test_a_target_is_due_at_the_same_local_time(start: str, first: str, resolution: str) -> None:
    life = life_from(start)
    assert clock_of(life).due_at == berlin(first)
    assert clock_of(life, Metric.RESOLUTION).due_at == berlin(resolution)
    assert (clock_of(life).working_days, clock_of(life, Metric.RESOLUTION).working_days) == (1, 2)


def test_exactly_at_the_due_instant_is_met_and_after_it_breached() -> None:
    met = life_from(THURSDAY).reply(MONDAY_OPENING - THURSDAY)
    late = life_from(THURSDAY).reply(MONDAY_OPENING - THURSDAY + TICK)
    assert met.outcome(Metric.FIRST_RESPONSE) == (Outcome.MET, 1)
    assert late.outcome(Metric.FIRST_RESPONSE) == (Outcome.BREACHED, 1)
    assert met.verdicts[0].due_at == MONDAY_OPENING


def test_shares_are_of_the_open_time_until_the_end() -> None:
    life = life_from(THURSDAY).wait(3 * DAY)
    assert [event.at for event in life.events("sla_warned")] == [berlin("2026-03-06 11:00")]


def test_a_target_without_open_time_warns_of_nothing() -> None:
    life = life_from("2026-03-07 08:00").wait(3 * DAY)
    assert [event.metric for event in life.events("sla_warned")] == [Metric.RESOLUTION]
    assert [event.at for event in life.events("sla_breached")] == [MONDAY_OPENING]


def test_a_pause_moves_the_due_instant_by_the_open_time_left() -> None:
    life = life_from("2026-03-02 10:00").reply(MINUTE).do(PendTicket, HOUR).do(ResumeTicket, 3 * HOUR)
    assert clock_of(life, Metric.RESOLUTION).due_at == berlin("2026-03-04 12:00")
    until_friday = life_from("2026-03-04 12:00").reply(MINUTE).do(PendTicket, HOUR).do(ResumeTicket, 3 * HOUR)
    assert clock_of(until_friday, Metric.RESOLUTION).due_at == MONDAY_OPENING


def test_another_priority_counts_its_days_from_the_start_of_the_clock() -> None:
    life = life_from("2026-03-02 10:00").do(PrioritiseTicket, 2 * HOUR, priority=Priority.HIGH)
    assert clock_of(life, Metric.RESOLUTION).due_at == berlin("2026-03-03 10:00")
    life.do(PrioritiseTicket, 3 * HOUR, priority=Priority.URGENT)
    assert clock_of(life, Metric.RESOLUTION).due_at == berlin("2026-03-02 13:00")
    assert clock_of(life, Metric.RESOLUTION).working_days is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"after_breach_seconds": ONE_DAY}, ["2026-03-03 13:00"]),
        (
            {"after_breach_seconds": 0, "repeat_every_seconds": ONE_DAY, "repeat_at_most": 4},
            ["2026-03-02 13:00", "2026-03-03 13:00", "2026-03-04 13:00", "2026-03-05 13:00", "2026-03-06 13:00"],
        ),
        (
            {"after_breach_seconds": {"working_days": 3}, "repeat_every_seconds": ONE_DAY, "repeat_at_most": 2},
            ["2026-03-05 13:00", "2026-03-06 13:00", "2026-03-09 13:00"],
        ),
    ],
)
@pytest.mark.parametrize("is_by_hand", [False, True])
def test_steps_come_working_days_after_the_breach(
    fields: dict[str, Any], expected: list[str], *, is_by_hand: bool
) -> None:
    step = {"metric": "resolution", "do": "notify", **fields}
    target = {"normal": {"resolution": 60 if is_by_hand else 10_800}}
    life = life_from("2026-03-02 10:00", escalations=(step,), targets=target)
    if is_by_hand:
        life.do(SetTicketDue, timedelta(), due_at=berlin("2026-03-02 13:00"))
    life.wait(20 * DAY)
    assert [event.at for event in life.events("escalated")] == [berlin(at) + TICK for at in expected]


def test_a_pending_ticket_is_reminded_resolved_and_closed_after_working_days() -> None:
    times = {
        "pending_reminder_seconds": (ONE_DAY, 3600),
        "pending_resolve_seconds": TWO_DAYS,
        "auto_close_seconds": ONE_DAY,
        "reopen_window_seconds": ONE_DAY,
    }
    life = life_from("2026-03-04 16:00", **times).do(PendTicket, timedelta()).wait(20 * DAY)
    at = {name: [event.at for event in life.events(name)] for name in ("reminded", "resolved", "closed", "archived")}
    assert at == {
        "reminded": [berlin("2026-03-04 17:00"), berlin("2026-03-05 16:00")],
        "resolved": [MONDAY_OPENING],
        "closed": [berlin("2026-03-10 09:00")],
        "archived": [berlin("2026-03-11 09:00")],
    }


def test_a_reopening_within_a_grace_of_working_days_goes_on_with_the_cycle() -> None:
    def reopened(after: timedelta) -> list[int]:
        life = life_from(THURSDAY, reopen_grace_seconds=ONE_DAY).reply(MINUTE).do(ResolveTicket, 2 * MINUTE)
        life.do(ReopenTicket, after)
        assert life.status is Status.OPEN
        return sorted({one.cycle for one in life.ticket.state.sla.clocks if one.metric is Metric.RESOLUTION})

    assert reopened(MONDAY_OPENING - THURSDAY) == [1]
    assert reopened(MONDAY_OPENING - THURSDAY + TICK) == [1, 2]


def test_an_explanation_says_the_days_and_what_they_came_to() -> None:
    life = life_from(THURSDAY).wait(6 * DAY)
    rules = in_days()
    told = explain(life.log, {rules.policy_id: rules}, THURSDAY + 6 * DAY)
    assert [(one.rules[0].working_days, one.target) for one in told] == [(1, 6 * HOUR), (2, 13 * HOUR)]


STEPS: dict[str, Callable[[ScriptedTicket, timedelta, Priority], ScriptedTicket]] = {
    "write": lambda life, at, _: life.write(at),
    "write late": lambda life, at, _: life.write(at, received=at * 0.8),
    "reply": lambda life, at, _: life.reply(at),
    "reply late": lambda life, at, _: life.reply(at, written=at * 0.9),
    "pend": lambda life, at, _: life.do(PendTicket, at),
    "resume": lambda life, at, _: life.do(ResumeTicket, at),
    "resolve": lambda life, at, _: life.do(ResolveTicket, at),
    "reopen": lambda life, at, _: life.do(ReopenTicket, at),
    "prioritise": lambda life, at, priority: life.do(PrioritiseTicket, at, priority=priority),
    "policy": lambda life, at, _: life.do(ChangeTicketPolicy, at, policy=in_days(name="Other", warn_at=(75,))),
    "close": lambda life, at, _: life.do(CloseTicket, at, reason=CloseReason.RESOLVED),
}
STORIES = st.lists(
    st.tuples(st.integers(1, 3000), st.sampled_from(list(STEPS)), st.sampled_from(list(Priority))), max_size=10
)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 14 * 24 * 60), STORIES)
def test_the_log_gives_the_verdicts_that_were_given_live(start: int, story: list[tuple[int, str, Priority]]) -> None:
    rules = in_days(reopen_grace_seconds=ONE_DAY)
    life = ScriptedTicket(at=berlin("2026-03-20 00:00") + timedelta(minutes=start), policy=rules)
    now = timedelta()
    for minutes, what, priority in story:
        now += timedelta(minutes=minutes)
        with suppress(Refusal):
            STEPS[what](life, now, priority)
    last = {(one.metric, one.cycle): one for one in life.verdicts}
    other = in_days(name="Other", warn_at=(75,))
    known = {one.policy_id: one for one in (rules, other)}
    log = verdicts(life.log, known)
    assert {(one.metric, one.cycle): one for one in log} == last


def test_seconds_are_written_as_before() -> None:
    assert Targets(resolution=60).model_dump_json() == '{"first_response":null,"next_response":null,"resolution":60}'
    assert LifecycleTimes().model_dump(mode="json")["auto_close_seconds"] == 432_000
    clock = clock_of(ScriptedTicket())
    assert "working_days" not in clock.model_dump()
    assert "working_days" not in clock.model_dump_json()
    rules = in_days()
    assert PolicySnapshot.model_validate_json(rules.model_dump_json()) == rules


@pytest.mark.parametrize(
    "wrong", [{"working_days": 0}, {"working_days": 367}, {"working_days": 1.5}, {"working_days": True}, {}, "2 days"]
)
def test_what_is_no_duration_is_refused(wrong: object) -> None:
    body = {"name": "x", "calendar": "x", "targets": {"normal": {"resolution": wrong}}}
    with pytest.raises(ValidationError):
        SlaPolicy.model_validate(body)


def test_reminders_of_one_unit_come_before_the_resolution() -> None:
    with pytest.raises(ValidationError, match="must be later"):
        LifecycleTimes.model_validate({"pending_reminder_seconds": [TWO_DAYS], "pending_resolve_seconds": TWO_DAYS})
