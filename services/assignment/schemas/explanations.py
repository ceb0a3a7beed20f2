"""Why a clock stands as it does, as the API answers it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Self
from uuid import UUID

from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import ClockState, HoldReason, Metric, Outcome
from shared.domain.sla import Explanation
from shared.domain.sla.explain import Holder, HolderKind, Why

Names = Mapping[UUID, str]


class HolderView(View):
    """Whose turn it was."""

    kind: HolderKind
    team_id: UUID | None
    team: str | None
    agent_id: UUID | None
    agent: str | None
    hold_reason: HoldReason | None

    @classmethod
    def of(cls, holder: Holder, names: Names) -> Self:
        """With names, as far as they are still known."""
        return cls(
            kind=holder.kind,
            team_id=holder.team_id,
            team=names.get(holder.team_id) if holder.team_id else None,
            agent_id=holder.agent_id,
            agent=names.get(holder.agent_id) if holder.agent_id else None,
            hold_reason=holder.hold_reason,
        )


class IntervalView(View):
    """From `since` up to, not including, `until`."""

    since: Instant
    until: Instant
    counted: bool
    why: Why
    added: timedelta
    """Seconds of open time that it added to the clock; all together they are exactly its `elapsed`."""
    held_by: HolderView
    is_merged: bool
    """Closed hours lie in it too: the clock ran too long to be told window by window."""


class ShareView(View):
    """What one holder had of it."""

    held_by: HolderView
    added: timedelta
    """Seconds of open time that counted; those of all holders are exactly the clock's `elapsed`."""
    paused: timedelta
    """Seconds of open time that passed while the clock did not count."""


class RulesView(View):
    """What the clock was judged by from `since` on."""

    since: Instant
    policy_id: UUID
    policy_name: str
    policy_version: int
    calendar_version: int
    target: timedelta | None
    working_days: int | None = None
    """The target as the policy says it, where it says working days; `target` is the open time they came to."""


class RemedyView(View):
    """The smallest single changes, each of which would have kept the promise."""

    end_by: Instant
    """Answered or resolved by then."""
    earlier: timedelta
    """So many seconds of open time earlier than it was, or than now while the clock still runs."""
    longer: timedelta | None
    """Targets longer by so many seconds; null where a due instant was set by hand, and while the clock runs."""
    if_holds_had_paused: bool
    """Had the policy paused the clock on hold."""


class ClockExplained(View):
    """One clock from its start to its end, or up to now. Durations are seconds of open time."""

    metric: Metric
    cycle: int
    state: ClockState
    outcome: Outcome | None
    is_late: bool
    target: timedelta
    elapsed: timedelta
    started_at: Instant
    until: Instant
    due_at: Instant | None
    is_due_by_hand: bool
    rules: list[RulesView]
    intervals: list[IntervalView]
    shares: list[ShareView]
    remedy: RemedyView | None
    """Null for a clock that is not late."""

    @classmethod
    def of(cls, told: Explanation, names: Names) -> Self:
        """The answer made of an explanation."""
        return cls(
            metric=told.metric,
            cycle=told.cycle,
            state=told.state,
            outcome=told.outcome,
            is_late=told.is_late,
            target=told.target,
            elapsed=told.elapsed,
            started_at=told.started_at,
            until=told.until,
            due_at=told.due_at,
            is_due_by_hand=told.is_due_by_hand,
            rules=[RulesView.model_validate(one, from_attributes=True) for one in told.rules],
            intervals=[
                IntervalView(
                    since=one.since,
                    until=one.until,
                    counted=one.counts,
                    why=one.why,
                    added=one.added,
                    held_by=HolderView.of(one.held_by, names),
                    is_merged=one.is_merged,
                )
                for one in told.intervals
            ],
            shares=[
                ShareView(held_by=HolderView.of(one.held_by, names), added=one.added, paused=one.paused)
                for one in told.shares
            ],
            remedy=None if told.remedy is None else RemedyView.model_validate(told.remedy, from_attributes=True),
        )


class SlaExplained(View):
    """Why the promises of a ticket stand as they do."""

    ticket_id: UUID
    number: str
    as_of: Instant
    clocks: list[ClockExplained]
    """In the order of their starts; none before the ticket is triaged."""
