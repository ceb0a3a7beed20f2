"""Live verdicts on random lives, late facts among them, against the notebook of somebody who watched every minute."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.commands import (
    CloseTicket,
    Command,
    HoldTicket,
    PendTicket,
    PrioritiseTicket,
    RecordReply,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
)
from shared.contracts.events import (
    LifecycleEvent,
    SlaSettled,
    TicketClosed,
    TicketHeld,
    TicketMessageRecorded,
    TicketPended,
    TicketPrioritised,
    TicketReopened,
    TicketResolved,
    TicketResumed,
)
from shared.contracts.vocabulary import ActorKind, CloseReason, HoldReason, Priority
from shared.domain.errors import Refusal
from shared.domain.ticket import Ticket, TicketState
from tests.support.sizes import either
from tests.support.tickets import AGENT, REQUESTER, an_id, message, opening, policy, triage
from tests.unit.sla.oracle import Happening, watched

FRIDAY = datetime(2026, 3, 27, 7, 0, tzinfo=UTC)
"""Two days before the clocks change in Berlin."""
HOURS = {
    "timezone": "Europe/Berlin",
    "weekly": {
        **{day: [["09:00", "12:30"], ["13:30", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
        "sat": [["22:00", "06:00"]],
    },
    "holidays": [{"date": "2026-03-30", "hours": [["09:00", "11:00"]]}],
}
TARGETS = {
    "low": {"first_response": 36_000, "next_response": 36_000, "resolution": 90_000},
    "normal": {"first_response": 3600, "next_response": 7200, "resolution": 28_800},
    "high": {"first_response": 900, "next_response": 1800, "resolution": 7200},
    "urgent": {"first_response": 300, "next_response": 600, "resolution": 3600},
}
STEPS = st.lists(
    st.tuples(
        st.integers(0, 500) | st.integers(0, 30),
        st.sampled_from(["write", "reply", "pend", "hold", "resume", "resolve", "reopen", "close", "prioritise"]),
        st.integers(0, 400) | st.just(0),
        st.sampled_from(list(CloseReason)),
        st.sampled_from(list(Priority)),
    ),
    min_size=2,
    max_size=12,
)
PLAIN: dict[str, type[Command]] = {
    "pend": PendTicket,
    "resume": ResumeTicket,
    "resolve": ResolveTicket,
    "reopen": ReopenTicket,
}


@pytest.mark.soak
@settings(max_examples=either(100, 600), deadline=None)
@given(steps=STEPS, pauses_on_hold=st.booleans())
def test_verdicts_agree_with_a_walk_through_every_minute(
    steps: list[tuple[int, str, int, CloseReason, Priority]], *, pauses_on_hold: bool
) -> None:
    rules = policy(hours=HOURS, targets=TARGETS, pause_on_hold=pauses_on_hold, auto_close_seconds=30_000_000)
    ticket = Ticket(TicketState.of(opening(at=FRIDAY)))
    ticket.open(REQUESTER, FRIDAY)
    ticket.handle(triage(policy=rules), FRIDAY)
    now = FRIDAY
    for number, (wait, what, ago, reason, priority) in enumerate(steps):
        now += timedelta(minutes=wait)
        name, received_at = f"step {number}", now - timedelta(minutes=ago)
        if what == "write":
            ticket.receive(message(name, received_at), now)
            continue
        with suppress(Refusal):
            ticket.handle(_command(what, name, received_at, reason, priority), now)
    live = {
        (event.verdict.metric.value, event.verdict.cycle): (
            event.verdict.metric.value,
            round(event.verdict.elapsed.total_seconds() / 60),
            event.verdict.outcome.value,
        )
        for event in ticket.events
        if isinstance(event, SlaSettled)
    }
    happenings = [(FRIDAY, "open", None), *_happenings(ticket.events)]
    expected = watched(HOURS, TARGETS, happenings, priority="normal", pauses_on_hold=pauses_on_hold)
    assert [live[key] for key in sorted(live)] == expected


def _command(what: str, name: str, at: datetime, reason: CloseReason, priority: Priority) -> Command:
    match what:
        case "reply":
            return RecordReply(command_id=name, actor=AGENT, message_id=an_id(name), replied_at=at)
        case "hold":
            return HoldTicket(command_id=name, actor=AGENT, reason=HoldReason.VENDOR)
        case "close":
            return CloseTicket(command_id=name, actor=AGENT, reason=reason)
        case "prioritise":
            return PrioritiseTicket(command_id=name, actor=AGENT, priority=priority)
    return PLAIN[what](command_id=name, actor=AGENT)


def _happenings(events: list[LifecycleEvent]) -> list[Happening]:
    """What the log says happened, in the order of time; what happened first at an instant is what arrived first."""
    words = {
        TicketPended: "pend",
        TicketHeld: "hold",
        TicketResumed: "resume",
        TicketResolved: "resolve",
        TicketReopened: "reopen",
        TicketClosed: "close",
        TicketPrioritised: "prioritise",
    }
    found: list[tuple[datetime, int, str, object]] = []
    for event in events:
        if isinstance(event, TicketMessageRecorded):
            found.append((event.at, event.seq, "reply" if event.author is ActorKind.AGENT else "write", None))
        elif type(event) in words:
            detail = getattr(event, "reason", None) or getattr(event, "priority", None)
            found.append((event.at, event.seq, words[type(event)], detail))
    return [(at, what, detail) for at, _, what, detail in sorted(found, key=lambda one: one[:2])]
