"""Pure rules from event to notification decisions; no I/O."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import singledispatch
from uuid import UUID

from pydantic import JsonValue

from services.notification.delivery import severity
from services.notification.delivery.channels import COPIES
from services.notification.delivery.templates import TemplateName
from shared.contracts.base import AgentId, TeamId, TicketId
from shared.contracts.events import (
    AccessLinkRequested,
    AccountChanged,
    AccountLinkRequested,
    Author,
    Event,
    LifecycleEvent,
    MessagePosted,
    ParticipantChanged,
    ReportReady,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaWarned,
    TicketAbsorbed,
    TicketAssigned,
    TicketEscalated,
    TicketMentioned,
    TicketReminded,
    TicketResolved,
    TicketsReturned,
    TicketSubmitted,
    TicketTransferred,
)
from shared.contracts.tickets import SYSTEM, Actor
from shared.contracts.vocabulary import ActorKind, Metric, ParticipantState
from shared.kit.addresses import address_key


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient by role or id. `key` is part of the unique key of the ledger; the address is resolved later."""

    key: str
    agent_id: UUID | None = None
    team_id: UUID | None = None


REQUESTER = Recipient("requester")
ASSIGNEE = Recipient("assignee")
"""Whoever works on the ticket when the decision is settled."""
ALREADY_NOTIFIED = Recipient("told")
"""Everybody who was told of what the decision is about."""
GIVEN_BY_SYSTEM = "given_by_system"
"""The fact that no person chose the agent: which step of the ticket's life did."""
DONE_BY = "done_by"
"""The fact of which agent did it: whoever acts is not told of it."""
WRITTEN_BY = "written_by"
"""The fact of which agent wrote a note; the name is put beside it when the mail is settled."""
FOLLOWS = "follows"
"""The fact that the recipient gets the mail because they follow the ticket."""
SENT_TO = "sent_to"
"""The fact of which address of the requester a mail goes to, where that was asked for."""
COPIED = frozenset({TemplateName.REPLY, TemplateName.RESOLVED, TemplateName.RESOLVED_UNANSWERED})
"""What the requester is told and everybody who takes part as well."""
AUTHOR_ADDRESS = "author_address"
"""The fact of which address wrote: whoever writes is not told of it."""
MERGED_INTO = "merged_into"
"""The fact of which ticket somebody's own is a part of now."""
RESOLVED_BY = "resolved_by"
"""The fact of which resolution a mail tells of, and which team and agent had the ticket: what is asked about it."""
PARTICIPANT = COPIES
NO_TICKET = TicketId(UUID(int=0))
"""What a mail to an agent about their own account is about: a row that stands for no ticket."""
SIDE = "side:"
"""How the key of a third party begins; the id of the message follows."""
TEAM = "team:"
"""How the key of a whole team begins."""


def agent(agent_id: AgentId) -> Recipient:
    """One agent by id."""
    return Recipient(f"agent:{agent_id}", agent_id=agent_id)


def lead(team_id: TeamId) -> Recipient:
    """The lead of a team."""
    return Recipient(f"lead:{team_id}", team_id=team_id)


def team(team_id: TeamId) -> Recipient:
    """Every member of a team; its lead where no members are known."""
    return Recipient(f"{TEAM}{team_id}", team_id=team_id)


def participant(email: str) -> Recipient:
    """A participant, identified by a digest of the address to keep the ledger's keys short."""
    return Recipient(f"{PARTICIPANT}{hashlib.sha256(address_key(email).encode()).hexdigest()[:40]}")


@dataclass(frozen=True, slots=True)
class Breach:
    """The SLA clock that an event is about, overdue or soon to be; `seq` is the sequence number of the event."""

    key: str
    seq: int

    @classmethod
    def of(cls, event: SlaWarned | SlaBreached | SlaBreachWithdrawn | TicketEscalated) -> "Breach":
        """Returns the breach that an event reports, warns of or withdraws."""
        return cls(f"{event.metric.value}:{event.cycle}", event.seq)


@dataclass(frozen=True, slots=True)
class NotificationDecision:
    """One mail to one recipient; `facts` holds the values that only the event contains."""

    ticket_id: TicketId
    template: TemplateName
    recipient: Recipient
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    about: Breach | None = None
    weight: float | None = None
    """Of several unsent mails to one person about one ticket only the most severe is; see `severity`."""
    audience: str | None = None
    """The column of the matrix that the recipient belongs to; see `rules`."""
    channel: str = "mail"
    """The channel of its row; a row for the other one is added when the recipient is settled."""


@singledispatch
def decide(_event: Event) -> list[NotificationDecision]:
    """Returns the mails an event calls for; most events call for none."""
    return []


@decide.register
def _(event: TicketSubmitted) -> list[NotificationDecision]:
    if event.is_automatic or not event.acknowledge:
        return []
    return [NotificationDecision(event.ticket_id, TemplateName.ACKNOWLEDGEMENT, REQUESTER)]


