"""What the fold itself promises: earlier starts, earlier shapes, and facts that clocks do not hear."""

from shared.contracts.commands import PrioritiseTicket
from shared.contracts.events import EVENTS, LifecycleEvent, TicketOpened
from shared.contracts.vocabulary import Priority
from shared.domain.sla import Clocks, Fact, FactKind, Sla, fact_of
from shared.domain.sla.facts import SLA_EVENTS
from tests.contracts.examples import EXAMPLES
from tests.support.scripted_ticket import ScriptedTicket
from tests.support.tickets import HOUR, MINUTE, MONDAY, policy

STANDARD = policy()
POLICIES = {STANDARD.key: STANDARD}
EARLIER = MONDAY - 30 * MINUTE


def test_of_tickets_made_one_the_earliest_start_wins() -> None:
    triaged = Fact(MONDAY, 1, FactKind.TRIAGED, priority=Priority.NORMAL, policy=STANDARD.key)
    joined = Fact(MONDAY + 10 * MINUTE, 2, FactKind.COUNTED_FROM, due_at=EARLIER, since=EARLIER)
    later = Fact(MONDAY + 11 * MINUTE, 3, FactKind.COUNTED_FROM, due_at=MONDAY + 5 * MINUTE)
    clocks = Clocks(MONDAY, Priority.NORMAL).fold([triaged, joined, later], POLICIES)
    assert {clock.due_at for clock in clocks.clocks} == {MONDAY + 30 * MINUTE, MONDAY + 8 * HOUR - 30 * MINUTE}
    assert {clock.started_at for clock in clocks.clocks} == {MONDAY - 30 * MINUTE}


def test_an_earlier_start_known_before_the_policy_counts_too() -> None:
    joined = Fact(MONDAY, 1, FactKind.COUNTED_FROM, due_at=EARLIER, since=EARLIER)
    triaged = Fact(MONDAY + MINUTE, 2, FactKind.TRIAGED, priority=Priority.NORMAL, policy=STANDARD.key)
    clocks = Clocks(MONDAY, Priority.NORMAL).fold([joined, triaged], POLICIES)
    assert min(clock.due_at for clock in clocks.clocks if clock.due_at) == MONDAY + 30 * MINUTE


def test_a_late_clock_goes_on_saying_when_it_was_due() -> None:
    """A higher priority after the breach must not make it look due at the instant of the change."""
    life = ScriptedTicket().wait(3 * HOUR).do(PrioritiseTicket, 3 * HOUR, priority=Priority.HIGH)
    first = life.ticket.state.snapshot().clocks[0]
    assert (first.due_at, first.breached_at) == (MONDAY + HOUR, MONDAY + HOUR)


def test_what_an_older_run_carried_is_read_as_the_past() -> None:
    """The shape of before late facts were folded again: clocks as they stood, the policy beside them."""
    clock = {
        "metric": "resolution",
        "cycle": 1,
        "started_at": MONDAY.isoformat(),
        "target": 28_800.0,
        "elapsed": 0.0,
        "running_since": MONDAY.isoformat(),
        "due_at": (MONDAY + 8 * HOUR).isoformat(),
        "warned": [50],
        "revision": 0,
    }
    answered = clock | {"metric": "first_response", "settled_at": MONDAY.isoformat(), "outcome": "met", "revision": 1}
    old = {
        "opened_at": MONDAY.isoformat(),
        "priority": "normal",
        "policy": STANDARD.model_dump(mode="json", exclude={"digest", "escalations", "leads"}),
        "clocks": [answered | {"running_since": None}, clock],
        "early": [],
        "first_replied_at": MONDAY.isoformat(),
        "last_replied_at": MONDAY.isoformat(),
    }
    sla = Sla.model_validate(old)
    assert (sla.policy, sla.due_at(), sla.first_replied_at) == (STANDARD, MONDAY + 8 * HOUR, MONDAY)
    assert sla.revisions == {"first_response:1": 1}
    sla.record(Fact(MONDAY + HOUR, 9, FactKind.RESOLVED))
    assert Sla.model_validate_json(sla.model_dump_json()) == sla
    assert sla.clocks[1].elapsed == HOUR


def test_clocks_hear_of_what_is_listed_and_of_nothing_else() -> None:
    lifecycle = [event for event in EXAMPLES.values() if isinstance(event, LifecycleEvent)]
    heard = {type(event) for event in lifecycle if fact_of(event) is not None}
    assert heard == set(SLA_EVENTS)
    assert TicketOpened not in heard
    assert {event.type() for event in SLA_EVENTS} <= set(EVENTS)
