"""The catalogue of mails: one row per template, used by the composer, the ledger, the API and the docs."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from shared.contracts.events import (
    AccessLinkRequested,
    AccountChanged,
    AccountLinkRequested,
    Event,
    MessagePosted,
    ParticipantChanged,
    ReportReady,
    SideMessageReceived,
    SideMessageSent,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaWarned,
    TicketAbsorbed,
    TicketAssigned,
    TicketClosed,
    TicketEscalated,
    TicketMentioned,
    TicketReminded,
    TicketReopened,
    TicketResolved,
    TicketsReturned,
    TicketSubmitted,
    TicketTransferred,
    TicketTriaged,
)

Audience = Literal["requester", "guest", "agent", "account", "third_party"]
"""A guest was put in copy and has not said yet whether they take part; `account` is an agent, about no ticket.

A third party is written to beside the ticket and never gets a link to it."""


class TemplateName(StrEnum):
    """The name of a template is also that of its two files, `<name>.html` and `<name>.txt`."""

    ACKNOWLEDGEMENT = "acknowledgement"
    ACCESS_LINK = "access_link"
    EXPORT_LINK = "export_link"
    REPLY = "reply"
    REMINDER = "reminder"
    RESOLVED = "resolved"
    RESOLVED_UNANSWERED = "resolved_unanswered"
    MERGED = "merged"
    INVITATION = "invitation"
    PARTICIPANT_JOINED = "participant_joined"
    ASSIGNED = "assigned"
    TRANSFERRED = "transferred"
    RETURNED = "returned"
    NEW_TICKET = "new_ticket"
    DIGEST = "digest"
    REQUESTER_MESSAGE = "requester_message"
    SLA_WARNED = "sla_warned"
    SLA_BREACHED = "sla_breached"
    SLA_BREACH_WITHDRAWN = "sla_breach_withdrawn"
    ESCALATED = "escalated"
    MENTIONED = "mentioned"
    SIDE_MESSAGE = "side_message"
    SIDE_ANSWER = "side_answer"
    FOLLOWER_REPLY = "follower_reply"
    FOLLOWER_RESOLVED = "follower_resolved"
    FOLLOWER_REOPENED = "follower_reopened"
    FOLLOWER_CLOSED = "follower_closed"
    SCHEDULED_REPORT = "scheduled_report"
    ACCOUNT_CHANGED = "account_changed"
    ACCOUNT_INVITATION = "account_invitation"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of a mail


LINKS_ASKED_FOR = frozenset({TemplateName.ACCESS_LINK, TemplateName.EXPORT_LINK})
"""Mails with a link that their reader just asked for: to unsubscribe from one means nothing."""


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of mail. Raise `version` with every change of its words."""

    name: TemplateName
    event: type[Event]
    audience: Audience
    subject: str
    """In Jinja; knows `ticket` and `facts`. The same in all that a requester gets: a thread is known by its subject."""
    auto_submitted: Literal["no", "auto-generated", "auto-replied"]
    """RFC 3834: a person's own words are "no"; "auto-replied" answers a mail."""
    version: int = 1