@decide.register
def _(event: AccessLinkRequested) -> list[NotificationDecision]:
    """Always to the address that was named, whichever of the requester's addresses answers go to."""
    is_guest = event.email is not None and not event.is_requester
    asked = participant(event.email or "") if is_guest else REQUESTER
    facts: dict[str, JsonValue] = {SENT_TO: event.email} if event.email and event.is_requester else {}
    template = TemplateName.EXPORT_LINK if event.wanted == "everything" else TemplateName.ACCESS_LINK
    return [NotificationDecision(event.ticket_id, template, asked, facts)]


@decide.register
def _(event: AccountLinkRequested) -> list[NotificationDecision]:
    """About no ticket; the mail's link is signed when it is written, and nothing here holds it."""
    facts: dict[str, JsonValue] = {
        "link_id": str(event.link_id),
        "purpose": event.purpose,
        "expires_at": event.expires_at.isoformat(),
    }
    is_new = event.purpose == "invitation"
    template = TemplateName.ACCOUNT_INVITATION if is_new else TemplateName.PASSWORD_RESET
    return [NotificationDecision(NO_TICKET, template, agent(event.agent_id), facts)]


@decide.register
def _(event: ReportReady) -> list[NotificationDecision]:
    """The report is in the event: it was made with the rights of whom it is for."""
    days = " to ".join(dict.fromkeys(day.isoformat() for day in (event.first_day, event.last_day) if day))
    facts: dict[str, JsonValue] = {
        "report": event.name,
        "days": days,
        "address": event.address,
        "csv": event.csv,
        "file": f"{event.report}.csv",
    }
    return [NotificationDecision(NO_TICKET, TemplateName.SCHEDULED_REPORT, agent(event.agent_id), facts)]


@decide.register
def _(event: AccountChanged) -> list[NotificationDecision]:
    facts: dict[str, JsonValue] = {"change": event.change, "changed_at": event.changed_at.isoformat()}
    return [NotificationDecision(NO_TICKET, TemplateName.ACCOUNT_CHANGED, agent(event.agent_id), facts)]


@decide.register
def _(event: TicketMentioned) -> list[NotificationDecision]:
    """The event holds no words and no name: the mail says who, once that is settled."""
    by = event.actor
    facts: dict[str, JsonValue] = {"author": "A program"}
    if by.kind is ActorKind.AGENT:
        facts = {"author": "A colleague", WRITTEN_BY: str(by.id), DONE_BY: str(by.id)}
    return [NotificationDecision(event.ticket_id, TemplateName.MENTIONED, agent(one), facts) for one in event.agent_ids]


@decide.register
def _(event: MessagePosted) -> list[NotificationDecision]:
    if event.is_automatic:
        return []
    facts: dict[str, JsonValue] = {
        "author": event.author.name,
        "body": event.body,
        "body_format": event.body_format.value,
        "attachments": [attachment.name for attachment in event.attachments],
    }
    match event.author.kind:
        case ActorKind.AGENT | ActorKind.PROGRAM:
            facts |= _done_by(event.author)
            weight = severity.RESOLVING_REPLY if event.resolves else None
            return [NotificationDecision(event.ticket_id, TemplateName.REPLY, REQUESTER, facts, weight=weight)]
        case ActorKind.REQUESTER | ActorKind.CLIENT:
            if event.author.email:
                facts[AUTHOR_ADDRESS] = event.author.email
            return [NotificationDecision(event.ticket_id, TemplateName.REQUESTER_MESSAGE, ASSIGNEE, facts)]
        case _:
            return []


@decide.register
def _(event: ParticipantChanged) -> list[NotificationDecision]:
    if event.state is ParticipantState.INVITED:
        return [NotificationDecision(event.ticket_id, TemplateName.INVITATION, participant(event.email))]
    is_first = event.joined_at is not None and event.joined_at == event.changed_at
    if event.state is ParticipantState.JOINED and is_first:
        return [
            NotificationDecision(event.ticket_id, TemplateName.PARTICIPANT_JOINED, REQUESTER, {"email": event.email})
        ]
    return []


@decide.register
def _(event: TicketResolved) -> list[NotificationDecision]:
    if event.cause == "timer":
        return [NotificationDecision(event.ticket_id, TemplateName.RESOLVED_UNANSWERED, REQUESTER)]
    team_id, agent_id = event.snapshot.team_id, event.snapshot.assignee_id
    resolved_by: dict[str, JsonValue] = {
        "resolution": event.seq,
        "team_id": str(team_id) if team_id else None,
        "agent_id": str(agent_id) if agent_id else None,
    }
    facts: dict[str, JsonValue] = {RESOLVED_BY: resolved_by, **_done_by(event.actor)}
    return [NotificationDecision(event.ticket_id, TemplateName.RESOLVED, REQUESTER, facts)]


@decide.register
def _(event: TicketAbsorbed) -> list[NotificationDecision]:
    """To the requester of the ticket that was merged, in its own thread; the other one's requester sees no change."""
    facts: dict[str, JsonValue] = {"into": event.snapshot.number, MERGED_INTO: str(event.ticket_id)}
    return [NotificationDecision(event.source_id, TemplateName.MERGED, REQUESTER, facts)]


