"""Every line of a ticket's timeline in the reader's language: in the pseudo language nothing is left but data."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.assignment.schemas.conversation import ENVELOPE_PARTS, ActorView, EventView
from services.assignment.web.labels import (
    INCIDENT_CHANGES,
    LINKED,
    PHRASES,
    POLICY_MODES,
    TASK_CHANGES,
    format_event,
    format_event_short,
)
from shared.contracts.events import LifecycleEvent
from shared.contracts.vocabulary import CloseReason, DecidedBy, HoldReason, Metric, Outcome, Priority, ReturnReason
from shared.kit.i18n.languages import LANGUAGES, PSEUDO_TAG, use_language
from tests.contracts.examples import ADA, BANKING, EXAMPLES, NOON, POLICY
from tests.translations.page_texts import left_of

TASK = "0199-task"
NAMES = {str(ADA): "Ada Lovelace", str(BANKING): "Online banking", str(POLICY): "Gold", TASK: "Call the branch"}
DATA = ["Everdesk", "Ada Lovelace", "Online banking", "Gold", "Call the branch", "VIP first", "T-100002", "?"]
STEP = {"metric": "first_response", "step": 2, "repetition": 1, "team_id": None, "agent_id": None}
REMINDED = {"reminder": 1, "resolves_at": None}
DECIDED = {"team_id": str(BANKING), "agent_id": str(ADA), "rule": "VIP first; no rule names a team: the fallback team"}


def examples() -> Iterator[tuple[str, dict[str, Any]]]:
    """An event of each kind, and the forms of sentences about the ticket's status."""
    for one in EXAMPLES.values():
        if isinstance(one, LifecycleEvent) and one.event_name in PHRASES:
            yield one.event_name, one.model_dump(mode="json", exclude=set(ENVELOPE_PARTS))
    yield "ticket.reminded", REMINDED | {"reminder": 2}
    yield "ticket.reminded", REMINDED | {"resolves_at": "2026-11-26T12:00:00Z"}
    yield "ticket.reminded", {"reminder": 3, "resolves_at": "2026-11-26T12:00:00Z"}
    yield "ticket.resolved", {"cause": "timer"}
    yield "ticket.split", {}
    yield "ticket.closed", {"reason": "duplicate", "merge_id": "x"}
    yield "ticket.edited", {"changed": ["subject", "topic", "requester", "fields"]}
    yield from (("ticket.closed", {"reason": one.value}) for one in CloseReason)
    yield from (("ticket.held", {"reason": one.value}) for one in HoldReason)
    yield from (("ticket.prioritised", {"previous": "low", "priority": one.value}) for one in Priority)
    yield from (("ticket.policy_changed", {"policy_id": str(POLICY), "mode": mode}) for mode in POLICY_MODES)
    yield "ticket.policy_changed", {"policy_id": "gone", "mode": None}


def work() -> Iterator[tuple[str, dict[str, Any]]]:
    """Links, tasks, incidents, and tickets that change hands."""
    for kind in LINKED:
        yield "ticket.linked", {"kind": kind, "other_number": "T-100002"}
        yield "ticket.unlinked", {"kind": kind, "other_number": "T-100002"}
    for change in TASK_CHANGES:
        yield "ticket.task_changed", {"change": change, "task_id": TASK}
        yield "ticket.task_changed", {"change": change, "task_id": "gone"}
    for change in INCIDENT_CHANGES:
        yield "ticket.incident_changed", {"change": change, "count": 1}
        yield "ticket.incident_changed", {"change": change, "count": 3}
    for reason in ReturnReason:
        gone = {"previous_agent_id": str(ADA), "previous_team_id": str(BANKING), "reason": reason.value}
        yield "ticket.released", gone
        yield "ticket.transferred", gone | {"team_id": "gone", "previous_agent_id": None, "previous_team_id": None}
    for by in DecidedBy:
        yield "assignment.decided", DECIDED | {"decided_by": by.value}
        yield "assignment.decided", DECIDED | {"decided_by": by.value, "agent_id": None}
        yield "assignment.decided", DECIDED | {"decided_by": by.value, "agent_id": None, "offered_to": str(ADA)}


