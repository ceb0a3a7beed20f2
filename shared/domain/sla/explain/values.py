"""What an explanation of a clock is made of: intervals, their holders, the rules, and what would have met it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.contracts.base import AgentId, PolicyId, TeamId
from shared.contracts.vocabulary import ClockState, HoldReason, Metric, Outcome


class Why(StrEnum):
    """Why the time of an interval counted, or why it did not."""

    OPEN_HOURS = "open_hours"
    CLOSED_HOURS = "closed_hours"
    PENDING = "paused_pending"
    ON_HOLD = "paused_on_hold"
    ENDED = "ended"
    """The clock had ended; it went on later, within the grace of its policy."""
    SEVERAL = "several"
    """Many intervals of a long life, told as one."""


class HolderKind(StrEnum):
    """Whose turn it was."""

    AGENT = "agent"
    TEAM = "team"
    TRIAGE = "triage"
    """No team had it yet."""
    REQUESTER = "requester"
    THIRD_PARTY = "third_party"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who held the time: ids only, never names."""

    kind: HolderKind
    team_id: TeamId | None = None
    agent_id: AgentId | None = None
    hold_reason: HoldReason | None = None


NOBODY = Holder(HolderKind.NOBODY)


@dataclass(frozen=True, slots=True)
class Interval:
    """[since, until) of a clock's life."""

    since: datetime
    until: datetime
    counts: bool
    why: Why
    added: timedelta
    """The open time it added to the clock."""
    held_by: Holder
    is_merged: bool = False
    """Holds closed hours too, because its clock's life is too long to be told window by window."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one holder had of a clock's life. The `added` of all holders is exactly the clock's elapsed time."""

    held_by: Holder
    added: timedelta
    """Open time that counted."""
    paused: timedelta
    """Open time that passed while the clock did not count."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy a clock was under from an instant on."""

    since: datetime
    policy_id: PolicyId
    policy_name: str
    policy_version: int
    calendar_version: int
    target: timedelta | None
    working_days: int | None
    """The target as the policy says it, where it says working days."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """The smallest single changes of which each would have kept the promise."""

    end_by: datetime
    """Answered or resolved by this instant."""
    earlier: timedelta
    """So much open time earlier than it was; for a clock still running, than now."""
    longer: timedelta | None = None
    """Targets so much longer; null where an agent set the due instant by hand, and while the clock runs."""
    if_holds_had_paused: bool = False
    """Had the policy paused the clock on hold."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One clock, told from start to end, or up to now."""

    metric: Metric
    cycle: int
    state: ClockState
    outcome: Outcome | None
    """The verdict; null while the clock runs or pauses."""
    is_late: bool
    """Whether the due instant passed unsettled."""
    target: timedelta
    elapsed: timedelta
    started_at: datetime
    until: datetime
    """When it ended; of a clock that has not, the instant up to which it is told."""
    due_at: datetime | None
    is_due_by_hand: bool
    rules: tuple[Rules, ...]
    intervals: tuple[Interval, ...]
    shares: tuple[Share, ...]
    remedy: Remedy | None
