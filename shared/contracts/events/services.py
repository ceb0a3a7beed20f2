"""What the services announce about people, teams, decisions and deliveries."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import AgentId, Instant, MessageId, PolicyId, TeamId, TicketId, WireModel
from shared.contracts.events.base import Event
from shared.contracts.tickets import TopicId
from shared.contracts.vocabulary import DecidedBy, DecisionCause, OutReason, Priority, ReturnReason, Strategy

AccountChange = Literal[
    "password_changed",
    "second_factor_added",
    "second_factor_removed",
    "second_factor_reset",
    "recovery_codes_made",
]
"""`second_factor_reset`: somebody else took all of them away."""


class Candidate(WireModel):
    """One agent who was considered, with what counted for and against."""

    agent_id: AgentId
    load: int
    """Tickets the agent works on that are neither resolved nor closed, undelivered decisions and offers included.

    Each counts as much as its priority weighs for the agent, which is 1 unless somebody decided otherwise."""
    is_available: bool
    skills: tuple[str, ...] = ()
    last_assigned_at: Instant | None = None
    out: OutReason | None = None
    """Why the ticket could not be given to them; null: it could."""
    capacity: int | None = None
    """The load they may have at most; null: any."""
    weight: int = 1
    """Their share of the tickets where the team's strategy is `weighted`."""
    levels: dict[str, int] = Field(default_factory=dict)
    """Their levels in the skills that were asked for."""


class DemandedSkill(WireModel):
    """A skill that the ticket's rules ask for."""

    name: str
    level: int = 1
    is_required: bool = True


class RuleEffects(WireModel):
    """What a routing rule says, or what of it counted: empty where it says nothing."""

    team_id: TeamId | None = None
    priority: Priority | None = None
    policy_id: PolicyId | None = None
    assignee_id: AgentId | None = None
    tags: tuple[str, ...] = ()
    skills: dict[str, int] = Field(default_factory=dict)
    """Skills the agent must have, with the lowest level of each."""
    preferred_skills: dict[str, int] = Field(default_factory=dict)


class RuleEvidence(WireModel):
    """A routing rule that took part, as it was then."""

    rule_id: UUID | None = None
    """Null for the fallback."""
    position: int
    version: int
    words: str
    effects: tuple[str, ...] = ()
    """The names of what it decided."""
    decided: RuleEffects | None = None
    """What it decided and no rule before it had; null in decisions from before this field."""


class RuleMatch(WireModel):
    """A routing rule that matched a ticket, as it was then."""

    rule_id: UUID
    version: int
    position: int
    words: str
    """The rule as people read it."""
    effects: RuleEffects
    """What it decided and no rule before it had."""


class AssignmentDecided(Event, name="assignment.decided"):
    """Why this team and this agent: the evidence of a routing decision."""

    produced_by = "assignment"
    is_for_outsiders = True

    ticket_id: TicketId
    team_id: TeamId
    agent_id: AgentId | None
    priority: Priority
    policy_id: PolicyId
    rule: str
    """The routing rule that matched, in words."""
    monitored_rules: tuple[RuleMatch, ...] = ()
    """Rules in monitor mode that would have matched, with what they would have decided."""
    tags: tuple[str, ...] = ()
    """Tags that the rules gave the ticket."""
    policy_reason: Literal["rule", "organisation", "team", "default"] | None = None
    """What the SLA policy comes from; null in decisions from before this field."""
    organisation_id: UUID | None = None
    """The requester's organisation, if it is known."""
    required_skills: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    """Who was considered. Of teams too large for one event those who could have got it, the least busy first."""
    more_available: int = 0
    """How many could have got it too, and are not among them."""
    more_out: int = 0
    """How many could not, and are not among them."""
    tie_break: Literal["none", "longest_idle", "lowest_id"] = "none"
    decided_at: Instant
    cause: DecisionCause = DecisionCause.NEW
    decided_by: DecidedBy | None = None
    """What settled the choice; null on decisions of older code."""
    strategy: Strategy = Strategy.LEAST_LOADED
    strategy_version: int | None = None
    """The version of the team whose strategy it was."""
    demanded_skills: tuple[DemandedSkill, ...] = ()
    matched_rules: tuple[RuleEvidence, ...] = ()
    previous_agent_id: AgentId | None = None
    """Who had the ticket until then."""
    offered_to: AgentId | None = None
    """Who was asked to take the ticket, where the team offers its tickets; then nobody has it yet."""
    offer_expires_at: Instant | None = None

    @property
    def entity_id(self) -> UUID:
        return self.ticket_id


class AgentChanged(Event, name="agent.changed"):
    """An agent as they now are."""

    produced_by = "assignment"

    agent_id: AgentId
    email: str
    name: str
    is_active: bool
    is_available: bool
    is_administrator: bool = False
    """Whether they administer agents: they are told of a ticket for which nobody else is left."""
    sees_all_tickets: bool = False
    """Whether a role of theirs shows them every ticket."""
    language: str | None = None
    """The language they chose for the desk, a BCP 47 tag: mails to them are in it. None: the installation's default."""
    version: int

    @property
    def entity_id(self) -> UUID:
        return self.agent_id


class ReturnedTicket(WireModel):
    """One ticket that came back, as people are told of it."""

    ticket_id: TicketId
    number: str
    priority: Priority
    reason: ReturnReason


class TicketsReturned(Event, name="tickets.returned"):
    """Tickets came back to a team together because an agent or another team is there no more."""

    produced_by = "assignment"

    team_id: TeamId
    team: str
    """The name of the team that has them now."""
    previous: str
    """The name of the agent, or of the team, that had them."""
    tickets: Annotated[tuple[ReturnedTicket, ...], Field(min_length=1)]
    """The first of them, by number."""
    count: Annotated[int, Field(ge=1)]
    """How many there are in all."""
    told: tuple[AgentId, ...] = ()
    """The team's lead; without an active one the active members, or whoever administers agents."""
    returned_at: Instant

    @property
    def entity_id(self) -> UUID:
        return self.team_id


