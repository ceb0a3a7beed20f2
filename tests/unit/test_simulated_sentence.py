"""The one sentence that answers a simulation."""

import pytest

from services.assignment.schemas.simulations import PolicyRef, SimulatedCandidate, SimulatedDecision
from services.assignment.schemas.tickets import AgentRef, NamedRef
from services.assignment.web.admin.simulated_sentence import simulated_sentence
from shared.contracts.vocabulary import Priority
from shared.kit.clock import new_id

ADA = AgentRef(id=new_id(), name="Ada")


def decision(decided_by: str, outs: tuple[str | None, ...] = (), **told: object) -> SimulatedDecision:
    candidates = [SimulatedCandidate(id=new_id(), name=f"Agent {at}", load=at, out=out) for at, out in enumerate(outs)]
    plain: dict[str, object] = {
        "team": NamedRef(id=new_id(), slug="payments", name="Payments"),
        "agent": ADA,
        "priority": Priority.NORMAL,
        "policy": PolicyRef(id=new_id(), name="Standard"),
        "policy_reason": "default",
        "tags": [],
        "required_skills": {},
        "preferred_skills": {},
        "rule": "no rule matched",
        "matched_rules": [],
        "monitored_rules": [],
        "strategy": "least_loaded",
        "decided_by": decided_by,
        "tie_break": "none",
        "candidates": candidates,
    }
    return SimulatedDecision.model_validate(plain | told)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            decision("fewest_open", (None, None, "away")),
            "Ada in Payments would get it: fewest open tickets, of 2 available.",
        ),
        (
            decision("longest_idle", (None, None), agent=None, offered_to=ADA),
            "It would be offered to Ada in Payments: longest since their last ticket, of 2 available.",
        ),
        (
            decision("only_candidate", (None, "full"), required_skills={"cards": 2, "fraud": 1}),
            "Ada in Payments would get it: the only one available (with the skills cards, fraud).",
        ),
        (
            decision("nobody_fits", ("away", "full"), agent=None),
            "It would wait in Payments for somebody: none of its 2 agents is available.",
        ),
        (
            decision("nobody_fits", ("away",), agent=None),
            "It would wait in Payments for somebody: its only agent is not available.",
        ),
        (decision("nobody_fits", agent=None), "It would wait in Payments for somebody: nobody works in the team."),
        (
            decision("manual", (None,), agent=None),
            "It would wait in Payments for somebody: the team deals out its tickets by hand.",
        ),
        (decision("rule", (None,)), "Ada in Payments would get it: a routing rule names them."),
    ],
)
def test_a_simulation_is_answered_in_one_sentence(told: SimulatedDecision, said: str) -> None:
    assert simulated_sentence(told) == said
