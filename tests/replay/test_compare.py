"""The comparison can fail: a verdict that is off by a little, lost, or judged otherwise is a mismatch."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.commands import ResolveTicket
from shared.contracts.events import Envelope, SlaSettled
from shared.contracts.policies import PolicySnapshot
from shared.contracts.vocabulary import Outcome
from tests.replay.compare import Compared, compare
from tests.replay.incident_log import Incident, Row
from tests.replay.policy import policy_from
from tests.replay.pure import Deed, PlayedIncident, do, enveloped, finish, opened, play
from tests.support.tickets import HOUR, MONDAY

SECOND = timedelta(seconds=1)
NOON = MONDAY + 3 * HOUR


def row(hours: float, state: str, *, is_first: bool = False) -> Row:
    changed = frozenset() if is_first else frozenset({"incident_state"})
    at = MONDAY + hours * HOUR
    return Row(at, state, "3 - Moderate", "Group 1", None, "Updated by 1", changed, is_first)


INCIDENT = Incident("INC1", MONDAY, (row(1, "New", is_first=True), row(3, "Awaiting User Info"), row(5, "Active"),
                                     row(30, "Resolved"), row(150, "Closed")), is_reopened=False)  # fmt: skip


@pytest.fixture(scope="module")
def policy() -> PolicySnapshot:
    return policy_from(MONDAY)


@pytest.fixture
def life(policy: PolicySnapshot) -> PlayedIncident:
    return play(INCIDENT, policy)


def lived(life: PlayedIncident, late: timedelta = timedelta()) -> tuple[list[Deed], list[Envelope]]:
    """The deeds and events of a workflow that took every command so late."""
    done = [
        Deed(deed.at + (late if hasattr(deed.what, "command_id") else timedelta()), deed.what) for deed in life.deeds
    ]
    ticket = opened(life.opening)
    for deed in done:
        do(ticket, deed.what, deed.at)
    finish(ticket)
    return done, enveloped(ticket.events)


def compared(life: PlayedIncident, policy: PolicySnapshot, done: list[Deed], envelopes: list[Envelope]) -> Compared:
    return compare(life, done, envelopes, policy, timedelta())


def test_a_workflow_that_lived_the_plan_is_equal(life: PlayedIncident, policy: PolicySnapshot) -> None:
    found = compared(life, policy, *lived(life))
    assert (found.faults, found.on_the_edge, found.verdicts) == ([], [], 3)


def test_delays_of_the_server_s_clock_are_allowed(life: PlayedIncident, policy: PolicySnapshot) -> None:
    assert compared(life, policy, *lived(life, late=SECOND / 20)).is_equal


@pytest.mark.parametrize(
    "change",
    [
        {"elapsed": timedelta(seconds=1)},
        {"due_at": MONDAY + SECOND},
        {"settled_at": NOON + timedelta(microseconds=1)},
        {"outcome": Outcome.BREACHED},
        {"target": timedelta(seconds=5)},
        {"policy_version": 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_verdict_announced_otherwise_is_a_mismatch(
    life: PlayedIncident, policy: PolicySnapshot, change: dict[str, Any]
) -> None:
    done, envelopes = lived(life)
    which = next(n for n, each in enumerate(envelopes) if each.type == SlaSettled.type())
    event = SlaSettled.of(envelopes[which])
    changed = event.model_copy(update={"verdict": event.verdict.model_copy(update=change)})
    envelopes[which] = changed.envelope(envelopes[which].id, event.at)
    assert len(compared(life, policy, done, envelopes).faults) == 3


def test_a_verdict_never_announced_is_a_mismatch(life: PlayedIncident, policy: PolicySnapshot) -> None:
    done, envelopes = lived(life)
    kept = [each for each in envelopes if each.type != SlaSettled.type()]
    assert len(compared(life, policy, done, kept).faults) == 3


def test_a_workflow_that_took_another_command_is_a_mismatch(life: PlayedIncident, policy: PolicySnapshot) -> None:
    done, envelopes = lived(life)
    done = [replace(deed, at=deed.at - HOUR) if isinstance(deed.what, ResolveTicket) else deed for deed in done]
    assert "from the same deeds" in compared(life, policy, done, envelopes).faults[0]


def test_an_outcome_within_the_drift_of_its_due_instant_is_on_the_edge(policy: PolicySnapshot) -> None:
    answer = row(4, "Awaiting User Info")
    life = play(replace(INCIDENT, rows=(INCIDENT.rows[0], answer, *INCIDENT.rows[2:])), policy)
    assert life.verdicts["first_response", 1].outcome is Outcome.MET
    done, envelopes = lived(life)
    late = replace(life, deeds=[replace(deed, at=deed.at - SECOND) for deed in life.deeds])
    met = life.verdicts["first_response", 1]
    late.verdicts = life.verdicts | {("first_response", 1): met.model_copy(update={"outcome": Outcome.BREACHED})}
    found = compared(late, policy, done, envelopes)
    assert (found.faults, len(found.on_the_edge)) == ([], 1)
