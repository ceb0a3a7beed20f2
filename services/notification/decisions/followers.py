"""Decisions of mails to the followers of a ticket."""

from collections.abc import Collection, Mapping

from pydantic import JsonValue

from services.notification.decisions.event_rules import AUTHOR_ADDRESS, DONE_BY, FOLLOWS, NotificationDecision, agent
from services.notification.decisions.fallback_recipients import STANDS_IN
from services.notification.delivery import severity
from services.notification.delivery.templates import TemplateName
from shared.contracts.base import AgentId
from shared.contracts.events import Event, LifecycleEvent, MessagePosted, TicketClosed, TicketReopened, TicketResolved
from shared.contracts.vocabulary import ActorKind
from shared.kit.i18n.messages import marked as _

BECAUSE: Mapping[str, JsonValue] = {FOLLOWS: True, STANDS_IN: _("you follow the ticket")}


def decide_for_followers(event: Event, followers: Collection[AgentId]) -> list[NotificationDecision]:
    """Returns a mail to each follower for an event that they are told of, without whoever did it.

    Whether a follower may still see the ticket, and is told already as its assignee, is settled later.
    """
    if not followers:
        return []
    match event:
        case MessagePosted():
            return _of_message(event, followers)
        case TicketResolved():
            return _of_step(event, TemplateName.FOLLOWER_RESOLVED, followers)
        # A message that reopens the ticket is told itself.
        case TicketReopened() if event.cause != "requester_message":
            return _of_step(event, TemplateName.FOLLOWER_REOPENED, followers)
        case TicketClosed():
            return _of_step(event, TemplateName.FOLLOWER_CLOSED, followers)
    return []


def _of_message(event: MessagePosted, followers: Collection[AgentId]) -> list[NotificationDecision]:
    if event.is_automatic or event.author.kind is ActorKind.SYSTEM:
        return []
    facts: dict[str, JsonValue] = {
        **BECAUSE,
        "author": event.author.name,
        "body": event.body,
        "body_format": event.body_format.value,
        "attachments": [attachment.name for attachment in event.attachments],
    }
    weight = None
    if event.author.kind.is_ours:
        template = TemplateName.FOLLOWER_REPLY
        facts[DONE_BY] = str(event.author.id)
        weight = severity.RESOLVING_REPLY if event.resolves else None
    else:
        template = TemplateName.REQUESTER_MESSAGE
        if event.author.email:
            facts[AUTHOR_ADDRESS] = event.author.email
    others = sorted(one for one in followers if str(one) != facts.get(DONE_BY))
    return [
        NotificationDecision(event.ticket_id, template, agent(agent_id), facts, weight=weight) for agent_id in others
    ]


def _of_step(
    event: LifecycleEvent, template: TemplateName, followers: Collection[AgentId]
) -> list[NotificationDecision]:
    others = sorted(one for one in followers if one != event.actor.id)
    return [NotificationDecision(event.ticket_id, template, agent(agent_id), BECAUSE) for agent_id in others]
