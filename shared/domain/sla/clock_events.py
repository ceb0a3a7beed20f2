"""What clocks report: each clock event becomes one event of the ticket."""

from dataclasses import dataclass
from datetime import datetime

from shared.contracts.policies import EscalationStep
from shared.contracts.tickets import Verdict
from shared.contracts.vocabulary import Metric


@dataclass(frozen=True, slots=True)
class Warned:
    """A threshold was passed."""

    metric: Metric
    cycle: int
    percent: int
    due_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Breached:
    """The due instant passed unsettled."""

    metric: Metric
    cycle: int
    due_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Escalated:
    """A step of the ladder is to be taken now."""

    metric: Metric
    cycle: int
    index: int
    """The step's index in the policy."""
    repetition: int
    step: EscalationStep
    due_at: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A fact that arrived late shows there was no breach."""

    metric: Metric
    cycle: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """A clock ended, or its verdict was revised."""

    verdict: Verdict
    at: datetime


ClockEvent = Warned | Breached | Escalated | Withdrawn | Settled
