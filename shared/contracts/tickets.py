"""A ticket as others see it: the snapshot that every event and every answer carries."""

from datetime import timedelta
from typing import NewType
from uuid import UUID

from pydantic import Field

from shared.contracts.base import AgentId, Instant, PolicyId, TeamId, TicketId, WireModel
from shared.contracts.vocabulary import (
    ActorKind,
    ClockState,
    CloseReason,
    HoldReason,
    Metric,
    Outcome,
    Priority,
    Status,
)

TopicId = NewType("TopicId", UUID)


class Actor(WireModel):
    """Who caused something; an id, never a name or an address."""

    kind: ActorKind
    id: UUID | None = None


SYSTEM = Actor(kind=ActorKind.SYSTEM)


class Clock(WireModel):
    """One SLA clock at the instant of its snapshot; durations are open time under the policy's calendar."""

    metric: Metric
    cycle: int
    state: ClockState
    target: timedelta
    elapsed: timedelta
    started_at: Instant
    due_at: Instant | None = None
    breached_at: Instant | None = None
    settled_at: Instant | None = None
    outcome: Outcome | None = None
    working_days: int | None = Field(default=None, exclude_if=lambda days: days is None)
    """The target as its policy says it, where it says working days; left out otherwise."""


class Verdict(WireModel):
    """How a clock ended. Append-only: a correction is the next `revision` of the same (metric, cycle)."""

    metric: Metric
    cycle: int
    revision: int
    target: timedelta
    elapsed: timedelta
    due_at: Instant | None
    settled_at: Instant
    outcome: Outcome
    policy_version: int
    calendar_version: int


class TicketSnapshot(WireModel):
    """The whole lifecycle state after one event: enough for a projection to upsert and forget the past."""

    ticket_id: TicketId
    number: str
    seq: int
    revision: int
    status: Status
    priority: Priority
    topic_id: TopicId | None = None
    team_id: TeamId | None = None
    assignee_id: AgentId | None = None
    policy_id: PolicyId | None = None
    policy_version: int | None = None
    opened_at: Instant
    updated_at: Instant
    first_replied_at: Instant | None = None
    resolved_at: Instant | None = None
    closed_at: Instant | None = None
    hold_reason: HoldReason | None = None
    close_reason: CloseReason | None = None
    reopen_count: int = 0
    is_archived: bool = False
    merged_into: TicketId | None = Field(default=None, exclude_if=lambda merged: merged is None)
    """The ticket that this one is a part of; left out otherwise."""
    due_at: Instant | None = None
    clocks: tuple[Clock, ...] = ()