class TeamChanged(Event, name="team.changed"):
    """A team as it now is."""

    produced_by = "assignment"

    team_id: TeamId
    slug: str
    name: str
    lead_id: AgentId | None
    member_ids: tuple[AgentId, ...] = ()
    """Everybody who has a role in the team, active or not; announcements from before this field name nobody."""
    worker_ids: tuple[AgentId, ...] | None = None
    """Those of them who see the team's tickets and may work on them; null in announcements from before this field."""
    viewer_ids: tuple[AgentId, ...] | None = None
    """Those whose role in the team shows them its tickets and those of the teams below; null as above."""
    lineage: tuple[TeamId, ...] = ()
    """The teams above it, the nearest first."""
    is_active: bool = True
    """Whether it may be given tickets."""
    version: int

    @property
    def entity_id(self) -> UUID:
        return self.team_id


class TopicField(WireModel):
    """A custom field of a topic, as readers of its answers need it."""

    name: str
    """The key in a ticket's `fields`."""
    label: str
    kind: str
    for_agents: bool = False
    """Not shown to requesters."""


class TopicChanged(Event, name="topic.changed"):
    """A help topic as it now is."""

    produced_by = "intake"

    topic_id: TopicId
    slug: str
    name: str
    is_active: bool
    fields: tuple[TopicField, ...] = ()
    version: int

    @property
    def entity_id(self) -> UUID:
        return self.topic_id


class RequesterChanged(Event, name="requester.changed"):
    """A requester as the desk now knows them. Not told of people with one address and nothing else to tell."""

    produced_by = "assignment"

    requester_id: UUID
    email: str
    """The primary one of their addresses; empty for somebody who has none left."""
    name: str
    addresses: tuple[str, ...] = ()
    """All of them: mail from any is theirs. In lower case."""
    released: tuple[str, ...] = ()
    """Addresses that were theirs until this change."""
    organisation_id: UUID | None = None
    """Of a person who was put into an organisation by hand."""
    is_manager: bool = False
    """Whether they speak for their organisation."""
    version: int
    changed_at: Instant | None = None
    """Rises with each change of an address, whoever it belonged to."""

    @property
    def entity_id(self) -> UUID:
        return self.requester_id


class OrganisationChanged(Event, name="organisation.changed"):
    """An organisation as it now is."""

    produced_by = "assignment"

    organisation_id: UUID
    name: str
    domains: tuple[str, ...] = ()
    """Of its people's addresses; what is below a domain belongs to it, unless another organisation has that."""
    ticket_sharing: Literal["nobody", "managers", "members"] = "nobody"
    """Who of its people may see its tickets in the support centre."""
    is_removed: bool = False
    version: int

    @property
    def entity_id(self) -> UUID:
        return self.organisation_id


class RequesterErased(Event, name="requester.erased"):
    """A requester asked to be forgotten: every service redacts what it holds of these tickets.

    Who holds the link secret can tell from `requester_id` whether an address was theirs; nobody else can.
    """

    produced_by = "intake"

    requester_id: UUID
    ticket_ids: tuple[TicketId, ...]
    took_part_in: tuple[TicketId, ...] = ()
    """Others' tickets, of which only what this person was and wrote is redacted."""
    side_message_ids: tuple[MessageId, ...] = ()
    """What agents and this person, as a third party, wrote to each other beside others' tickets: all of it goes."""
    erased_at: Instant

    @property
    def entity_id(self) -> UUID:
        return self.requester_id


class AccessLinkRequested(Event, name="access.requested"):
    """Someone named a ticket's number and an address that belongs to it: mail its link there, and nowhere else."""

    produced_by = "intake"

    ticket_id: TicketId
    email: str | None = None
    """Where to mail it; the requester's address on the ticket where none is given."""
    is_requester: bool = False
    """Whether `email` is another address of the requester's, and not a participant's."""
    wanted: Literal["ticket", "everything"] = "ticket"
    """What the link is to open: the ticket, or once all that is held of the address."""
    requested_at: Instant

    @property
    def entity_id(self) -> UUID:
        return self.ticket_id


class AccountLinkRequested(Event, name="account.link_requested"):
    """An agent is to set a password: mail them the link, and nowhere else.

    The event names the link and does not hold it: the link is signed when the mail is written, so that neither the
    stream nor what is kept of events opens an account.
    """

    produced_by = "assignment"

    agent_id: AgentId
    link_id: UUID
    purpose: Literal["invitation", "reset"]
    requested_at: Instant
    expires_at: Instant

    @property
    def entity_id(self) -> UUID:
        return self.agent_id


class AccountChanged(Event, name="account.changed"):
    """How an agent signs in was changed: they are told, in case it was not their doing."""

    produced_by = "assignment"

    agent_id: AgentId
    change: AccountChange
    changed_at: Instant

    @property
    def entity_id(self) -> UUID:
        return self.agent_id


class DeliveryEvent(Event):
    """What became of one notification."""

    produced_by = "notification"

    delivery_id: UUID
    ticket_id: TicketId
    cause: str
    """The id of the event that made it necessary."""
    template: str
    channel: Literal["email"] = "email"

    @property
    def entity_id(self) -> UUID:
        return self.ticket_id


class NotificationSent(DeliveryEvent, name="notification.sent"):
    """The mail server took it."""

    is_for_outsiders = True

    message_id: str
    sent_at: Instant


class NotificationFailed(DeliveryEvent, name="notification.failed"):
    """It was given up, or a mail to a third party came back."""

    reason: str
    failed_at: Instant
