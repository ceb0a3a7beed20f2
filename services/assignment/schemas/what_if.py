"""History judged under other rules: what is asked, and what differs."""

from datetime import timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.calendars import BusinessCalendar
from shared.contracts.policies import SlaPolicy
from shared.contracts.vocabulary import Metric, Outcome, Priority
from shared.kit.http.inputs import Input, WrittenInstant
from shared.kit.i18n.messages import marked

CANNOT_KNOW = (
    marked(
        "People are taken to have done what they did when they did it; under other promises they might have acted "
        "otherwise."
    ),
    marked(
        "What the old policy made happen by itself stays as it happened: auto-close, reminders, silent resolution, and "
        "priorities raised or tickets handed on by escalations."
    ),
    marked("Due instants set by hand stay as they were set."),
    marked("Roll-outs that began clocks anew still do."),
)
"""What no report of this kind can know."""


ADDITIONS = frozenset({"id", "version", "is_default", "is_active", "created_at"})
"""What the API adds to a policy that it answers."""


def without_additions(policy: object) -> object:
    """A policy as it is taken, from one as it is answered."""
    return (
        {name: value for name, value in policy.items() if name not in ADDITIONS} if isinstance(policy, dict) else policy
    )


class WhatIfInput(Input):
    """Which rules, and for what."""

    model_config = ConfigDict(populate_by_name=True)

    policy: Annotated[SlaPolicy, BeforeValidator(without_additions)]
    """As `/v1/sla-policies` takes it; what it answers beyond that is left out."""
    calendar: BusinessCalendar | None = None
    """In place of the calendar that the policy names."""
    replaces: UUID | Literal["all"] | None = None
    """Only what this policy judged, all its versions; left out, the policy of the same name, or all if none has it."""
    from_: WrittenInstant | None = Field(default=None, alias="from")
    """Verdicts settled from this instant on."""
    to: WrittenInstant | None = None
    """Verdicts settled before it."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            raise ValueError("from must be earlier than to")
        return self


class Counts(View):
    """How verdicts went; cancelled ones count for nothing else."""

    met: int = 0
    breached: int = 0
    cancelled: int = 0

    @property
    def judged(self) -> int:
        """Those that were met or breached."""
        return self.met + self.breached

    def count(self, outcome: Outcome | None) -> None:
        """One more; none where there is no verdict."""
        if outcome is not None:
            setattr(self, outcome.value, getattr(self, outcome.value) + 1)


class MetricDifference(View):
    """One metric before and after."""

    metric: Metric
    before: Counts
    after: Counts
    attainment_before: float | None
    """Percent met of those judged; null if none was."""
    attainment_after: float | None
    to_met: int
    """Breached before, met after."""
    to_breached: int
    """Met before, breached after."""
    other_changes: int
    """Verdicts gained, lost, cancelled or not cancelled any more."""
    moved: int
    """The same outcome by another target, due instant or time used."""


class GroupDifference(View):
    """The metrics of one team or priority."""

    id: UUID | None
    name: str
    metrics: list[MetricDifference]


class Example(View):
    """A verdict that would be another."""

    ticket_id: UUID
    number: str
    metric: Metric
    cycle: int
    team_id: UUID | None = None
    """As its verdict counted."""
    priority: Priority
    before: Outcome | None
    """Null where there was no promise."""
    after: Outcome | None
    settled_at: Instant
    elapsed_before: timedelta | None
    elapsed_after: timedelta | None
    target_before: timedelta | None
    target_after: timedelta | None
    due_before: Instant | None
    due_after: Instant | None


class WhatIfReport(View):
    """What would be different; nothing was written."""

    model_config = ConfigDict(populate_by_name=True)

    policy: str
    replaces: UUID | None
    """Null: all policies."""
    from_: Instant | None = Field(serialization_alias="from")
    to: Instant | None
    tickets: int
    """Judged again."""
    verdicts: int
    """Compared."""
    differences: int
    """Verdicts with another outcome."""
    moved: int
    """Verdicts with the same outcome by another target, due instant or time used."""
    unjudged: int
    """Tickets whose history cannot be judged again because something it names is stored no more."""
    total: list[MetricDifference]
    by_team: list[GroupDifference]
    by_priority: list[GroupDifference]
    examples: list[Example]
    """At most 50, outcomes that change first found; of a what-if in the background at most 1,000."""
    cannot_know: tuple[str, ...] = CANNOT_KNOW
