"""What the ticket's workflow announces; each event carries the snapshot after it."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import AgentId, Instant, MessageId, PolicyId, TeamId, TicketId
from shared.contracts.events.base import Event
from shared.contracts.tickets import Actor, TicketSnapshot, Verdict
from shared.contracts.vocabulary import ActorKind, CloseReason, HoldReason, Metric, PolicyMode, Priority, ReturnReason

Cause = Literal["command", "requester_message", "timer"]


class LifecycleEvent(Event):
    """One step of a ticket's life. `at` is when it took effect: late mail can put that before `updated_at`."""

    produced_by = "workflows"

    ticket_id: TicketId
    seq: int
    revision: int
    at: Instant
    actor: Actor
    snapshot: TicketSnapshot

    @property
    def entity_id(self) -> UUID:
        return self.ticket_id


class TicketOpened(LifecycleEvent, name="ticket.opened"):
    """A ticket's workflow has begun."""


class TicketTriaged(LifecycleEvent, name="ticket.triaged"):
    """Team, priority and SLA policy are settled; the ticket is open."""

    team_id: TeamId | None
    priority: Priority
    policy_id: PolicyId
    policy_version: int
    policy_digest: str = ""


class TicketAssigned(LifecycleEvent, name="ticket.assigned"):
    """An agent now owns the ticket."""

    agent_id: AgentId
    previous_agent_id: AgentId | None = None


class TicketReleased(LifecycleEvent, name="ticket.released"):
    """The agent gave the ticket back to the team."""

    previous_agent_id: AgentId
    reason: ReturnReason | None = None
    """Why, if nobody asked for it."""


class TicketTransferred(LifecycleEvent, name="ticket.transferred"):
    """Another team has the ticket; its agent was dropped, its clocks were not touched."""

    team_id: TeamId
    previous_team_id: TeamId | None = None
    previous_agent_id: AgentId | None = None
    reason: ReturnReason | None = None
    """Why, if nobody asked for it."""


class TicketPrioritised(LifecycleEvent, name="ticket.prioritised"):
    """The priority changed, and the clocks' targets with it."""

    priority: Priority
    previous: Priority


class TicketMessageRecorded(LifecycleEvent, name="ticket.message_recorded"):
    """A message reached the clocks: who and when, never what. Lets every verdict be proved from this log alone."""

    message_id: MessageId
    author: ActorKind


class TicketDueSet(LifecycleEvent, name="ticket.due_set"):
    """An agent fixed the instant by which the ticket must be resolved."""

    due_at: Instant


class TicketPended(LifecycleEvent, name="ticket.pended"):
    """Waits on the requester."""


class TicketHeld(LifecycleEvent, name="ticket.held"):
    """Waits on a third party."""

    reason: HoldReason


class TicketReminded(LifecycleEvent, name="ticket.reminded"):
    """The ticket still waits for the requester, who is reminded of it."""

    reminder: Annotated[int, Field(ge=1)]
    """1 for the first since the ticket became pending."""
    pending_since: Instant
    resolves_at: Instant | None = None
    """When the ticket will be resolved if the requester stays silent."""


class TicketResumed(LifecycleEvent, name="ticket.resumed"):
    """Work goes on."""

    cause: Cause


class TicketResolved(LifecycleEvent, name="ticket.resolved"):
    """An answer was given that should settle the matter, or the requester stayed silent too long (`timer`)."""

    cause: Cause = "command"


class TicketReopened(LifecycleEvent, name="ticket.reopened"):
    """It did not: the ticket is open again."""

    cause: Cause


class TicketClosed(LifecycleEvent, name="ticket.closed"):
    """Done, until the reopen window has passed."""

    reason: CloseReason
    cause: Cause
    merge_id: UUID | None = Field(default=None, exclude_if=lambda merge: merge is None)
    """The merge that closed it, as a duplicate of `snapshot.merged_into`; left out otherwise."""


class TicketAbsorbed(LifecycleEvent, name="ticket.absorbed"):
    """Another ticket became part of this one: of the clocks of both, the earliest start wins."""

    source_id: TicketId
    merge_id: UUID
    resolution_from: Instant | None = None
    """Since when the other's resolution clock ran."""
    waiting_since: Instant | None = None
    """Since when the other's requester waits for an answer."""


class TicketDetached(LifecycleEvent, name="ticket.detached"):
    """A ticket that was taken in stands on its own again; the clocks stand as if it had never been taken in."""

    source_id: TicketId
    merge_id: UUID


class TicketUnmerged(LifecycleEvent, name="ticket.unmerged"):
    """The ticket is no part of another one any more, and stands as it did before."""

    merge_id: UUID
    former_target_id: TicketId


class TicketArchived(LifecycleEvent, name="ticket.archived"):
    """The reopen window has passed; the workflow ends."""


class TicketPolicyChanged(LifecycleEvent, name="ticket.policy_changed"):
    """Another SLA policy applies: elapsed time was carried over, the clocks began anew, or a roll-out was undone."""

    policy_id: PolicyId
    policy_version: int
    policy_digest: str = ""
    mode: PolicyMode = PolicyMode.CARRY
    rollout_id: UUID | None = None


class SlaWarned(LifecycleEvent, name="ticket.sla_warned"):
    """A clock has used this much of its target."""

    metric: Metric
    cycle: int
    percent: Annotated[int, Field(ge=1, le=99)]
    due_at: Instant


class SlaBreached(LifecycleEvent, name="ticket.sla_breached"):
    """A clock passed its due instant unsettled."""

    metric: Metric
    cycle: int
    due_at: Instant


class SlaBreachWithdrawn(LifecycleEvent, name="ticket.sla_breach_withdrawn"):
    """A fact that arrived late shows there was no breach."""

    metric: Metric
    cycle: int


class SlaSettled(LifecycleEvent, name="ticket.sla_settled"):
    """A clock ended with a verdict."""

    verdict: Verdict


class TicketEscalated(LifecycleEvent, name="ticket.escalated"):
    """A step of the policy's escalation ladder was taken."""

    metric: Metric
    cycle: int
    step: int
    """The step's place in the policy's ladder, from 1."""
    repetition: int = 1
    """1 when the step is taken first."""
    do: Literal["notify", "raise_priority", "reassign"]
    to: str | None = None
    team_id: TeamId | None = None
    agent_id: AgentId | None = None
    """Whom `to` stands for; a `lead` is the one at the time the policy was applied."""
    due_at: Instant | None = None


class MessageUnclaimed(Event, name="message.unclaimed"):
    """A requester wrote to a ticket that is archived: intake opens a follow-up. Or to one that was being merged."""

    produced_by = "workflows"

    ticket_id: TicketId
    message_id: MessageId
    merged_into: TicketId | None = Field(default=None, exclude_if=lambda merged: merged is None)
    """The ticket that it is part of now: the message goes there; left out otherwise."""

    @property
    def entity_id(self) -> UUID:
        return self.ticket_id
