"""The notification matrix: event by audience by channel. Defaults first, an administrator's changes on top.

Which audiences are told of what follows osTicket's alerts. Where osTicket mails a manager or the last respondent beside
the assignee, the default here is the in-app inbox: a mail as well is one tick away.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.templates import TemplateName


class RecipientAudience(StrEnum):
    """Whom a rule is about, by what they are to the ticket."""

    REQUESTER = "requester"
    PARTICIPANTS = "participants"
    ASSIGNEE = "assignee"
    TEAM = "team"
    LEAD = "lead"
    LAST_RESPONDER = "last_responder"
    FOLLOWERS = "followers"
    MENTIONED = "mentioned"
    ON_CALL = "on_call"


class RuleEvent(StrEnum):
    """What a rule is about: one row of the matrix."""

    NEW_TICKET = "new_ticket"
    REQUESTER_MESSAGE = "requester_message"
    AGENT_REPLY = "agent_reply"
    MENTIONED = "mentioned"
    ASSIGNED = "assigned"
    TRANSFERRED = "transferred"
    RETURNED = "returned"
    REMINDER = "reminder"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CLOSED = "closed"
    MERGED = "merged"
    SLA_WARNED = "sla_warned"
    SLA_BREACHED = "sla_breached"
    ESCALATED = "escalated"


Cell = tuple[RuleEvent, RecipientAudience, DeliveryChannel]

_A, _C, _E = RecipientAudience, DeliveryChannel, RuleEvent
_BOTH = frozenset({_C.MAIL, _C.INBOX})
_MAIL, _INBOX = frozenset({_C.MAIL}), frozenset({_C.INBOX})
_CHAT, _CALL = frozenset({_C.CHAT}), frozenset({_C.ON_CALL})
_NONE: frozenset[DeliveryChannel] = frozenset()

DEFAULTS: Mapping[RuleEvent, Mapping[RecipientAudience, frozenset[DeliveryChannel]]] = {
    _E.NEW_TICKET: {_A.REQUESTER: _MAIL, _A.LEAD: _INBOX, _A.TEAM: _CHAT, _A.ON_CALL: _NONE},
    _E.REQUESTER_MESSAGE: {
        _A.ASSIGNEE: _BOTH,
        _A.LAST_RESPONDER: _INBOX,
        _A.LEAD: _NONE,
        _A.TEAM: _NONE,
        _A.FOLLOWERS: _BOTH,
        _A.ON_CALL: _NONE,
    },
    _E.AGENT_REPLY: {
        _A.REQUESTER: _MAIL,
        _A.PARTICIPANTS: _MAIL,
        _A.ASSIGNEE: _NONE,
        _A.LAST_RESPONDER: _NONE,
        _A.LEAD: _NONE,
        _A.FOLLOWERS: _BOTH,
    },
    _E.MENTIONED: {_A.MENTIONED: _BOTH},
    _E.ASSIGNED: {_A.ASSIGNEE: _BOTH},
    _E.TRANSFERRED: {_A.TEAM: _BOTH},
    _E.RETURNED: {_A.TEAM: _BOTH},
    _E.REMINDER: {_A.REQUESTER: _MAIL},
    _E.RESOLVED: {_A.REQUESTER: _MAIL, _A.PARTICIPANTS: _MAIL, _A.FOLLOWERS: _BOTH, _A.LEAD: _NONE},
    _E.REOPENED: {_A.ASSIGNEE: _NONE, _A.LEAD: _NONE, _A.FOLLOWERS: _BOTH},
    _E.CLOSED: {_A.ASSIGNEE: _NONE, _A.LEAD: _NONE, _A.FOLLOWERS: _BOTH},
    _E.MERGED: {_A.REQUESTER: _MAIL},
    _E.SLA_WARNED: {_A.ASSIGNEE: _BOTH, _A.LEAD: _NONE, _A.TEAM: _NONE, _A.ON_CALL: _NONE},
    _E.SLA_BREACHED: {_A.ASSIGNEE: _BOTH, _A.LEAD: _INBOX, _A.TEAM: _CHAT, _A.ON_CALL: _CALL},
    _E.ESCALATED: {_A.ASSIGNEE: _BOTH, _A.LEAD: _BOTH, _A.TEAM: _BOTH | _CHAT, _A.ON_CALL: _CALL},
}
"""Every audience that an event can be told to; an audience that is not listed cannot be."""

OUTSIDE = frozenset({_A.REQUESTER, _A.PARTICIPANTS})
"""Those who are no agents, and so have no inbox."""


def channels_of(audience: RecipientAudience) -> tuple[DeliveryChannel, ...]:
    """Returns the channels by which an audience can be told."""
    match audience:
        case RecipientAudience.ON_CALL:
            return (_C.ON_CALL,)
        case RecipientAudience.TEAM:
            return (_C.MAIL, _C.INBOX, _C.CHAT)
        case _ if audience in OUTSIDE:
            return (_C.MAIL,)
        case _:
            return (_C.MAIL, _C.INBOX)


def offered_cells() -> list[Cell]:
    """Returns every cell of the matrix, in the order of its rows."""
    return [
        (event, audience, channel)
        for event, audiences in DEFAULTS.items()
        for audience in audiences
        for channel in channels_of(audience)
    ]


EVENT_OF: Mapping[TemplateName, RuleEvent] = {
    TemplateName.ACKNOWLEDGEMENT: _E.NEW_TICKET,
    TemplateName.NEW_TICKET: _E.NEW_TICKET,
    TemplateName.REPLY: _E.AGENT_REPLY,
    TemplateName.FOLLOWER_REPLY: _E.AGENT_REPLY,
    TemplateName.REQUESTER_MESSAGE: _E.REQUESTER_MESSAGE,
    TemplateName.SIDE_ANSWER: _E.REQUESTER_MESSAGE,
    TemplateName.MENTIONED: _E.MENTIONED,
    TemplateName.ASSIGNED: _E.ASSIGNED,
    TemplateName.TRANSFERRED: _E.TRANSFERRED,
    TemplateName.RETURNED: _E.RETURNED,
    TemplateName.REMINDER: _E.REMINDER,
    TemplateName.RESOLVED: _E.RESOLVED,
    TemplateName.RESOLVED_UNANSWERED: _E.RESOLVED,
    TemplateName.FOLLOWER_RESOLVED: _E.RESOLVED,
    TemplateName.FOLLOWER_REOPENED: _E.REOPENED,
    TemplateName.FOLLOWER_CLOSED: _E.CLOSED,
    TemplateName.MERGED: _E.MERGED,
    TemplateName.SLA_WARNED: _E.SLA_WARNED,
    TemplateName.SLA_BREACHED: _E.SLA_BREACHED,
    TemplateName.SLA_BREACH_WITHDRAWN: _E.SLA_BREACHED,
    TemplateName.ESCALATED: _E.ESCALATED,
}
"""Which row of the matrix a mail belongs to. What people asked for themselves, such as a link, belongs to none."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """The rules in force: the cells that differ from the defaults."""

    changed: Mapping[Cell, bool]
    version: int = 0
    _told_by: dict[tuple[RuleEvent, RecipientAudience], frozenset[DeliveryChannel]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What was asked for before: a batch of events asks hundreds of times for the same."""

    def is_on(self, cell: Cell) -> bool:
        """Whether an audience is told of an event by a channel; False for a cell that does not exist."""
        event, audience, channel = cell
        return self.changed.get(cell, channel in DEFAULTS[event].get(audience, _NONE))

    def channels(self, event: RuleEvent, audience: RecipientAudience) -> frozenset[DeliveryChannel]:
        """Returns the channels by which an audience is told of an event."""
        found = self._told_by.get((event, audience))
        if found is None:
            found = frozenset(channel for channel in channels_of(audience) if self.is_on((event, audience, channel)))
            self._told_by[event, audience] = found
        return found

    def audiences(self, event: RuleEvent) -> Iterable[RecipientAudience]:
        """Returns the audiences that are told of an event by any channel."""
        return [audience for audience in DEFAULTS[event] if self.channels(event, audience)]


DEFAULT_MATRIX = Matrix({})


def default_of(cell: Cell) -> bool:
    """Whether a cell is on where nobody changed it."""
    return DEFAULT_MATRIX.is_on(cell)
