"""A ticket as the API answers it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue
from sqlalchemy import Row

from services.assignment.models import FAR_FUTURE, Ticket
from shared.contracts.base import Instant
from shared.contracts.tickets import Clock, TicketSnapshot
from shared.contracts.vocabulary import Action, CloseReason, HoldReason, Permission, Priority, Status
from shared.domain.permissions import permitted_actions

EXAMPLE: dict[str, Any] = {
    "id": "0197b3a1-7c1e-7a51-9d43-0f6f4b9f9a11",
    "number": "100042",
    "status": "open",
    "priority": "high",
    "subject": "Online banking system down",
    "revision": 3,
    "allowed_actions": ["assign", "release", "transfer", "pend", "hold", "resolve", "close"],
}


TicketRow = Row[Ticket, str, str, str, str, str, list[Any]]
"""A ticket beside the slug and name of its team, the name of its assignee, the slug, name and fields of its topic."""


class View(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(ser_json_timedelta="float", use_attribute_docstrings=True)


class NamedRef(View):
    """A team or a topic."""

    id: UUID
    slug: str
    name: str


class AgentRef(View):
    """An agent."""

    id: UUID
    name: str


class RequesterRef(View):
    """Who asked."""

    name: str
    email: str


class AnswerView(View):
    """What was answered to one of the topic's own questions, or sent along by a client program."""

    name: str
    label: str
    """As the topic's form words it; the name where no form asks for it."""
    value: JsonValue


class RelatedTicket(View):
    """Another ticket that the reader may see."""

    id: UUID
    number: str
    subject: str
    status: Status


class RelatedTickets(View):
    """How one conversation goes on over several tickets; of others only what the reader may see."""

    follows: RelatedTicket | None = None
    """The archived ticket that this one was opened for."""
    answers_from: tuple[RelatedTicket, ...] = ()
    """Other archived tickets of which an answer went to this one."""
    followed_by: tuple[RelatedTicket, ...] = ()
    """The tickets that go on from this archived one, oldest first."""


class TicketSla(View):
    """The ticket's promises: which policy, and how each clock stands."""

    policy_id: UUID | None
    policy_version: int | None
    clocks: tuple[Clock, ...]
    """Durations in seconds of open time, as of `updated_at`; `due_at` is exact."""


class TicketView(RelatedTickets):
    """A ticket as it now is, seen by one agent. Related tickets are told where one ticket is asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    number: str
    subject: str
    status: Status
    priority: Priority
    requester: RequesterRef
    topic_id: UUID | None
    topic: NamedRef | None
    team_id: UUID | None
    team: NamedRef | None
    assignee_id: UUID | None
    assignee: AgentRef | None
    tags: list[str]
    fields: tuple[AnswerView, ...]
    """In the order of the topic's form, then what no form asks for."""
    due_at: Instant | None
    """When the next running clock is due."""
    is_overdue: bool
    sla: TicketSla
    created_at: Instant
    updated_at: Instant
    first_replied_at: Instant | None
    resolved_at: Instant | None
    closed_at: Instant | None
    hold_reason: HoldReason | None
    close_reason: CloseReason | None
    reopen_count: int
    is_archived: bool
    revision: int
    """The ETag: send it as `If-Match` to change only what you have seen."""
    seq: int
    allowed_actions: tuple[Action, ...]
    """What the lifecycle and your role let you do now."""
    permissions: tuple[Permission, ...]
    """Everything your role allows on this ticket."""


class ReplyView(TicketView):
    """The ticket after a reply or a note."""

    message_id: UUID
    pending: bool = False
    """True if the reply is stored and will be sent, but the ticket's clocks have not heard of it yet."""


@dataclass(slots=True)
class TicketWithNames:
    """The same as a `TicketRow`, to be brought up to date."""

    Ticket: Ticket
    team_slug: str | None
    team_name: str | None
    agent_name: str | None
    topic_slug: str | None
    topic_name: str | None
    topic_fields: list[Any] | None


def view_of(row: TicketRow | TicketWithNames, held: frozenset[Permission], now: datetime) -> TicketView:
    """The answer made of a ticket's row and its names."""
    ticket: Ticket = row.Ticket
    snapshot = TicketSnapshot.model_validate(ticket.snapshot)
    possible = permitted_actions(held, snapshot.status, is_assigned=snapshot.assignee_id is not None)
    return TicketView(
        **snapshot.model_dump(
            include=set(TicketView.model_fields) & set(TicketSnapshot.model_fields) - {"due_at", "clocks"}
        ),
        id=ticket.id,
        subject=ticket.subject,
        requester=RequesterRef(name=ticket.requester_name, email=ticket.requester_email),
        topic=_named(snapshot.topic_id, row.topic_slug, row.topic_name),
        team=_named(snapshot.team_id, row.team_slug, row.team_name),
        assignee=AgentRef(id=snapshot.assignee_id, name=row.agent_name)
        if snapshot.assignee_id and row.agent_name
        else None,
        tags=sorted(ticket.tags),
        fields=tuple(_answers(ticket.fields, row.topic_fields or [])),
        due_at=ticket.next_due_at if ticket.next_due_at < FAR_FUTURE else None,
        is_overdue=ticket.next_due_at < now,
        sla=TicketSla(policy_id=snapshot.policy_id, policy_version=snapshot.policy_version, clocks=snapshot.clocks),
        created_at=ticket.created_at,
        allowed_actions=() if snapshot.is_archived else possible,
        permissions=tuple(sorted(held)),
    )


def _answers(given: dict[str, JsonValue], asked: list[dict[str, Any]]) -> Iterator[AnswerView]:
    labels = {str(field["name"]): str(field["label"]) for field in asked} | {
        name: name for name in sorted(given) if all(name != field["name"] for field in asked)
    }
    for name, label in labels.items():
        if given.get(name) not in (None, "", []):
            yield AnswerView(name=name, label=label, value=given[name])


def _named(ref: UUID | None, slug: str | None, name: str | None) -> NamedRef | None:
    return NamedRef(id=ref, slug=slug, name=name) if ref and slug and name else None
