"""Decisions and explanations of clocks in the reader's language: nothing stays English but data."""

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.assignment.schemas.explanations import (
    ClockExplained,
    HolderView,
    IntervalView,
    RemedyView,
    RulesView,
    ShareView,
)
from services.assignment.web.decision_view import decision_view
from services.assignment.web.participant_labels import LABELS, origin_of
from services.assignment.web.sla_explanation_view import story_of
from shared.contracts.vocabulary import (
    Channel,
    ClockState,
    DecidedBy,
    DecisionCause,
    HoldReason,
    Metric,
    Outcome,
    OutReason,
    Strategy,
)
from shared.domain.sla.explain import HolderKind, Why
from shared.kit.i18n.languages import LANGUAGES, PSEUDO_TAG, use_language
from tests.translations.page_texts import left_of

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMES = {"a": "Ana", "b": "Bea", "t": "Payments"}
DATA = ["Ana", "Bea", "Payments", "VIP first", "cards", "loans", "Gold"]
SKILLS = [
    {"name": "cards", "level": 1, "is_required": True},
    {"name": "loans", "level": 3, "is_required": True},
    {"name": "cards", "level": 2, "is_required": False},
    {"name": "loans", "level": 1, "is_required": False},
]
RULE = {"rule_id": "r", "words": "VIP first", "version": 3, "position": 10}
FALLBACK = {"rule_id": None, "words": "no rule matches: the fallback team", "version": 0, "position": 0}


def candidate(agent_id: str, out: str | None = None) -> dict[str, Any]:
    """An agent who was considered."""
    return {"agent_id": agent_id, "load": 2, "is_available": out is None, "out": out, "capacity": 5, "levels": {}}


def decisions() -> Iterator[dict[str, Any]]:
    """Evidence of every kind of decision."""
    common = {"team_id": "t", "agent_id": "a", "rule": "was with an agent", "candidates": [candidate("a")]}
    everyone = [candidate("a"), candidate("b", "passed")]
    for by in DecidedBy:
        for skills in ((), SKILLS[:1], SKILLS):
            for candidates in (
                [],
                [candidate("b", "full")],
                everyone,
                [candidate("a", "full"), candidate("b", "away")],
            ):
                changes = {"decided_by": by.value, "demanded_skills": skills, "candidates": candidates}
                yield common | changes
                yield common | changes | {"agent_id": None}
                yield common | changes | {"agent_id": None, "offered_to": "b"}
    yield from (common | {"cause": one.value} for one in DecisionCause)
    yield from (common | {"strategy": one.value, "strategy_version": 2} for one in Strategy)
    yield from (common | {"tie_break": one} for one in ("none", "longest_idle", "lowest_id"))
    yield from (common | {"candidates": [candidate("b", one.value)]} for one in OutReason)
    yield common | {"matched_rules": [RULE, FALLBACK]}
    yield common | {"rule": "waited in the team; Payments is not active; its SLA policy is not active"}


def test_nothing_of_a_decision_stays_english() -> None:
    with use_language(LANGUAGES[PSEUDO_TAG]):
        for details in decisions():
            for assignee in ("a", None):
                view = decision_view(details, NAMES, assignee)
                assert list(left_of(texts_of(view), DATA)) == [], details


def test_a_decision_is_told_in_german() -> None:
    details = {
        "team_id": "t",
        "agent_id": "a",
        "rule": "VIP first",
        "decided_by": "fewest_open",
        "demanded_skills": SKILLS[:2],
        "candidates": [candidate("a"), candidate("b")],
        "strategy": "least_loaded",
        "strategy_version": 2,
    }
    with use_language(LANGUAGES["de"]):
        view = decision_view(details, NAMES, "a")
    assert view.sentence == (
        "Zugewiesen an Ana: die wenigsten offenen Tickets von 2 Verfügbaren mit den Kenntnissen cards, loans."
    )
    assert view.skills == "cards, loans ab Stufe 3"
    assert view.strategy == "Wer die wenigsten offenen Tickets hat, zuerst (Fassung 2 des Teams)"


def holder(kind: HolderKind, reason: HoldReason | None = None, name: str | None = None) -> HolderView:
    """Whose turn it was."""
    return HolderView(kind=kind, team_id=None, team=name, agent_id=None, agent=name, hold_reason=reason)


def clocks() -> Iterator[ClockExplained]:
    """Explanations with every kind of interval, holder, rule and remedy."""
    holders = [holder(kind, name=name) for kind in HolderKind for name in (None, "Ana")]
    holders += [holder(HolderKind.THIRD_PARTY, reason) for reason in HoldReason]
    intervals = [
        IntervalView(
            since=NOON, until=NOON + HOUR, counted=counted, why=why, added=HOUR, held_by=one, is_merged=is_merged
        )
        for why in Why
        for one in holders
        for counted in (True, False)
        for is_merged in (True, False)
    ]
    times = (timedelta(), timedelta(milliseconds=3), HOUR)
    shares = [ShareView(held_by=holders[0], added=added, paused=paused) for added in times for paused in times]
    rules = [
        RulesView(
            since=NOON,
            policy_id=UUID(int=1),
            policy_name="Gold",
            policy_version=2,
            calendar_version=1,
            target=target,
            working_days=days,
        )
        for target, days in ((None, None), (HOUR, None), (HOUR, 1), (HOUR, 2))
    ]
    for metric in Metric:
        for outcome in (None, *Outcome):
            for longer in (None, HOUR):
                yield ClockExplained(
                    metric=metric,
                    cycle=2,
                    state=ClockState.RUNNING if outcome is None else ClockState.SETTLED,
                    outcome=outcome,
                    is_late=True,
                    target=HOUR,
                    elapsed=HOUR + timedelta(seconds=3),
                    started_at=NOON,
                    until=NOON + HOUR,
                    due_at=NOON,
                    is_due_by_hand=longer is None,
                    rules=rules,
                    intervals=intervals,
                    shares=shares,
                    remedy=RemedyView(end_by=NOON, earlier=HOUR, longer=longer, if_holds_had_paused=True),
                )


def test_nothing_of_an_explanation_stays_english() -> None:
    with use_language(LANGUAGES[PSEUDO_TAG]):
        for clock in clocks():
            story = story_of(clock)
            told = [story.title, story.lead, *story.would_have, *(line.words for line in story.lines)]
            told += [text for share in story.shares for text in share] + [words for _, words in story.rules]
            assert list(left_of(told, DATA)) == []


def test_an_explanation_is_told_in_german() -> None:
    with use_language(LANGUAGES["de"]):
        story = story_of(next(iter(clocks())))
    assert story.title == "Erste Antwort 2"
    assert story.lead == "1 Std. 3 Sek. Öffnungszeit verbraucht, 2 Arbeitstage (1 Std.) erlaubt."
    assert story.would_have[0] == "Das ist 1 Std. Öffnungszeit her."
    assert story.rules[0][1] == "Gold, Fassung 2, Kalenderfassung 1, kein Ziel"


@pytest.mark.parametrize("channel", [None, *Channel])
def test_how_somebody_came_to_be_in_copy_is_translated(channel: Channel | None) -> None:
    with use_language(LANGUAGES[PSEUDO_TAG]):
        assert list(left_of([origin_of(channel, ""), origin_of(channel, "Ana")], DATA)) == []
    assert len(LABELS) == 5


def texts_of(view: object) -> Iterable[str]:
    """Every text in a view."""
    if isinstance(view, str):
        yield view
    elif is_dataclass(view):
        for one in fields(view):
            yield from texts_of(getattr(view, one.name))
    elif isinstance(view, list | tuple):
        for item in view:
            yield from texts_of(item)
