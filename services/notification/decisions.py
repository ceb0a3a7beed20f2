"""Who is to be told because of an event: event in, decisions out; nothing here looks anything up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from uuid import UUID

from pydantic import JsonValue

from services.notification.delivery.catalogue import TemplateName
from shared.contracts.base import AgentId, TeamId, TicketId
from shared.contracts.events import (
    AccessLinkRequested,
    Event,
    LifecycleEvent,
    MessagePosted,
    SlaBreached,
    SlaWarned,
    TicketAssigned,
    TicketResolved,
    TicketSubmitted,
)
from shared.contracts.vocabulary import ActorKind


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody by role or id. `key` is what the ledger is unique by; the address is settled later."""

    key: str
    agent_id: UUID | None = None
    team_id: UUID | None = None


REQUESTER = Recipient("requester")
ASSIGNEE = Recipient("assignee")
"""Whoever works on the ticket when the decision is settled."""


def agent(agent_id: AgentId) -> Recipient:
    """One agent by id."""
    return Recipient(f"agent:{agent_id}", agent_id=agent_id)


def lead(team_id: TeamId) -> Recipient:
    """The lead of a team."""
    return Recipient(f"lead:{team_id}", team_id=team_id)


@dataclass(frozen=True, slots=True)
class Decision:
    """Tell this recipient this; `facts` is what only the event knows."""

    ticket_id: TicketId
    template: TemplateName
    recipient: Recipient
    facts: Mapping[str, JsonValue] = field(default_factory=dict)


@singledispatch
def decide(_event: Event) -> list[Decision]:
    """The mails an event calls for; most call for none."""
    return []


@decide.register
def _(event: TicketSubmitted) -> list[Decision]:
    return [Decision(event.ticket_id, TemplateName.ACKNOWLEDGEMENT, REQUESTER)]


@decide.register
def _(event: AccessLinkRequested) -> list[Decision]:
    return [Decision(event.ticket_id, TemplateName.ACCESS_LINK, REQUESTER)]


@decide.register
def _(event: MessagePosted) -> list[Decision]:
    if event.is_automatic:
        return []
    facts: dict[str, JsonValue] = {
        "author": event.author.name,
        "body": event.body,
        "body_format": event.body_format.value,
        "attachments": [attachment.name for attachment in event.attachments],
    }
    match event.author.kind:
        case ActorKind.AGENT:
            return [Decision(event.ticket_id, TemplateName.REPLY, REQUESTER, facts)]
        case ActorKind.REQUESTER | ActorKind.CLIENT:
            return [Decision(event.ticket_id, TemplateName.REQUESTER_MESSAGE, ASSIGNEE, facts)]
        case _:
            return []


@decide.register
def _(event: TicketResolved) -> list[Decision]:
    return [Decision(event.ticket_id, TemplateName.RESOLVED, REQUESTER)]


@decide.register
def _(event: TicketAssigned) -> list[Decision]:
    if event.actor.kind is ActorKind.AGENT and event.actor.id == event.agent_id:
        return []
    facts: dict[str, JsonValue] = {"priority": event.snapshot.priority.value}
    return [Decision(event.ticket_id, TemplateName.ASSIGNED, agent(event.agent_id), facts)]


@decide.register
def _(event: SlaWarned) -> list[Decision]:
    return _about_time(event, TemplateName.SLA_WARNED, event.percent)


@decide.register
def _(event: SlaBreached) -> list[Decision]:
    return _about_time(event, TemplateName.SLA_BREACHED, 100)


def _about_time(event: SlaWarned | SlaBreached, template: TemplateName, percent: int) -> list[Decision]:
    """To the agent of that moment; to the lead where nobody works on it; to nobody before triage."""
    facts: dict[str, JsonValue] = {
        "metric": event.metric.value,
        "percent": percent,
        "due_at": event.due_at.isoformat(),
        "priority": event.snapshot.priority.value,
    }
    recipient = _responsible(event)
    return [Decision(event.ticket_id, template, recipient, facts)] if recipient else []


def _responsible(event: LifecycleEvent) -> Recipient | None:
    snapshot = event.snapshot
    if snapshot.assignee_id:
        return agent(snapshot.assignee_id)
    return lead(snapshot.team_id) if snapshot.team_id else None
