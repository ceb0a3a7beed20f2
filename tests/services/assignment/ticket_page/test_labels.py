"""The desk says what happened as the people who work there would."""

from typing import Any

import pytest

from services.assignment.schemas.conversation import ENVELOPE_PARTS, ActorView, EventView
from services.assignment.web.labels import INCIDENT_CHANGES, PHRASES, format_event
from shared.contracts.events import LifecycleEvent
from tests.contracts.examples import ADA, BANKING, EXAMPLES, NOON, POLICY

NAMES = {str(ADA): "Ada Lovelace", str(BANKING): "Online banking", str(POLICY): "Gold"}
REMINDED = {"reminder": 1, "pending_since": "2026-11-23T12:00:00Z", "resolves_at": None}
STEP = {"metric": "first_response", "step": 2, "do": "notify", "to": None}
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("reminded", REMINDED, "reminded the requester that an answer is needed"),
    (
        "reminded",
        REMINDED | {"reminder": 2, "resolves_at": "2026-11-26T12:00:00Z"},
        "reminded the requester again that an answer is needed;"
        " resolves by itself on 26 Nov 2026, 12:00 UTC if they stay silent",
    ),
    ("resolved", {}, "resolved"),
    ("resolved", {"cause": "command"}, "resolved"),
    ("resolved", {"cause": "timer"}, "resolved, as the requester did not answer"),
    ("escalated", STEP, "first response: escalated, step 2: tells whoever is responsible"),
    ("escalated", STEP | {"repetition": 3}, "first response: escalated, step 2 for the 3rd time: tells whoever"),
    ("escalated", STEP | {"repetition": 11}, "first response: escalated, step 2 for the 11th time: tells whoever"),
    (
        "escalated",
        STEP | {"to": "lead", "team_id": str(BANKING), "agent_id": str(ADA)},
        "first response: escalated, step 2: tells the lead of Online banking",
    ),
    (
        "escalated",
        STEP | {"to": "team:online-banking", "team_id": str(BANKING)},
        "first response: escalated, step 2: tells Online banking",
    ),
    ("escalated", STEP | {"do": "raise_priority"}, "first response: escalated, step 2: raises the priority"),
    (
        "escalated",
        STEP | {"do": "raise_priority", "to": "lead"},
        "first response: escalated, step 2: raises the priority and tells the lead",
    ),
    (
        "escalated",
        STEP | {"do": "reassign", "to": f"agent:{ADA}", "agent_id": str(ADA)},
        "first response: escalated, step 2: hands over to Ada Lovelace",
    ),
    ("policy_changed", {"policy_id": str(POLICY)}, "SLA policy Gold; the time used so far counts"),
    ("policy_changed", {"policy_id": str(POLICY), "mode": "restart"}, "SLA policy Gold; the clocks begin anew"),
    ("policy_changed", {"policy_id": str(POLICY), "mode": "revert"}, "the change of the SLA policy is undone"),
    ("sla_breach_withdrawn", {"metric": "resolution"}, "resolution: was not overdue after all"),
]


@pytest.mark.parametrize("change", INCIDENT_CHANGES)
def test_each_change_of_an_incident_has_its_words(change: str) -> None:
    said = format_event(event("ticket.incident_changed", {"change": change, "count": 3}), NAMES)
    assert said.startswith("Everdesk: ")
    assert "{" not in said


@pytest.mark.parametrize(("name", "details", "words"), CASES)
def test_each_step_has_its_words(name: str, details: dict[str, Any], words: str) -> None:
    assert format_event(event(f"ticket.{name}", details), NAMES).startswith(f"Everdesk: {words}")


def test_every_step_of_a_life_has_words_but_the_bookkeeping() -> None:
    steps = [one for one in EXAMPLES.values() if isinstance(one, LifecycleEvent)]
    for one in steps:
        details = one.model_dump(mode="json", exclude=set(ENVELOPE_PARTS))
        assert format_event(event(one.event_name, details), NAMES) or one.event_name == "ticket.message_recorded"
    assert set(PHRASES) <= {one.event_name for one in EXAMPLES.values()}


def event(name: str, details: dict[str, Any]) -> EventView:
    """A line of the log, by nobody in particular."""
    return EventView(
        id="x",
        type=name,
        seq=1,
        revision=1,
        at=NOON,
        recorded_at=NOON,
        actor=ActorView(kind="system", id=None, name=None),
        details=details,
    )
