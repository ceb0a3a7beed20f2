"""Decisions that only the matrix calls for: leads, teams, last responders and targets beside the usual recipient."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from pydantic import JsonValue

from services.notification.decisions.event_rules import (
    ASSIGNEE,
    AUTHOR_ADDRESS,
    DONE_BY,
    FOLLOWS,
    PARTICIPANT,
    REQUESTER,
    TEAM,
    NotificationDecision,
    Recipient,
    agent,
    lead,
    team,
)
from services.notification.decisions.fallback_recipients import STANDS_IN
from services.notification.delivery import severity
from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.templates import TemplateName
from services.notification.rules.matrix import EVENT_OF, Matrix, RecipientAudience
from shared.contracts.base import AgentId, TeamId
from shared.contracts.events import (
    Event,
    LifecycleEvent,
    MessagePosted,
    SideMessageReceived,
    TicketAssigned,
    TicketClosed,
    TicketEscalated,
    TicketReopened,
    TicketResolved,
    TicketsReturned,
    TicketTriaged,
)
from shared.contracts.vocabulary import ActorKind
from shared.kit.i18n.messages import marked as _

ADDITIONAL = "additional"
"""The fact that the recipient is told beside the usual one: nobody stands in for them."""
PEOPLE = (DeliveryChannel.MAIL, DeliveryChannel.INBOX)
LEADS = "lead:"
WHY = {
    RecipientAudience.ASSIGNEE: _("you are responsible for the ticket"),
    RecipientAudience.LAST_RESPONDER: _("you answered last on the ticket"),
    RecipientAudience.LEAD: _("you lead the team that has the ticket"),
    RecipientAudience.TEAM: _("you are a member of the team that has the ticket"),
}


@dataclass(frozen=True, slots=True)
class TicketContacts:
    """What the projection knows of a ticket's team and of the agent who answered last."""

    team_id: UUID | None = None
    last_responder_id: UUID | None = None


NAMES_ITS_OWN = (TicketEscalated, TicketsReturned, TicketAssigned, SideMessageReceived)
"""Events that say themselves who is to be told."""


def audience_of_decision(decision: NotificationDecision) -> RecipientAudience | None:
    """Returns the audience of the matrix that the recipient of a decision belongs to; None for no rule's."""
    if decision.template not in EVENT_OF:
        return None
    key = decision.recipient.key
    if FOLLOWS in decision.facts:
        return RecipientAudience.FOLLOWERS
    if key == REQUESTER.key:
        return RecipientAudience.REQUESTER
    if key.startswith(PARTICIPANT):
        return RecipientAudience.PARTICIPANTS
    if key.startswith(LEADS):
        is_named = decision.template is TemplateName.ESCALATED
        return RecipientAudience.LEAD if is_named else RecipientAudience.ASSIGNEE
    if key.startswith(TEAM) or decision.template is TemplateName.RETURNED:
        return RecipientAudience.TEAM
    if decision.template is TemplateName.MENTIONED:
        return RecipientAudience.MENTIONED
    return RecipientAudience.ASSIGNEE


def with_additional(
    event: Event, decisions: Iterable[NotificationDecision], matrix: Matrix, contacts: TicketContacts
) -> list[NotificationDecision]:
    """Returns the decisions, each with its audience, and those that only the matrix calls for.

    The usual recipient comes first: of several decisions for one person only the first is carried out.
    """
    own = [replace(one, audience=audience_of_decision(one)) for one in decisions]
    pattern = None if isinstance(event, NAMES_ITS_OWN) else _pattern(event, own)
    if pattern is None:
        return own
    named = {one.recipient.key for one in own}
    told = {one.audience for one in own}
    more: list[NotificationDecision] = []
    for audience in matrix.audiences(EVENT_OF[pattern.template]):
        channels = matrix.channels(EVENT_OF[pattern.template], audience)
        if not channels.intersection(PEOPLE):
            continue
        channel = DeliveryChannel.MAIL if DeliveryChannel.MAIL in channels else DeliveryChannel.INBOX
        to = None if audience in told else _recipient(event, audience, contacts)
        if to is None or to.key in named:
            continue
        facts = {**pattern.facts, ADDITIONAL: True, STANDS_IN: WHY[audience]}
        more.append(replace(pattern, recipient=to, audience=audience, facts=facts, channel=channel.value))
    return [*own, *more]


def _pattern(event: Event, own: Iterable[NotificationDecision]) -> NotificationDecision | None:
    """Returns a decision for an agent, whose recipient is to be replaced; None if the event has no additional ones."""
    for one in own:
        if one.audience not in (RecipientAudience.REQUESTER, RecipientAudience.PARTICIPANTS, None):
            facts = {name: value for name, value in one.facts.items() if name not in (FOLLOWS, STANDS_IN)}
            return replace(one, facts=facts)
    match event:
        case TicketTriaged():
            return NotificationDecision(event.ticket_id, TemplateName.NEW_TICKET, ASSIGNEE, _step(event))
        case MessagePosted() if not event.is_automatic and event.author.kind is not ActorKind.SYSTEM:
            return _of_message(event)
        case TicketResolved():
            return NotificationDecision(event.ticket_id, TemplateName.FOLLOWER_RESOLVED, ASSIGNEE, _by(event))
        case TicketReopened() if event.cause != "requester_message":
            return NotificationDecision(event.ticket_id, TemplateName.FOLLOWER_REOPENED, ASSIGNEE, _by(event))
        case TicketClosed():
            return NotificationDecision(event.ticket_id, TemplateName.FOLLOWER_CLOSED, ASSIGNEE, _by(event))
    return None


def _of_message(event: MessagePosted) -> NotificationDecision:
    facts: dict[str, JsonValue] = {
        "author": event.author.name,
        "body": event.body,
        "body_format": event.body_format.value,
        "attachments": [attachment.name for attachment in event.attachments],
    }
    if event.author.kind.is_ours:
        facts[DONE_BY] = str(event.author.id)
        weight = severity.RESOLVING_REPLY if event.resolves else None
        return NotificationDecision(event.ticket_id, TemplateName.FOLLOWER_REPLY, ASSIGNEE, facts, weight=weight)
    if event.author.email:
        facts[AUTHOR_ADDRESS] = event.author.email
    return NotificationDecision(event.ticket_id, TemplateName.REQUESTER_MESSAGE, ASSIGNEE, facts)


def _by(event: LifecycleEvent) -> Mapping[str, JsonValue]:
    return {DONE_BY: str(event.actor.id)} if event.actor.kind.is_ours else {}


def _step(event: LifecycleEvent) -> Mapping[str, JsonValue]:
    return {**_by(event), "priority": event.snapshot.priority.value, severity.REVISION: event.revision}


def _recipient(event: Event, audience: RecipientAudience, contacts: TicketContacts) -> Recipient | None:
    """Returns whom an audience stands for on the ticket of an event; None where it stands for nobody."""
    snapshot = event.snapshot if isinstance(event, LifecycleEvent) else None
    team_id = snapshot.team_id if snapshot else contacts.team_id
    match audience:
        case RecipientAudience.ASSIGNEE:
            return ASSIGNEE
        case RecipientAudience.LAST_RESPONDER if contacts.last_responder_id:
            return agent(AgentId(contacts.last_responder_id))
        case RecipientAudience.LEAD if team_id:
            return lead(TeamId(team_id))
        case RecipientAudience.TEAM if team_id:
            return team(TeamId(team_id))
    return None
