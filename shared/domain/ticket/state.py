"""Everything a ticket's workflow must remember, as one serialisable value."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.base import AgentId, Instant, TeamId, TicketId
from shared.contracts.commands import OpenTicket
from shared.contracts.policies import LifecycleTimes, PolicySnapshot
from shared.contracts.tickets import TicketSnapshot, TopicId
from shared.contracts.vocabulary import CloseReason, HoldReason, Status
from shared.domain.sla import Sla

REMEMBERED_MESSAGES = 1000
DEFAULT_TIMES = LifecycleTimes()


class MergeRecord(BaseModel):
    """A merge into another ticket, and how this one stood before: what undoing it brings back."""

    merge_id: UUID
    into: TicketId
    status: Status
    hold_reason: HoldReason | None = None
    close_reason: CloseReason | None = None
    resolved_at: Instant | None = None
    closed_at: Instant | None = None
    waiting_since: Instant | None = None


class TicketState(BaseModel):
    """The lifecycle state. New fields need a default: older runs are read by newer code."""

    model_config = ConfigDict(ser_json_timedelta="float")

    ticket_id: TicketId
    number: str
    topic_id: TopicId | None = None
    opened_at: Instant
    updated_at: Instant
    seq: int = 0
    revision: int = 0
    status: Status = Status.NEW
    team_id: TeamId | None = None
    assignee_id: AgentId | None = None
    hold_reason: HoldReason | None = None
    close_reason: CloseReason | None = None
    resolved_at: Instant | None = None
    closed_at: Instant | None = None
    waiting_since: Instant | None = None
    """When it became pending or was put on hold."""
    reminders: int = 0
    """How often the requester has been reminded since."""
    is_resolved_by_silence: bool = False
    reopen_count: int = 0
    is_archived: bool = False
    merge: MergeRecord | None = None
    """The ticket that this one is a part of."""
    absorbed: dict[UUID, TicketId] = Field(default_factory=dict)
    """The tickets that are part of this one, by the ids of their merges."""
    sla: Sla
    messages: list[UUID] = Field(default_factory=list)
    """The last messages seen, so that one that arrives twice counts once."""

    @classmethod
    def of(cls, ticket: OpenTicket) -> "TicketState":
        """The state before anything has happened."""
        return cls(
            ticket_id=ticket.ticket_id,
            number=ticket.number,
            topic_id=ticket.topic_id,
            opened_at=ticket.opened_at,
            updated_at=ticket.opened_at,
            sla=Sla.begin(ticket.opened_at, ticket.priority),
        )

    @property
    def policy(self) -> PolicySnapshot | None:
        """The SLA policy, once known."""
        return self.sla.policy

    @property
    def times(self) -> LifecycleTimes:
        """The delays of the lifecycle timers."""
        return self.policy.times if self.policy else DEFAULT_TIMES

    def remember(self, message_id: UUID) -> bool:
        """True if the message is new."""
        if message_id in self.messages:
            return False
        self.messages.append(message_id)
        del self.messages[:-REMEMBERED_MESSAGES]
        return True

    def snapshot(self) -> TicketSnapshot:
        """The ticket as others see it."""
        policy = self.policy
        return TicketSnapshot.model_construct(
            ticket_id=self.ticket_id,
            number=self.number,
            seq=self.seq,
            revision=self.revision,
            status=self.status,
            priority=self.sla.priority,
            topic_id=self.topic_id,
            team_id=self.team_id,
            assignee_id=self.assignee_id,
            policy_id=policy.policy_id if policy else None,
            policy_version=policy.version if policy else None,
            opened_at=self.opened_at,
            updated_at=self.updated_at,
            first_replied_at=self.sla.first_replied_at,
            resolved_at=self.resolved_at,
            closed_at=self.closed_at,
            hold_reason=self.hold_reason,
            close_reason=self.close_reason,
            reopen_count=self.reopen_count,
            is_archived=self.is_archived,
            merged_into=self.merge.into if self.merge else None,
            due_at=self.sla.due_at(),
            clocks=self.sla.views(self.updated_at),
        )