@decide.register
def _(event: TicketReminded) -> list[NotificationDecision]:
    facts: dict[str, JsonValue] = {
        "reminder": event.reminder,
        "pending_since": event.pending_since.isoformat(),
        "resolves_at": event.resolves_at.isoformat() if event.resolves_at else None,
    }
    return [NotificationDecision(event.ticket_id, TemplateName.REMINDER, REQUESTER, facts)]


@decide.register
def _(event: TicketAssigned) -> list[NotificationDecision]:
    if event.actor.kind is ActorKind.AGENT and event.actor.id == event.agent_id:
        return []
    facts = _of_step(event)
    if event.actor == SYSTEM:
        facts[GIVEN_BY_SYSTEM] = event.seq
    return [
        NotificationDecision(
            event.ticket_id, TemplateName.ASSIGNED, agent(event.agent_id), facts, weight=severity.ASSIGNED
        )
    ]


@decide.register
def _(event: TicketTransferred) -> list[NotificationDecision]:
    """Only transfers by a person or program: an escalation that transfers sends a mail of its own to the team."""
    if not event.actor.kind.is_ours:
        return []
    facts = _of_step(event) | {DONE_BY: str(event.actor.id)}
    return [
        NotificationDecision(
            event.ticket_id, TemplateName.TRANSFERRED, team(event.team_id), facts, weight=severity.TRANSFERRED
        )
    ]


@decide.register
def _(event: TicketsReturned) -> list[NotificationDecision]:
    """One mail for all tickets of the event, in the thread of the first."""
    facts: dict[str, JsonValue] = {
        "team": event.team,
        "previous": event.previous,
        "reason": event.tickets[0].reason.value,
        "count": event.count,
        "tickets": [{"number": one.number, "priority": one.priority.value} for one in event.tickets],
    }
    first = event.tickets[0].ticket_id
    return [NotificationDecision(first, TemplateName.RETURNED, agent(agent_id), facts) for agent_id in event.told]


@decide.register
def _(event: SlaWarned) -> list[NotificationDecision]:
    facts = _of_time(event, event.metric, event.due_at) | {"percent": event.percent}
    return [
        NotificationDecision(event.ticket_id, TemplateName.SLA_WARNED, to, facts, weight=event.percent)
        for to in _responsible(event)
    ]


@decide.register
def _(event: SlaBreached) -> list[NotificationDecision]:
    facts, about = _of_time(event, event.metric, event.due_at), Breach.of(event)
    weight = severity.of_breach(event.due_at)
    return [
        NotificationDecision(event.ticket_id, TemplateName.SLA_BREACHED, to, facts, about, weight)
        for to in _responsible(event)
    ]


@decide.register
def _(event: SlaBreachWithdrawn) -> list[NotificationDecision]:
    facts = _of_time(event, event.metric, None)
    return [
        NotificationDecision(
            event.ticket_id, TemplateName.SLA_BREACH_WITHDRAWN, ALREADY_NOTIFIED, facts, Breach.of(event)
        )
    ]


@decide.register
def _(event: TicketEscalated) -> list[NotificationDecision]:
    is_overdue = event.due_at is not None and event.due_at <= event.at
    facts = _of_time(event, event.metric, event.due_at) | {
        "step": event.step,
        "repetition": event.repetition,
        "do": event.do,
        "is_overdue": is_overdue,
    }
    about = Breach.of(event) if is_overdue else None
    weight = severity.of_step(event.step, event.repetition, is_overdue=is_overdue)
    return [
        NotificationDecision(event.ticket_id, TemplateName.ESCALATED, to, facts, about, weight)
        for to in _told_of_step(event)
    ]


def _told_of_step(event: TicketEscalated) -> list[Recipient]:
    """Returns the recipients an escalation step names; a new assignee gets the assignment mail instead."""
    is_given = event.do == "reassign" and event.agent_id not in (None, event.snapshot.assignee_id)
    team_id = event.team_id or event.snapshot.team_id
    if is_given:
        return []
    if event.to is None:
        return _responsible(event) if event.do == "notify" else []
    if event.to == "lead":
        return [lead(team_id)] if team_id else []
    if event.agent_id:
        return [agent(event.agent_id)]
    return [team(event.team_id)] if event.team_id else []


def _of_time(event: LifecycleEvent, metric: Metric, due_at: datetime | None) -> dict[str, JsonValue]:
    return _of_step(event) | {"metric": metric.value, "due_at": due_at.isoformat() if due_at else None}


def _of_step(event: LifecycleEvent) -> dict[str, JsonValue]:
    return {"priority": event.snapshot.priority.value, severity.REVISION: event.revision}


def _done_by(who: Author | Actor) -> dict[str, JsonValue]:
    """Returns the fact of which agent did it; none for a program, which nobody is told of as their own doing."""
    return {DONE_BY: str(who.id)} if who.kind is ActorKind.AGENT and who.id else {}


def _responsible(event: LifecycleEvent) -> list[Recipient]:
    """Returns the assignee at that moment, else the team's lead; nobody before triage."""
    snapshot = event.snapshot
    if snapshot.assignee_id:
        return [agent(snapshot.assignee_id)]
    return [lead(snapshot.team_id)] if snapshot.team_id else []
