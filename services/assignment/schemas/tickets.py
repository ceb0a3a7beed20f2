"""A ticket as the API answers it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, JsonValue
from sqlalchemy import Row

from services.assignment.models import FAR_FUTURE, Ticket
from shared.contracts.base import Instant
from shared.contracts.described_models import DescribedModel
from shared.contracts.tickets import Clock, TicketSnapshot
from shared.contracts.vocabulary import Action, ClockState, CloseReason, HoldReason, Permission, Priority, Status
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


class View(DescribedModel):
    """Base of all answers."""

    model_config = ConfigDict(ser_json_timedelta="float")


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
    merged_into: RelatedTicket | None = None
    """The ticket that this one is a part of."""
    merged: tuple[RelatedTicket, ...] = ()
    """The tickets that are part of this one, oldest first."""


class TicketSla(View):
    """The ticket's promises: which policy, and how each clock stands."""

    policy_id: UUID | None
    policy_version: int | None
    clocks: tuple[Clock, ...]
    """Durations in seconds of open time, as of `updated_at`; `due_at` is exact."""


class TeamTarget(View):
    """How long the team has held the ticket against its operational target: apart from what the requester was promised.

    Durations are seconds of open time in the team's hours.
    """

    team_id: UUID
    since: Instant
    target: timedelta
    elapsed: timedelta
    due_at: Instant | None
    state: Literal["running", "paused", "ended"]
    is_over: bool
    """Whether the team has held it for longer than its target."""


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
    team_target: TeamTarget | None = None
    """Told where one ticket is read, if the team has a target."""
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


@dataclass(frozen=True, slots=True)
class ListedRow:
    """What a ticket's answer is made of beside its snapshot."""

    id: UUID
    subject: str
    requester_name: str
    requester_email: str
    tags: list[str]
    next_due_at: datetime
    created_at: datetime
    fields: dict[str, JsonValue]
    topic_id: UUID | None
    """As it was corrected last; the snapshot has the one it was opened with."""
    team_slug: str | None
    team_name: str | None
    agent_name: str | None
    topic_slug: str | None
    topic_name: str | None
    topic_fields: list[dict[str, Any]]


class TicketPage(View):
    """One page of tickets; `next_cursor` is null on the last, `previous_cursor` on the first."""

    items: list[TicketView]
    next_cursor: str | None = None
    previous_cursor: str | None = None
    is_similar: bool = False
    """Whether no ticket bears the words of the search, and these are those whose own words are like them."""


def view_of(row: TicketRow | TicketWithNames, held: frozenset[Permission], now: datetime) -> TicketView:
    """The answer made of a ticket's row and its names."""
    ticket: Ticket = row.Ticket
    return listed_view(_listed(row, ticket.next_due_at), TicketSnapshot.model_validate(ticket.snapshot), held, now)


def past_view_of(
    row: TicketRow | TicketWithNames, snapshot: TicketSnapshot, held: frozenset[Permission], as_of: datetime
) -> TicketView:
    """The same with another snapshot than the newest, and without actions; the names are those of the snapshot."""
    view = listed_view(_listed(row, next_due_at(snapshot)), snapshot, held, as_of)
    return view.model_copy(update={"allowed_actions": ()})


def next_due_at(snapshot: TicketSnapshot) -> datetime:
    """When the first running clock is due; FAR_FUTURE if none runs."""
    running = (clock.due_at for clock in snapshot.clocks if clock.state is ClockState.RUNNING)
    return min((due_at for due_at in running if due_at is not None), default=FAR_FUTURE)


def _listed(row: TicketRow | TicketWithNames, due_at: datetime) -> ListedRow:
    ticket: Ticket = row.Ticket
    return ListedRow(
        id=ticket.id,
        subject=ticket.subject,
        requester_name=ticket.requester_name,
        requester_email=ticket.requester_email,
        tags=ticket.tags,
        next_due_at=due_at,
        created_at=ticket.created_at,
        fields=ticket.fields,
        topic_id=ticket.topic_id,
        team_slug=row.team_slug,
        team_name=row.team_name,
        agent_name=row.agent_name,
        topic_slug=row.topic_slug,
        topic_name=row.topic_name,
        topic_fields=row.topic_fields or [],
    )


def listed_view(row: ListedRow, snapshot: TicketSnapshot, held: frozenset[Permission], now: datetime) -> TicketView:
    """The same of its parts. Built without checking them again: they are of the types that their columns have."""
    possible = permitted_actions(held, snapshot.status, is_assigned=snapshot.assignee_id is not None)
    return TicketView.model_construct(
        id=row.id,
        number=snapshot.number,
        subject=row.subject,
        status=snapshot.status,
        priority=snapshot.priority,
        requester=RequesterRef.model_construct(name=row.requester_name, email=row.requester_email),
        topic_id=row.topic_id,
        topic=_named(row.topic_id, row.topic_slug, row.topic_name),
        team_id=snapshot.team_id,
        team=_named(snapshot.team_id, row.team_slug, row.team_name),
        assignee_id=snapshot.assignee_id,
        assignee=_agent(snapshot.assignee_id, row.agent_name),
        tags=sorted(row.tags),
        fields=tuple(_answers(row.fields, row.topic_fields)) if row.fields else (),
        due_at=row.next_due_at if row.next_due_at < FAR_FUTURE else None,
        is_overdue=row.next_due_at < now,
        sla=TicketSla.model_construct(
            policy_id=snapshot.policy_id, policy_version=snapshot.policy_version, clocks=snapshot.clocks
        ),
        created_at=row.created_at,
        updated_at=snapshot.updated_at,
        first_replied_at=snapshot.first_replied_at,
        resolved_at=snapshot.resolved_at,
        closed_at=snapshot.closed_at,
        hold_reason=snapshot.hold_reason,
        close_reason=snapshot.close_reason,
        reopen_count=snapshot.reopen_count,
        is_archived=snapshot.is_archived,
        revision=snapshot.revision,
        seq=snapshot.seq,
        allowed_actions=() if snapshot.is_archived else possible,
        permissions=_in_order(held),
    )


@lru_cache(maxsize=256)
def _in_order(held: frozenset[Permission]) -> tuple[Permission, ...]:
    return tuple(sorted(held))


def _answers(given: dict[str, JsonValue], asked: list[dict[str, Any]]) -> Iterator[AnswerView]:
    labels = {str(field["name"]): str(field["label"]) for field in asked} | {
        name: name for name in sorted(given) if all(name != field["name"] for field in asked)
    }
    for name, label in labels.items():
        if given.get(name) not in (None, "", []):
            yield AnswerView(name=name, label=label, value=given[name])


@lru_cache(maxsize=4096)
def _named(ref: UUID | None, slug: str | None, name: str | None) -> NamedRef | None:
    """Shared by all answers that name it; nobody changes it."""
    return NamedRef.model_construct(id=ref, slug=slug, name=name) if ref and slug and name else None


@lru_cache(maxsize=4096)
def _agent(ref: UUID | None, name: str | None) -> AgentRef | None:
    return AgentRef.model_construct(id=ref, name=name) if ref and name else None
