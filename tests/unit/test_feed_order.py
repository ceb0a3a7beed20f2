"""The order of a ticket's steps in the feed, for every order in which they can arrive."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest

from services.notification.event_feed.sequencing import IncomingEvent, TicketSequencer
from shared.contracts.events import Envelope

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
TICKET = UUID(int=7)


def step(seq: int, opened_at: datetime = NOW) -> IncomingEvent:
    data = {"ticket_id": str(TICKET), "seq": seq, "snapshot": {"opened_at": opened_at.isoformat()}}
    return IncomingEvent.of(
        Envelope(id=str(seq), source="/", type="everdesk.ticket.opened.v1", subject=str(TICKET), time=NOW, data=data)
    )


def sequencer(last: int = 0, *held: IncomingEvent) -> TicketSequencer:
    return TicketSequencer({TICKET: last} if last else {}, held, NOW, NOW)


@pytest.mark.parametrize("arrival", permutations((1, 2, 3, 4)))
def test_steps_are_put_in_order_however_they_arrive(arrival: tuple[int, ...]) -> None:
    order = sequencer()
    order.add([step(seq) for seq in arrival])
    assert [one.seq for one in order.recorded] == [1, 2, 3, 4]
    assert order.held == []


@pytest.mark.parametrize("arrival", permutations((4, 5, 6)))
def test_steps_are_put_in_order_over_several_batches(arrival: tuple[int, ...]) -> None:
    recorded: list[int | None] = []
    held: list[IncomingEvent] = []
    last = 3
    for seq in arrival:
        order = sequencer(last, *held)
        order.add([step(seq)])
        recorded += [one.seq for one in order.recorded]
        last = order.last[TICKET]
        held = [one for one in [*held, *(one for one, _ in order.held)] if one.seq not in recorded]
    assert recorded == [4, 5, 6]


def test_an_overdue_step_takes_those_with_it_that_follow() -> None:
    overdue = step(5)
    order = sequencer(2, overdue, step(6), step(9))
    order.release([overdue])
    assert [one.seq for one in order.recorded] == [5, 6]
    order.add([step(3)])
    assert order.recorded[-1].seq == 3


def test_of_a_ticket_from_before_the_feed_no_step_is_awaited() -> None:
    order = sequencer()
    order.add([step(12, NOW - timedelta(days=1)), step(14, NOW - timedelta(days=1))])
    assert [one.seq for one in order.recorded] == [12]
    assert [(one.seq, until) for one, until in order.held] == [(14, NOW + timedelta(minutes=10))]


def test_a_long_row_of_held_steps_is_taken_at_once() -> None:
    order = sequencer(1, *(step(seq) for seq in range(3, 3000)))
    order.add([step(2)])
    assert [one.seq for one in order.recorded] == list(range(2, 3000))
