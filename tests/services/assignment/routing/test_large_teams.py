"""The evidence of a decision among thousands of agents: an event can carry it, and it says how many it leaves out."""

from uuid import UUID

import pytest

from services.assignment.routing.candidates import KnownCandidates
from services.assignment.web.decision_view import decision_view
from shared.contracts.base import AgentId, PolicyId, TeamId, TicketId
from shared.contracts.events import AssignmentDecided
from shared.contracts.vocabulary import DecidedBy, OutReason, Priority
from shared.domain.routing import AgentStanding, Demand, SkillDemand
from shared.kit.clock import new_id, utc_now
from shared.kit.outbox import row_of

TEAM = TeamId(UUID(int=10))
SKILLS = {f"{name}-{number}": 3 for name in ("überweisungen", "payments") for number in range(5)}
DEMAND = Demand(TEAM, Priority.NORMAL, required=(SkillDemand("payments-0"),))


def standings(available: int, away: int) -> list[AgentStanding]:
    """Those who are away first; the one who is chosen has most to do of those who are there."""
    out = [AgentStanding(AgentId(UUID(int=n)), 0, None, OutReason.AWAY, SKILLS) for n in range(1, away + 1)]
    there = range(away + 1, away + available + 1)
    return out + [AgentStanding(AgentId(UUID(int=n)), n, utc_now(), skills=SKILLS) for n in there]


def decided(known: KnownCandidates, agents: list[AgentStanding]) -> AssignmentDecided:
    out = {one.agent_id: one.absent_as for one in agents if one.absent_as is not None}
    shown = known.of(agents, DEMAND, out, agents[-1].agent_id)
    assert len(shown.candidates) == len(shown.encoded)
    return AssignmentDecided(
        ticket_id=TicketId(new_id()),
        team_id=TEAM,
        agent_id=agents[-1].agent_id,
        priority=Priority.NORMAL,
        policy_id=PolicyId(new_id()),
        rule="fallback",
        candidates=shown.candidates,
        more_available=shown.more_available,
        more_out=shown.more_out,
        decided_at=utc_now(),
        decided_by=DecidedBy.FEWEST_OPEN,
    )


@pytest.mark.parametrize(("available", "away"), [(6000, 0), (3000, 3000), (10, 6000), (1, 0), (30, 20)])
def test_an_event_carries_the_decision_and_accounts_for_everybody(available: int, away: int) -> None:
    agents = standings(available, away)
    evidence = decided(KnownCandidates(), agents)
    row_of(evidence.envelope(str(new_id()), evidence.decided_at))
    named = evidence.candidates
    assert evidence.agent_id in {one.agent_id for one in named}
    fit = [one for one in named if one.out is None]
    assert (len(fit) + evidence.more_available, len(named) - len(fit) + evidence.more_out) == (available, away)
    order = [one.agent_id for one in agents]
    assert [one.agent_id for one in named] == [one for one in order if one in {each.agent_id for each in named}]
    if available + away < 100:
        assert len(named) == available + away
    if evidence.more_available:
        assert len(fit) == len(named), "who could not have got it goes first"
        ids = {one.agent_id for one in named}
        busier = [one.load for one in agents if one.absent_as is None and one.agent_id not in ids]
        assert max(one.load for one in named if one.agent_id != evidence.agent_id) <= min(busier)


def test_the_story_of_a_decision_counts_those_whom_its_evidence_does_not_name() -> None:
    evidence = decided(KnownCandidates(), standings(6000, 10))
    view = decision_view(evidence.model_dump(mode="json"), {}, None)
    assert "among 6000 available" in view.sentence
    assert len(view.candidates) + view.more == 6010
