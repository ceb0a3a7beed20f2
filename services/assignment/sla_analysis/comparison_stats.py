"""Statistics of a what-if: recorded against recomputed verdicts by team, priority and metric."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from services.assignment.schemas.what_if import Counts, Example, GroupDifference, MetricDifference
from shared.contracts.vocabulary import Metric, Outcome, Priority

K = TypeVar("K")
SHOWN = 50
SAME_SECONDS = 0.001
"""Durations are stored as floating point seconds."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One verdict, recorded or recomputed."""

    outcome: Outcome
    elapsed: float
    target: float
    due_at: datetime | None
    settled_at: datetime

    def equals(self, other: "Figures") -> bool:
        """Whether two verdicts are equal up to rounding."""
        return (
            self.due_at == other.due_at
            and self.settled_at == other.settled_at
            and abs(self.target - other.target) < SAME_SECONDS
            and abs(self.elapsed - other.elapsed) < SAME_SECONDS
        )


@dataclass(frozen=True, slots=True)
class Where:
    """Identity of a verdict, and the groups it counts in."""

    ticket_id: UUID
    number: str
    metric: Metric
    cycle: int
    team_id: UUID | None
    priority: Priority


@dataclass(slots=True)
class ComparisonRow:
    """Counts of one combination of team, priority and metric, or of a sum over them."""

    before: dict[Outcome | None, int] = field(default_factory=dict)
    after: dict[Outcome | None, int] = field(default_factory=dict)
    changes: dict[tuple[Outcome | None, Outcome | None], int] = field(default_factory=dict)
    moved: int = 0

    def add(self, other: "ComparisonRow") -> None:
        """Adds another row."""
        _add(self.before, other.before)
        _add(self.after, other.after)
        _add(self.changes, other.changes)
        self.moved += other.moved

    def shown(self, metric: Metric) -> MetricDifference:
        """Returns the API's view."""
        before, after = _counts(self.before), _counts(self.after)
        better = self.changes.get((Outcome.BREACHED, Outcome.MET), 0)
        worse = self.changes.get((Outcome.MET, Outcome.BREACHED), 0)
        return MetricDifference(
            metric=metric,
            before=before,
            after=after,
            attainment_before=_attainment(before),
            attainment_after=_attainment(after),
            to_met=better,
            to_breached=worse,
            other_changes=sum(self.changes.values()) - better - worse,
            moved=self.moved,
        )


@dataclass(slots=True)
class ComparisonStats:
    """All comparisons of a what-if."""

    cells: dict[tuple[UUID | None, Priority, Metric], ComparisonRow] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)
    verdicts: int = 0
    differences: int = 0
    moved: int = 0
    most_examples: int = SHOWN

    def compare(self, where: Where, before: Figures | None, after: Figures | None) -> None:
        """Adds one verdict, before and after."""
        cell = self.cells.get((where.team_id, where.priority, where.metric))
        if cell is None:
            cell = self.cells[where.team_id, where.priority, where.metric] = ComparisonRow()
        old = None if before is None else before.outcome
        new = None if after is None else after.outcome
        cell.before[old] = cell.before.get(old, 0) + 1
        cell.after[new] = cell.after.get(new, 0) + 1
        self.verdicts += 1
        if old is not new:
            self.differences += 1
            cell.changes[old, new] = cell.changes.get((old, new), 0) + 1
            if len(self.examples) < self.most_examples:
                self.examples.append(_example(where, before, after))
        elif before is not None and after is not None and not before.equals(after):
            self.moved += 1
            cell.moved += 1

    def total(self) -> list[MetricDifference]:
        """Per metric."""
        return _metrics((metric, tally) for (_, _, metric), tally in self.cells.items())

    def by_team(self, names: Mapping[UUID | None, str]) -> list[GroupDifference]:
        """Per team by name, nobody's last."""
        teams = sorted({team for team, _, _ in self.cells}, key=lambda team: (team is None, names[team].casefold()))
        return [
            GroupDifference(
                id=team,
                name=names[team],
                metrics=_metrics((metric, tally) for (one, _, metric), tally in self.cells.items() if one == team),
            )
            for team in teams
        ]

    def by_priority(self) -> list[GroupDifference]:
        """Per priority from the most urgent."""
        known = sorted({priority for _, priority, _ in self.cells}, key=lambda priority: -priority.rank)
        return [
            GroupDifference(
                id=None,
                name=priority.value,
                metrics=_metrics((metric, tally) for (_, one, metric), tally in self.cells.items() if one is priority),
            )
            for priority in known
        ]


def _add(mine: dict[K, int], its: Mapping[K, int]) -> None:
    for key, count in its.items():
        mine[key] = mine.get(key, 0) + count


def _metrics(cells: Iterable[tuple[Metric, ComparisonRow]]) -> list[MetricDifference]:
    sums: dict[Metric, ComparisonRow] = {}
    for metric, tally in cells:
        sums.setdefault(metric, ComparisonRow()).add(tally)
    return [sums[metric].shown(metric) for metric in Metric if metric in sums]


def _counts(outcomes: Mapping[Any, int]) -> Counts:
    return Counts(**{outcome.value: outcomes.get(outcome, 0) for outcome in Outcome})


def _attainment(counts: Counts) -> float | None:
    return round(100 * counts.met / counts.judged, 1) if counts.judged else None


def _example(where: Where, before: Figures | None, after: Figures | None) -> Example:
    settled_at = (before or after or _nothing()).settled_at
    return Example(
        ticket_id=where.ticket_id,
        number=where.number,
        metric=where.metric,
        cycle=where.cycle,
        team_id=where.team_id,
        priority=where.priority,
        before=before and before.outcome,
        after=after and after.outcome,
        settled_at=settled_at,
        elapsed_before=before and timedelta(seconds=before.elapsed),
        elapsed_after=after and timedelta(seconds=after.elapsed),
        target_before=before and timedelta(seconds=before.target),
        target_after=after and timedelta(seconds=after.target),
        due_before=before and before.due_at,
        due_after=after and after.due_at,
    )


def _nothing() -> Figures:
    raise AssertionError("nothing to compare")
