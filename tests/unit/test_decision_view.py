"""The sentence that says why an agent has a ticket, as a table."""

from typing import Any

import pytest

from services.assignment.web.decision_view import decision_view

NAMES = {"a": "Ana", "b": "Bea", "c": "Carl", "t": "Payments"}


def candidate(agent_id: str, out: str | None = None) -> dict[str, Any]:
    return {"agent_id": agent_id, "load": 2, "is_available": out is None, "out": out, "capacity": 5, "levels": {}}


THREE = [candidate("a"), candidate("b"), candidate("c")]
SKILL = [{"name": "payments", "level": 1, "is_required": True}]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"demanded_skills": SKILL},
            "Assigned to Ana: fewest open tickets among 3 available with skill payments.",
        ),
        ({"decided_by": "longest_idle"}, "Assigned to Ana: longest since their last ticket among 3 available."),
        ({"decided_by": "weight"}, "Assigned to Ana: next by weight among 3 available."),
        ({"decided_by": "only_candidate"}, "Assigned to Ana: the only one available."),
        ({"decided_by": "rule"}, "Assigned to Ana: a routing rule names them."),
        ({"decided_by": "delegate"}, "Assigned to Ana: they stand in for whoever had it."),
        ({"decided_by": "last_agent"}, "Stays with Ana: they had it before, and have room."),
        (
            {"agent_id": None, "offered_to": "b"},
            "Offered to Bea: fewest open tickets among 3 available.",
        ),
        ({"agent_id": "b"}, "Bea was chosen: fewest open tickets among 3 available."),
        (
            {"agent_id": None, "decided_by": "manual"},
            "Nobody in Payments was chosen: the team deals out its tickets by hand.",
        ),
        (
            {"agent_id": None, "decided_by": "nobody_fits", "candidates": [candidate("a", "full")]},
            "Nobody in Payments was chosen: its only agent was not available.",
        ),
        (
            {"agent_id": None, "decided_by": "nobody_fits", "candidates": []},
            "Nobody in Payments was chosen: nobody works in the team.",
        ),
    ],
)
def test_one_sentence_says_who_and_why(changes: dict[str, Any], sentence: str) -> None:
    details = {
        "team_id": "t",
        "agent_id": "a",
        "rule": "rule 10: any ticket",
        "candidates": THREE,
        "decided_by": "fewest_open",
        **changes,
    }
    assert decision_view(details, NAMES, "a").sentence == sentence


def test_evidence_of_older_code_still_reads() -> None:
    old = {"agent_id": "a", "load": 1, "is_available": True, "skills": [], "last_assigned_at": None}
    details = {
        "team_id": "t",
        "agent_id": "a",
        "rule": "rule 10: any ticket",
        "required_skills": [],
        "candidates": [old, old | {"agent_id": "b", "is_available": False}],
        "tie_break": "none",
    }
    view = decision_view(details, NAMES, "a")
    assert view.sentence == "Assigned to Ana: fewest open tickets among 1 available."
    assert [(line.name, line.out) for line in view.candidates] == [("Ana", ""), ("Bea", "away")]