_ALL = (
    Template(
        TemplateName.ACKNOWLEDGEMENT,
        TicketSubmitted,
        "requester",
        "[#{{ ticket.number }}] {{ ticket.subject }}",
        "auto-replied",
        version=2,
    ),
    Template(
        TemplateName.ACCESS_LINK,
        AccessLinkRequested,
        "requester",
        "[#{{ ticket.number }}] {{ ticket.subject }}",
        "auto-generated",
        version=3,
    ),
    Template(
        TemplateName.EXPORT_LINK,
        AccessLinkRequested,
        "requester",
        "[#{{ ticket.number }}] {{ ticket.subject }}",
        "auto-generated",
    ),
    Template(
        TemplateName.REPLY, MessagePosted, "requester", "[#{{ ticket.number }}] {{ ticket.subject }}", "no", version=4
    ),
    Template(
        TemplateName.REMINDER,
        TicketReminded,
        "requester",
        "[#{{ ticket.number }}] {{ ticket.subject }}",
        "auto-generated",
        version=3,
    ),
    Template(
        TemplateName.RESOLVED_UNANSWERED,
        TicketResolved,
        "requester",
        "[#{{ ticket.number }}] {{ ticket.subject }}",
        "auto-generated",
        version=3,
    ),
    Template(
        TemplateName.RESOLVED,
        TicketResolved,
        "requester",
        "[#{{ ticket.number }}] {{ ticket.subject }}",
        "auto-generated",
        version=4,
    ),
    Template(
        TemplateName.MERGED,
        TicketAbsorbed,
        "requester",
        "[#{{ ticket.number }}] {{ ticket.subject }}",
        "auto-generated",
    ),
    Template(
        TemplateName.INVITATION,
        ParticipantChanged,
        "guest",
        "[#{{ ticket.number }}] {{ _('Will you take part?') }}",
        "auto-generated",
        version=2,
    ),
    Template(
        TemplateName.PARTICIPANT_JOINED,
        ParticipantChanged,
        "requester",
        "[#{{ ticket.number }}] {{ ticket.subject }}",
        "auto-generated",
    ),
    Template(
        TemplateName.ASSIGNED,
        TicketAssigned,
        "agent",
        "[#{{ ticket.number }}] {{ _('Assigned to you: %(subject)s', subject=ticket.subject) }}",
        "auto-generated",
        version=2,
    ),
    Template(
        TemplateName.TRANSFERRED,
        TicketTransferred,
        "agent",
        "[#{{ ticket.number }}] {{ _('Transferred to your team: %(subject)s', subject=ticket.subject) }}",
        "auto-generated",
        version=2,
    ),
    Template(
        TemplateName.RETURNED,
        TicketsReturned,
        "agent",
        "{{ ngettext('%(num)s ticket came back to %(team)s', '%(num)s tickets came back to %(team)s', facts.count, "
        "team=facts.team) }}",
        "auto-generated",
    ),
    Template(
        TemplateName.NEW_TICKET,
        TicketTriaged,
        "agent",
        "[#{{ ticket.number }}] {{ _('New ticket: %(subject)s', subject=ticket.subject) }}",
        "auto-generated",
    ),
    Template(
        TemplateName.REQUESTER_MESSAGE,
        MessagePosted,
        "agent",
        "[#{{ ticket.number }}] {{ _('New message: %(subject)s', subject=ticket.subject) }}",
        "auto-generated",
    ),
    Template(
        TemplateName.SLA_WARNED,
        SlaWarned,
        "agent",
        "[#{{ ticket.number }}] {{ _('%(clock)s %(percent)s %% used: %(subject)s', clock=facts.metric | metric, "
        "percent=facts.percent, subject=ticket.subject) }}",
        "auto-generated",
        version=2,
    ),
    Template(
        TemplateName.SLA_BREACHED,
        SlaBreached,
        "agent",
        "[#{{ ticket.number }}] {{ _('%(clock)s overdue: %(subject)s', clock=facts.metric | metric, "
        "subject=ticket.subject) }}",
        "auto-generated",
        version=2,
    ),
    Template(
        TemplateName.SLA_BREACH_WITHDRAWN,
        SlaBreachWithdrawn,
        "agent",
        "[#{{ ticket.number }}] {{ _('%(clock)s not overdue after all: %(subject)s', clock=facts.metric | metric, "
        "subject=ticket.subject) }}",
        "auto-generated",
    ),
    Template(
        TemplateName.ESCALATED,
        TicketEscalated,
        "agent",
        "[#{{ ticket.number }}] {{ _('Escalated: %(subject)s', subject=ticket.subject) }}",
        "auto-generated",
        version=2,
    ),
    Template(
        TemplateName.MENTIONED,
        TicketMentioned,
        "agent",
        "[#{{ ticket.number }}] {{ _('%(author)s mentioned you: %(subject)s', author=facts.author, "
        "subject=ticket.subject) }}",
        "auto-generated",
    ),
    Template(TemplateName.SIDE_MESSAGE, SideMessageSent, "third_party", "{{ facts.subject }}", "no"),
    Template(
        TemplateName.SIDE_ANSWER,
        SideMessageReceived,
        "agent",
        "[#{{ ticket.number }}] {{ _('Answer from %(author)s: %(subject)s', author=facts.author, "
        "subject=ticket.subject) }}",
        "auto-generated",
        version=2,
    ),
    Template(
        TemplateName.FOLLOWER_REPLY,
        MessagePosted,
        "agent",
        "[#{{ ticket.number }}] {{ _('Reply sent: %(subject)s', subject=ticket.subject) }}",
        "auto-generated",
    ),
    Template(
        TemplateName.FOLLOWER_RESOLVED,
        TicketResolved,
        "agent",
        "[#{{ ticket.number }}] {{ _('Resolved: %(subject)s', subject=ticket.subject) }}",
        "auto-generated",
    ),
    Template(
        TemplateName.FOLLOWER_REOPENED,
        TicketReopened,
        "agent",
        "[#{{ ticket.number }}] {{ _('Reopened: %(subject)s', subject=ticket.subject) }}",
        "auto-generated",
    ),
    Template(
        TemplateName.FOLLOWER_CLOSED,
        TicketClosed,
        "agent",
        "[#{{ ticket.number }}] {{ _('Closed: %(subject)s', subject=ticket.subject) }}",
        "auto-generated",
    ),
    Template(
        TemplateName.DIGEST,
        MessagePosted,
        "account",
        "{{ _('%(count)s notifications from the desk', count=facts.lines | length) }}",
        "auto-generated",
    ),
    Template(
        TemplateName.SCHEDULED_REPORT,
        ReportReady,
        "account",
        "{{ facts.report }}{% if facts.days %}, {{ facts.days }}{% endif %}",
        "auto-generated",
    ),
    Template(
        TemplateName.ACCOUNT_CHANGED,
        AccountChanged,
        "account",
        "{{ facts.change | account_change }}",
        "auto-generated",
    ),
    Template(
        TemplateName.ACCOUNT_INVITATION,
        AccountLinkRequested,
        "account",
        "{{ _('Your account at the desk') }}",
        "auto-generated",
    ),
    Template(
        TemplateName.PASSWORD_RESET,
        AccountLinkRequested,
        "account",
        "{{ _('A new password for the desk') }}",
        "auto-generated",
    ),
)

TEMPLATES: dict[TemplateName, Template] = {template.name: template for template in _ALL}
