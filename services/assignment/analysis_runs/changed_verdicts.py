"""The verdicts that a what-if would change, narrowed to a team, a metric, or a direction."""

from enum import StrEnum
from uuid import UUID

from services.assignment.schemas.tickets import View
from services.assignment.schemas.what_if import Example, WhatIfReport
from shared.contracts.vocabulary import Metric, Outcome


class ChangeKind(StrEnum):
    """How a verdict would change."""

    TO_MET = "to_met"
    TO_BREACHED = "to_breached"
    OTHER = "other"


class ChangedVerdicts(View):
    """Verdicts that would be others."""

    items: list[Example]
    is_complete: bool
    """Whether the report holds every verdict that would be another."""


def changed_verdicts(
    report: WhatIfReport | None, team_id: UUID | None, metric: Metric | None, change: ChangeKind | None
) -> ChangedVerdicts:
    """Returns those of a report that is there; none of one that is not."""
    if report is None:
        return ChangedVerdicts(items=[], is_complete=False)
    items = [
        one
        for one in report.examples
        if team_id in (None, one.team_id) and metric in (None, one.metric) and change in (None, _kind_of(one))
    ]
    return ChangedVerdicts(items=items, is_complete=len(report.examples) >= report.differences)


def _kind_of(one: Example) -> ChangeKind:
    match one.before, one.after:
        case Outcome.BREACHED, Outcome.MET:
            return ChangeKind.TO_MET
        case Outcome.MET, Outcome.BREACHED:
            return ChangeKind.TO_BREACHED
    return ChangeKind.OTHER