def clocks() -> Iterator[tuple[str, dict[str, Any]]]:
    """Verdicts and escalations."""
    for metric in Metric:
        yield "ticket.sla_breached", {"metric": metric.value}
        for outcome in Outcome:
            yield "ticket.sla_settled", {"verdict": {"metric": metric.value, "outcome": outcome.value}}
    for to in (None, "lead", f"team:{BANKING}", f"agent:{ADA}"):
        for do in ("notify", "raise_priority", "reassign"):
            yield "ticket.escalated", STEP | {"do": do, "to": to}
            yield "ticket.escalated", STEP | {"do": do, "to": to, "team_id": str(BANKING), "repetition": 3}


FACTS = [*examples(), *work(), *clocks()]


@pytest.mark.parametrize(("name", "details"), FACTS)
def test_nothing_of_a_line_stays_english(name: str, details: dict[str, Any]) -> None:
    with use_language(LANGUAGES[PSEUDO_TAG]):
        for kind, actor in (("agent", "Ada Lovelace"), ("agent", None), ("program", None), ("requester", None)):
            said = format_event(event(name, details, kind, actor), NAMES)
            assert said, name
            assert list(left_of([said], DATA)) == []


def test_every_kind_of_event_is_told() -> None:
    told = {name for name, _ in FACTS}
    assert told == set(PHRASES)
    steps = {one.event_name for one in EXAMPLES.values() if isinstance(one, LifecycleEvent)}
    assert steps - told == {"ticket.message_recorded"}


@pytest.mark.parametrize(
    ("name", "details", "german"),
    [
        ("ticket.opened", {}, "Ada Lovelace: Ticket eröffnet"),
        ("ticket.prioritised", {"previous": "high", "priority": "urgent"}, "Priorität von hoch auf dringend"),
        ("ticket.triaged", {"team_id": "gone"}, "eingeordnet in ein Team"),
        ("ticket.assigned", {"agent_id": "gone"}, "zugewiesen an einen Agenten"),
        ("ticket.due_set", {"due_at": "2026-11-26T12:00:00Z"}, "Fälligkeit auf 26. Nov. 2026, 12:00 UTC gesetzt"),
        ("ticket.edited", {"changed": ["subject", "topic", "fields"]}, "geändert: Betreff, Thema und Antworten"),
        ("ticket.incident_changed", {"change": "attach", "count": 1}, "1 Ticket der Großstörung zugeordnet"),
        ("ticket.incident_changed", {"change": "attach", "count": 5}, "5 Tickets der Großstörung zugeordnet"),
        (
            "ticket.released",
            {"previous_agent_id": str(ADA), "reason": "agent_absent"},
            "Ticket an das Team zurückgegeben, weil Ada Lovelace außer Haus ist",
        ),
        (
            "ticket.escalated",
            STEP | {"do": "raise_priority", "to": "lead", "team_id": str(BANKING), "repetition": 3},
            "erste Antwort: eskaliert, Stufe 2 zum 3. Mal:"
            " erhöht die Priorität und benachrichtigt die Leitung von Online banking",
        ),
        (
            "assignment.decided",
            DECIDED,
            "Ada Lovelace in Online banking ausgewählt (VIP first; keine Regel nennt ein Team: das Auffangteam)",
        ),
    ],
)
def test_old_facts_are_told_in_german(name: str, details: dict[str, Any], german: str) -> None:
    with use_language(LANGUAGES["de"]):
        assert german in format_event(event(name, details, "agent", "Ada Lovelace"), NAMES)


def test_answers_are_told_in_german() -> None:
    with use_language(LANGUAGES["de"]):
        assert format_event_short(value=[True, "Chrome"]) == "Ja, Chrome"


def event(name: str, details: dict[str, Any], kind: str, actor: str | None) -> EventView:
    """A line of the log."""
    return EventView(
        id="x",
        type=name,
        seq=1,
        revision=1,
        at=NOON,
        recorded_at=NOON,
        actor=ActorView(kind=kind, id=None, name=actor),
        details=details,
    )
