"""What may be asked of a ticket's workflow: a class per command, with an id that makes a retry take effect once."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, RootModel

from shared.contracts.base import AgentId, Instant, MessageId, TeamId, TicketId, WireModel
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import Actor, TopicId
from shared.contracts.vocabulary import CloseReason, HoldReason, PolicyMode, Priority, ReturnReason


class OpenTicket(WireModel):
    """What a ticket's workflow starts from; the person and their words stay in intake."""

    ticket_id: TicketId
    number: str
    topic_id: TopicId | None = None
    priority: Priority = Priority.NORMAL
    opened_at: Instant
    """When the submission was received: every clock starts here."""
    has_exact_timer: bool = False
    """Whether every change re-arms the ticket's timer; false only for tickets started by older code."""
    has_search_attributes: bool = True
    """Whether Temporal's pages can be searched by what the ticket is: a setting; always so for older tickets."""


class MessageFact(WireModel):
    """A message was posted: who and when, never what."""

    message_id: MessageId
    author: Actor
    received_at: Instant
    is_automatic: bool = False


class Command(WireModel):
    """Asked by an agent, a requester or the system; refused as a value, never half done."""

    command_id: str
    actor: Actor
    expected_revision: int | None = None
    """The `revision` the sender saw; another one is refused as VersionConflict."""
    returns_events: bool = False
    """Whether the sender gets the events with the answer and announces them; otherwise the workflow does."""


class TriageTicket(Command):
    """Settle team, policy and priority, and perhaps the agent."""

    kind: Literal["triage"] = "triage"
    team_id: TeamId
    policy: PolicySnapshot
    agent_id: AgentId | None = None
    priority: Priority | None = None


class AssignTicket(Command):
    """Give the ticket to an agent; on a new ticket this triages it too, so it needs the policy."""

    kind: Literal["assign"] = "assign"
    agent_id: AgentId
    team_id: TeamId | None = None
    policy: PolicySnapshot | None = None


class ReleaseTicket(Command):
    """Give the ticket back to its team."""

    kind: Literal["release"] = "release"
    agent_id: AgentId | None = None
    """Only while this agent has it: refused as soon as another one does. Null: whoever has it."""
    reason: ReturnReason | None = None
    """Why, if not because somebody asked."""


class TransferTicket(Command):
    """Hand the ticket to another team."""

    kind: Literal["transfer"] = "transfer"
    team_id: TeamId
    reason: ReturnReason | None = None
    """Why, if not because somebody asked."""


class PrioritiseTicket(Command):
    """Change the priority."""

    kind: Literal["prioritise"] = "prioritise"
    priority: Priority


class SetTicketDue(Command):
    """Fix the instant by which the ticket must be resolved."""

    kind: Literal["set_due"] = "set_due"
    due_at: Instant


class ChangeTicketPolicy(Command):
    """Apply another SLA policy."""

    kind: Literal["change_policy"] = "change_policy"
    policy: PolicySnapshot
    mode: PolicyMode = PolicyMode.CARRY
    rollout_id: UUID | None = None
    """The roll-out this belongs to; by it the change can be taken back."""


class RevertTicketPolicy(Command):
    """Take a rolled-out policy back: the clocks stand as if it had never applied."""

    kind: Literal["revert_policy"] = "revert_policy"
    rollout_id: UUID


class PendTicket(Command):
    """Wait for the requester."""

    kind: Literal["pend"] = "pend"


class HoldTicket(Command):
    """Wait for a third party."""

    kind: Literal["hold"] = "hold"
    reason: HoldReason


class ResumeTicket(Command):
    """Go on working."""

    kind: Literal["resume"] = "resume"


class ResolveTicket(Command):
    """Declare the matter settled."""

    kind: Literal["resolve"] = "resolve"


class ReopenTicket(Command):
    """Take it up again."""

    kind: Literal["reopen"] = "reopen"


class CloseTicket(Command):
    """End it. A ticket that is still new carries the policy if the sender knows one."""

    kind: Literal["close"] = "close"
    reason: CloseReason
    policy: PolicySnapshot | None = None


class RecordReply(Command):
    """An agent's public reply, already durable in assignment, reaches the clocks."""

    kind: Literal["reply"] = "reply"
    message_id: MessageId
    replied_at: Instant


class MergeTicket(Command):
    """Close the ticket as a duplicate that is part of another one from now on."""

    kind: Literal["merge"] = "merge"
    into: TicketId
    merge_id: UUID
    """Names the merge on both tickets, so that both can undo it."""


class AbsorbTicket(Command):
    """Take in another ticket, which has just become a duplicate of this one."""

    kind: Literal["absorb"] = "absorb"
    source_id: TicketId
    merge_id: UUID
    resolution_from: Instant | None = None
    """Since when the other's resolution clock ran, if it did."""
    waiting_since: Instant | None = None
    """Since when the other's requester waits for an answer, if they do."""


class UnmergeTicket(Command):
    """Undo the merge of a duplicate: the ticket stands, and its clocks run, as if it had never been closed."""

    kind: Literal["unmerge"] = "unmerge"
    merge_id: UUID


class DetachTicket(Command):
    """Let go of a ticket that was taken in: the clocks stand as if it had never been."""

    kind: Literal["detach"] = "detach"
    merge_id: UUID


AnyCommand = Annotated[
    TriageTicket
    | AssignTicket
    | ReleaseTicket
    | TransferTicket
    | PrioritiseTicket
    | SetTicketDue
    | ChangeTicketPolicy
    | RevertTicketPolicy
    | PendTicket
    | HoldTicket
    | ResumeTicket
    | ResolveTicket
    | ReopenTicket
    | CloseTicket
    | RecordReply
    | MergeTicket
    | AbsorbTicket
    | UnmergeTicket
    | DetachTicket,
    Field(discriminator="kind"),
]


class AskedCommand(RootModel[AnyCommand]):
    """Any command, as a handler of the workflow must declare it.

    The SDK reads type hints without what `Annotated` adds, so a bare union would lose its discriminator:
    every member would be tried on every command, four of them with a whole policy.
    """

    model_config = ConfigDict(frozen=True)
