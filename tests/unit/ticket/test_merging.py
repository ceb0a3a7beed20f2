"""Merging in the engine: clocks of both tickets, live and from the log, and back again."""

from datetime import timedelta
from uuid import UUID

import pytest

from shared.contracts.base import TicketId
from shared.contracts.commands import (
    AbsorbTicket,
    DetachTicket,
    MergeTicket,
    PendTicket,
    ReopenTicket,
    ResolveTicket,
    UnmergeTicket,
)
from shared.contracts.tickets import Clock
from shared.contracts.vocabulary import CloseReason, Metric, Outcome, Status
from shared.domain.errors import IllegalTransition, NotMerged, TicketMerged
from shared.domain.sla import verdicts
from tests.support.scripted_ticket import ScriptedTicket
from tests.support.tickets import AGENT, HOUR, MINUTE, MONDAY, policy

MERGE, OTHER = UUID(int=77), TicketId(UUID(int=78))
POLICIES = {policy().policy_id: policy()}


def clock(life: ScriptedTicket, metric: Metric) -> Clock:
    """The last clock of a metric."""
    return [one for one in life.ticket.state.snapshot().clocks if one.metric is metric][-1]


def absorb(life: ScriptedTicket, after: timedelta, *, since: timedelta) -> ScriptedTicket:
    start = MONDAY + since
    return life.do(AbsorbTicket, after, source_id=OTHER, merge_id=MERGE, resolution_from=start, waiting_since=start)


def test_the_earliest_start_wins_and_detaching_takes_it_back() -> None:
    life = ScriptedTicket()
    before = life.ticket.state.snapshot().clocks
    absorb(life, 10 * MINUTE, since=-30 * MINUTE)
    assert {one.started_at for one in life.ticket.state.snapshot().clocks} == {MONDAY - 30 * MINUTE}
    life.do(DetachTicket, 11 * MINUTE, merge_id=MERGE)
    after = life.ticket.state.snapshot().clocks
    assert [(one.started_at, one.due_at) for one in after] == [(one.started_at, one.due_at) for one in before]


def test_a_breach_that_only_the_merge_made_is_withdrawn() -> None:
    life = absorb(ScriptedTicket(), 10 * MINUTE, since=-5 * HOUR)
    assert "sla_breached" in life.names
    life.do(DetachTicket, 20 * MINUTE, merge_id=MERGE)
    assert "sla_breach_withdrawn" in life.names
    life.reply(30 * MINUTE)
    assert life.outcome(Metric.FIRST_RESPONSE)[0] is Outcome.MET


def test_an_answer_owed_on_the_duplicate_is_owed_here() -> None:
    life = absorb(ScriptedTicket().reply(5 * MINUTE), 10 * MINUTE, since=-30 * MINUTE)
    assert clock(life, Metric.FIRST_RESPONSE).outcome is Outcome.MET
    assert clock(life, Metric.NEXT_RESPONSE).started_at == MONDAY - 30 * MINUTE


def test_a_resolved_ticket_owes_nothing_by_taking_one_in() -> None:
    life = absorb(ScriptedTicket().do(ResolveTicket, MINUTE), 10 * MINUTE, since=-30 * MINUTE)
    assert all(one.settled_at is not None for one in life.ticket.state.snapshot().clocks)


def test_a_merged_ticket_is_a_closed_duplicate_that_nothing_but_unmerging_changes() -> None:
    life = ScriptedTicket().do(PendTicket, MINUTE).do(MergeTicket, 5 * MINUTE, into=OTHER, merge_id=MERGE)
    merged = life.ticket.state.snapshot()
    assert (merged.status, merged.close_reason, merged.merged_into) == (Status.CLOSED, CloseReason.DUPLICATE, OTHER)
    assert {one.outcome for one in merged.clocks} == {Outcome.CANCELLED}
    life.write(6 * MINUTE)
    assert life.ticket.state.snapshot().seq == merged.seq
    with pytest.raises(TicketMerged):
        life.do(ReopenTicket, 7 * MINUTE)
    with pytest.raises(NotMerged):
        life.do(UnmergeTicket, 7 * MINUTE, merge_id=UUID(int=1))
    life.do(UnmergeTicket, 8 * MINUTE, merge_id=MERGE)
    back = life.ticket.state.snapshot()
    assert (back.status, back.close_reason, back.closed_at, back.merged_into) == (Status.PENDING, None, None, None)
    assert [(one.started_at, one.settled_at) for one in back.clocks] == [(MONDAY, None), (MONDAY, None)]


def test_what_the_log_says_gives_the_same_verdicts() -> None:
    life = ScriptedTicket().do(MergeTicket, 5 * MINUTE, into=OTHER, merge_id=MERGE)
    life.do(UnmergeTicket, 8 * MINUTE, merge_id=MERGE).reply(20 * MINUTE).do(ResolveTicket, HOUR)
    absorbing = absorb(ScriptedTicket(), 10 * MINUTE, since=-30 * MINUTE).reply(40 * MINUTE).do(ResolveTicket, HOUR)
    for one in (life, absorbing):
        latest = {(v.metric, v.cycle): v for v in one.verdicts}
        assert {(v.metric, v.cycle): v for v in verdicts(one.log, POLICIES)} == latest
    assert life.outcome(Metric.FIRST_RESPONSE)[0] is Outcome.MET
    assert absorbing.outcome(Metric.FIRST_RESPONSE)[0] is Outcome.BREACHED


def test_wrong_merges_are_refused() -> None:
    life = ScriptedTicket()
    itself = life.ticket.state.ticket_id
    with pytest.raises(IllegalTransition, match="itself"):
        life.do(MergeTicket, MINUTE, into=itself, merge_id=MERGE)
    with pytest.raises(NotMerged):
        life.do(DetachTicket, MINUTE, merge_id=MERGE)
    closed = ScriptedTicket()
    closed.ticket.close(AGENT, MONDAY + 3 * MINUTE, CloseReason.SPAM, "command")
    with pytest.raises(IllegalTransition, match="closed"):
        absorb(closed, 4 * MINUTE, since=-HOUR)
