"""What a policy makes a ticket do by itself: escalate step by step, remind, resolve, close, and be archived."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shared.contracts.commands import (
    ChangeTicketPolicy,
    HoldTicket,
    PendTicket,
    PrioritiseTicket,
    ResolveTicket,
    ResumeTicket,
    SetTicketDue,
)
from shared.contracts.policies import SlaPolicy
from shared.contracts.vocabulary import CloseReason, HoldReason, Priority, Status
from tests.support.scripted_ticket import ScriptedTicket
from tests.support.tickets import ADA, BRUNO, DAY, HOUR, MINUTE, MONDAY, OFFICE, OTHER_TEAM, TEAM, policy

FRIDAY_AFTERNOON = datetime(2026, 3, 6, 15, 0, tzinfo=UTC)
"""16:00 in Berlin, an hour before closing."""


def step(metric: str = "first_response", **fields: Any) -> dict[str, Any]:
    return {"metric": metric, "do": "notify", **fields}


def laddered(*steps: dict[str, Any], **changes: Any) -> ScriptedTicket:
    return ScriptedTicket(policy=policy(escalations=steps, leads={TEAM: BRUNO}, **changes))


def test_steps_come_at_their_share_of_the_target_and_after_the_breach() -> None:
    ladder = [step(at_percent=80), step(at_percent=100), step(after_breach_seconds=600)]
    life = laddered(*ladder).wait(2 * HOUR)
    taken = [(event.step, event.at - MONDAY) for event in life.events("escalated")]
    tick = timedelta(milliseconds=1)
    assert taken == [(1, 48 * MINUTE), (2, HOUR + tick), (3, 70 * MINUTE + tick)]
    assert life.names.index("sla_breached") < life.names.index("escalated", life.names.index("sla_breached"))


def test_a_step_at_the_full_target_is_not_taken_when_the_reply_comes_exactly_in_time() -> None:
    assert laddered(step(at_percent=100)).reply(HOUR).wait(DAY).events("escalated") == []


def test_a_step_is_taken_once_unless_the_policy_repeats_it() -> None:
    once = laddered(step(at_percent=50)).wait(DAY)
    thrice = laddered(step(after_breach_seconds=0, repeat_every_seconds=3600, repeat_at_most=2)).wait(30 * DAY)
    assert [event.repetition for event in once.events("escalated")] == [1]
    assert [event.repetition for event in thrice.events("escalated")] == [1, 2, 3]
    assert [round((event.at - MONDAY) / HOUR) for event in thrice.events("escalated")] == [1, 2, 3]


def test_repetition_ends_with_the_clock() -> None:
    life = laddered(step(after_breach_seconds=0, repeat_every_seconds=3600)).reply(2 * HOUR + MINUTE).wait(30 * DAY)
    assert len(life.events("escalated")) == 2


def test_nobody_is_woken_at_night_or_at_the_weekend() -> None:
    hourly = step(after_breach_seconds=1800, repeat_every_seconds=3600, repeat_at_most=3)
    life = ScriptedTicket(at=FRIDAY_AFTERNOON, policy=policy(hours=OFFICE, escalations=[hourly])).wait(4 * DAY)
    local = [f"{event.at:%a %H:%M}" for event in life.events("escalated")]
    assert local == ["Mon 08:30", "Mon 09:30", "Mon 10:30", "Mon 11:30"]


def test_a_ladder_rests_while_the_clock_does() -> None:
    life = laddered(step("resolution", at_percent=50)).reply(MINUTE).do(PendTicket, HOUR).wait(5 * DAY)
    assert life.events("escalated") == []
    life.do(ResumeTicket, 5 * DAY).wait(6 * DAY)
    assert [event.at - MONDAY for event in life.events("escalated")] == [5 * DAY + 3 * HOUR]


def test_raising_the_priority_swaps_the_targets_and_stops_at_the_top() -> None:
    raising = step(do="raise_priority", at_percent=10, repeat_every_seconds=60, repeat_at_most=5)
    life = laddered(raising).wait(10 * MINUTE)
    assert [event.priority for event in life.events("prioritised")] == [Priority.HIGH, Priority.URGENT]
    assert life.ticket.state.sla.priority is Priority.URGENT


@pytest.mark.parametrize(
    ("target", "event", "owner"),
    [
        ({"to": "lead"}, "assigned", (TEAM, BRUNO)),
        ({"to": "team:other", "team_id": OTHER_TEAM}, "transferred", (OTHER_TEAM, None)),
        ({"to": f"agent:{BRUNO}", "agent_id": BRUNO}, "assigned", (TEAM, BRUNO)),
    ],
)
def test_a_step_hands_the_ticket_over(target: dict[str, Any], event: str, owner: tuple[object, object]) -> None:
    life = laddered(step(do="reassign", at_percent=50, **target)).wait(HOUR)
    assert life.names.index("escalated") + 1 == life.names.index(event, 3)
    assert (life.ticket.state.team_id, life.ticket.state.assignee_id) == owner


def test_who_has_the_ticket_already_keeps_it() -> None:
    life = laddered(step(do="reassign", at_percent=50, to=f"agent:{ADA}", agent_id=ADA)).wait(HOUR)
    assert life.names.count("assigned") == 1


def test_a_ladder_is_the_one_the_ticket_got_until_a_policy_is_applied() -> None:
    life = laddered(step(at_percent=90))
    life.do(
        ChangeTicketPolicy, 30 * MINUTE, policy=policy("Other", escalations=[step(at_percent=40), step(at_percent=60)])
    )
    life.wait(HOUR)
    assert [(event.step, event.at - MONDAY) for event in life.events("escalated")] == [(2, 36 * MINUTE)]


def test_steps_at_a_share_are_armed_again_by_another_target() -> None:
    life = laddered(step(at_percent=50), targets={"high": {"first_response": 3600}, "normal": {"first_response": 7200}})
    life.wait(HOUR + MINUTE).do(PrioritiseTicket, HOUR + 2 * MINUTE, priority=Priority.HIGH)
    assert len(life.events("escalated")) == 1
    longer = laddered(
        step(at_percent=50), targets={"normal": {"first_response": 3600}, "low": {"first_response": 36_000}}
    )
    longer.wait(31 * MINUTE).do(PrioritiseTicket, 32 * MINUTE, priority=Priority.LOW).wait(6 * HOUR)
    assert [event.at - MONDAY for event in longer.events("escalated")] == [30 * MINUTE, 5 * HOUR]


def test_a_due_instant_set_by_hand_has_its_steps_too() -> None:
    ladder = [step("resolution", at_percent=50), step("resolution", after_breach_seconds=3600)]
    life = laddered(*ladder).do(SetTicketDue, HOUR, due_at=MONDAY + 4 * HOUR).wait(DAY)
    assert [round((event.at - MONDAY) / HOUR) for event in life.events("escalated")] == [2, 5]


def test_a_pending_ticket_reminds_then_resolves_then_closes_for_want_of_an_answer() -> None:
    rests: dict[str, Any] = {"pending_reminder_seconds": (3600, 7200), "pending_resolve_seconds": 10_800}
    life = ScriptedTicket(policy=policy(**rests)).reply(MINUTE).do(PendTicket, HOUR).wait(30 * DAY)
    assert [(event.reminder, event.at - MONDAY) for event in life.events("reminded")] == [(1, 2 * HOUR), (2, 3 * HOUR)]
    assert {event.resolves_at for event in life.events("reminded")} == {MONDAY + 4 * HOUR}
    (resolved,), (closed,) = life.events("resolved"), life.events("closed")
    assert (resolved.at - MONDAY, resolved.cause, closed.reason) == (4 * HOUR, "timer", CloseReason.NO_RESPONSE)


def test_an_answer_ends_the_reminding_and_the_next_waiting_begins_anew() -> None:
    life = ScriptedTicket(policy=policy(pending_reminder_seconds=(3600, 7200))).reply(MINUTE).do(PendTicket, HOUR)
    life.wait(2 * HOUR + MINUTE).write(2 * HOUR + 30 * MINUTE).wait(5 * HOUR).do(PendTicket, 5 * HOUR).wait(6 * HOUR)
    assert [(event.reminder, event.at - MONDAY) for event in life.events("reminded")] == [(1, 2 * HOUR), (1, 6 * HOUR)]


def test_on_hold_nobody_is_reminded() -> None:
    life = ScriptedTicket(policy=policy(pending_reminder_seconds=(3600,), pending_resolve_seconds=7200))
    assert life.do(HoldTicket, HOUR, reason=HoldReason.VENDOR).wait(DAY).status is Status.ON_HOLD


def test_rests_count_open_time_where_the_policy_says_so() -> None:
    hours: dict[str, Any] = {"hours": OFFICE, "pending_reminder_seconds": (7200,), "pending_resolve_seconds": 14_400}
    business = policy(**hours, in_business_time=("pending_reminder", "pending_resolve", "auto_close"))
    life = ScriptedTicket(at=FRIDAY_AFTERNOON, policy=business).do(PendTicket, timedelta()).wait(40 * DAY)
    wall = ScriptedTicket(at=FRIDAY_AFTERNOON, policy=policy(**hours)).do(PendTicket, timedelta()).wait(40 * DAY)
    assert [f"{event.at:%a %H:%M}" for event in (*life.events("reminded"), *life.events("resolved"))] == [
        "Mon 09:00",
        "Mon 11:00",
    ]
    assert [f"{event.at:%a %H:%M}" for event in (*wall.events("reminded"), *wall.events("resolved"))] == [
        "Fri 17:00",
        "Fri 19:00",
    ]


def test_grace_counts_open_time_where_the_policy_says_so() -> None:
    grace: dict[str, Any] = {"hours": OFFICE, "reopen_grace_seconds": 7200}
    for in_business_time, cycles in (((), [1, 2]), (("reopen_grace",), [1, 1])):
        life = ScriptedTicket(at=FRIDAY_AFTERNOON, policy=policy(**grace, in_business_time=in_business_time))
        life.reply(MINUTE).do(ResolveTicket, 30 * MINUTE).write(3 * DAY - 7 * HOUR + 30 * MINUTE)
        life.do(ResolveTicket, 3 * DAY)
        assert [v.cycle for v in life.verdicts if v.metric == "resolution"] == cycles


@pytest.mark.parametrize(
    "wrong",
    [
        {"escalations": [step(at_percent=50, after_breach_seconds=5)]},
        {"escalations": [step()]},
        {"escalations": [step(do="reassign", at_percent=50)]},
        {"escalations": [step(at_percent=50, to="everybody")]},
        {"escalations": [step(at_percent=50, repeat_every_seconds=1)]},
        {"pending_reminder_seconds": [0]},
        {"pending_reminder_seconds": [7200], "pending_resolve_seconds": 3600},
        {"in_business_time": ["lunch"]},
        {"warn_at": [100]},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SlaPolicy.model_validate({"name": "Wrong", "calendar": "always", "targets": {}} | wrong)


def test_steps_after_a_breach_count_from_it_also_where_a_higher_priority_brought_it_about() -> None:
    life = laddered(step("resolution", after_breach_seconds=600)).reply(MINUTE)
    life.do(PrioritiseTicket, 4 * HOUR, priority=Priority.HIGH).wait(5 * HOUR)
    assert [round((event.at - MONDAY) / MINUTE) for event in life.events("escalated")] == [250]


def test_a_ladder_that_comes_late_takes_its_steps_from_now_on_and_none_of_a_matter_that_is_settled() -> None:
    """A first policy on a ticket that was open for long: what it raises counts from here, verdicts stay in order."""
    raising = step("resolution", do="raise_priority", at_percent=50)
    ladder = policy(escalations=[step(do="raise_priority", at_percent=80), raising])
    life = ScriptedTicket(is_new=True).wait(11 * HOUR).reply(11 * HOUR).do(ChangeTicketPolicy, 11 * HOUR, policy=ladder)
    assert [event.metric for event in life.events("escalated")] == ["resolution"]
    assert [event.at - MONDAY for event in life.events("prioritised")] == [11 * HOUR]
    assert [verdict.revision for verdict in life.verdicts] == [1]
