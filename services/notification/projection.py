"""Projections of tickets, agents, teams and participants; an older event never overwrites a newer one."""

from collections.abc import Iterable
from datetime import datetime
from functools import singledispatch
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, and_, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import Insert, insert

from services.notification.decisions.event_rules import participant
from services.notification.delivery.bundles import BUNDLED
from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.status import DeliveryStatus
from services.notification.erasure import add_tombstones
from services.notification.models import IS_DUE, Agent, Delivery, Participant, Team, Ticket, TicketFollower
from services.notification.record_sets import ROWS, record_set
from shared.contracts.events import (
    AgentChanged,
    Event,
    FollowerChanged,
    LifecycleEvent,
    MessagePosted,
    ParticipantChanged,
    RequesterErased,
    TeamChanged,
    TicketEdited,
    TicketErased,
    TicketMentioned,
    TicketSubmitted,
    TicketTriaged,
)
from shared.contracts.tickets import TicketSnapshot
from shared.contracts.vocabulary import ActorKind, ParticipantState
from shared.kit.addresses import address_key, with_ascii_domain
from shared.kit.db import Session, lock_in_order

TICKETS = cast(Table, Ticket.__table__)


SUBMITTED = (
    "subject",
    "requester_email",
    "requester_name",
    "requester_language",
    "follows",
    "submitted_at",
    "alert",
    "root_mail_id",
)
"""What a submission says of a ticket."""
CORRECTED = {
    "subject": TICKETS.c.subject_edited_at,
    "requester_email": TICKETS.c.requester_edited_at,
    "requester_name": TICKETS.c.requester_edited_at,
    "requester_language": TICKETS.c.requester_edited_at,
}
"""What agents correct of it, and when they last did."""
NEWEST = ("seq", "team_id", "assignee_id")
"""What the newest snapshot says."""
KNOWN = ("id", "number", *SUBMITTED, *NEWEST, "triaged_seq")


def _upsert_known() -> Insert:
    """Upsert that takes a submission unless the ticket was erased, a snapshot if it is newer, and the triage step.

    A submission that comes again, or late, leaves what an agent has corrected.
    """
    given = record_set(TICKETS, KNOWN)
    new = insert(TICKETS).from_select(KNOWN, select(*(given.c[name] for name in KNOWN)).order_by(given.c.id))
    old, told = TICKETS.c, new.excluded
    is_submission = and_(told.submitted_at.is_not(None), old.erased_at.is_(None))
    is_newer = old.seq < told.seq
    values: dict[str, Any] = {name: case((is_submission, told[name]), else_=old[name]) for name in SUBMITTED}
    values |= {
        name: case((and_(is_submission, edited_at.is_(None)), told[name]), else_=old[name])
        for name, edited_at in CORRECTED.items()
    }
    values |= {name: case((is_newer, told[name]), else_=old[name]) for name in NEWEST}
    values["number"] = case((or_(is_submission, is_newer), told.number), else_=old.number)
    values["triaged_seq"] = func.coalesce(told.triaged_seq, old.triaged_seq)
    is_news = or_(is_submission, is_newer, told.triaged_seq.is_not(None))
    return new.on_conflict_do_update(index_elements=["id"], set_=values, where=is_news)


UPSERT_KNOWN = _upsert_known()
"""Built once: every step of every ticket's life runs it."""


async def project_tickets(session: Session, events: Iterable[Event]) -> None:
    """Applies submissions and lifecycle events to the ticket projection in one statement."""
    rows: dict[UUID, dict[str, Any]] = {}
    for event in events:
        if isinstance(event, TicketSubmitted):
            _row_of(rows, event.ticket_id).update(_of_submission(event))
        elif isinstance(event, LifecycleEvent):
            row = _row_of(rows, event.ticket_id)
            if event.snapshot.seq > row["seq"]:
                row.update(_of_snapshot(event.snapshot))
            if isinstance(event, TicketTriaged):
                row["triaged_seq"] = event.seq
    if rows:
        await (await session.connection()).execute(UPSERT_KNOWN, {ROWS: list(rows.values())})


async def hold_tickets(session: Session, events: Iterable[Event]) -> None:
    """Locks, or makes, the rows of all tickets that these events change, in the order of their ids.

    Applied one after the other they would lock rows in the order of what the events say of them.
    """
    rows: dict[UUID, dict[str, Any]] = {}
    for event in events:
        if isinstance(event, (TicketSubmitted, LifecycleEvent, TicketEdited)) or _says_something_of_its_ticket(event):
            _row_of(rows, event.entity_id)
    if len(rows) > 1:
        await (await session.connection()).execute(UPSERT_KNOWN, {ROWS: list(rows.values())})


def _says_something_of_its_ticket(event: Event) -> bool:
    """Whether it is a message that says who replied, or where to write to and in which thread."""
    if not isinstance(event, MessagePosted):
        return False
    is_reply = event.author.kind is ActorKind.AGENT and event.author.id is not None
    has_address = event.mail_id is not None or event.requester_address is not None
    return is_reply or (has_address and not event.is_automatic)


REPLIED = ("id", "last_responder_id", "last_responded_at")


def _upsert_replied() -> Insert:
    given = record_set(TICKETS, REPLIED)
    new = insert(TICKETS).from_select(REPLIED, select(*(given.c[name] for name in REPLIED)).order_by(given.c.id))
    old, told = TICKETS.c, new.excluded
    is_newer = or_(old.last_responded_at.is_(None), old.last_responded_at < told.last_responded_at)
    return new.on_conflict_do_update(
        index_elements=["id"],
        set_={name: told[name] for name in REPLIED[1:]},
        where=and_(old.erased_at.is_(None), is_newer),
    )


UPSERT_REPLIED = _upsert_replied()


async def project_replies(session: Session, events: Iterable[Event]) -> None:
    """Stores which agent wrote the newest reply of each ticket, in one statement."""
    newest: dict[UUID, MessagePosted] = {}
    for event in events:
        if isinstance(event, MessagePosted) and event.author.kind is ActorKind.AGENT and event.author.id:
            known = newest.get(event.ticket_id)
            if known is None or known.received_at < event.received_at:
                newest[event.ticket_id] = event
    rows = [
        {
            "id": str(reply.ticket_id),
            "last_responder_id": str(reply.author.id),
            "last_responded_at": reply.received_at.isoformat(),
        }
        for reply in newest.values()
    ]
    if rows:
        await (await session.connection()).execute(UPSERT_REPLIED, {ROWS: rows})


def _row_of(rows: dict[UUID, dict[str, Any]], ticket_id: UUID) -> dict[str, Any]:
    return rows.setdefault(ticket_id, {"id": str(ticket_id), "alert": True, "seq": 0})


def _of_submission(event: TicketSubmitted) -> dict[str, Any]:
    return {
        "number": event.number,
        "subject": event.subject,
        "requester_email": with_ascii_domain(event.requester.email),
        "requester_name": event.requester.name,
        "requester_language": event.requester.language,
        "follows": str(event.follows) if event.follows else None,
        "alert": event.alert,
        "submitted_at": event.received_at.isoformat(),
        "root_mail_id": event.mail_id,
    }


def _of_snapshot(seen: TicketSnapshot) -> dict[str, Any]:
    return {
        "number": seen.number,
        "seq": seen.seq,
        "team_id": str(seen.team_id) if seen.team_id else None,
        "assignee_id": str(seen.assignee_id) if seen.assignee_id else None,
    }


@singledispatch
async def project(event: Event, session: Session) -> None:
    """Applies an event to the other projections; idempotent, in any order."""


@project.register
async def _(event: MessagePosted, session: Session) -> None:
    """Stores the requester's newest mail, to be threaded on, and where they wrote from; automatic answers count not."""
    await _note_reply_address(event, session)
    if event.mail_id is None or event.is_automatic or event.author.kind is not ActorKind.REQUESTER:
        return
    told = {"last_mail_id": event.mail_id, "last_mail_at": event.received_at}
    is_newer = or_(Ticket.last_mail_at.is_(None), Ticket.last_mail_at < event.received_at)
    is_theirs = or_(
        Ticket.requester_email.is_(None), func.lower(Ticket.requester_email) == address_key(event.author.email or "")
    )
    statement = insert(Ticket).values(id=event.ticket_id, **told)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[Ticket.id], set_=told, where=and_(Ticket.erased_at.is_(None), is_newer, is_theirs)
        )
    )


async def _note_reply_address(event: MessagePosted, session: Session) -> None:
    if event.requester_address is None or event.is_automatic:
        return
    told = {"reply_email": with_ascii_domain(event.requester_address), "reply_email_at": event.received_at}
    is_newer = or_(Ticket.reply_email_at.is_(None), Ticket.reply_email_at < event.received_at)
    statement = insert(Ticket).values(id=event.ticket_id, **told)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[Ticket.id], set_=told, where=and_(Ticket.erased_at.is_(None), is_newer)
        )
    )


@project.register
async def _(event: AgentChanged, session: Session) -> None:
    told = {
        "email": with_ascii_domain(event.email),
        "name": event.name,
        "is_active": event.is_active,
        "is_available": event.is_available,
        "is_administrator": event.is_administrator,
        "sees_all_tickets": event.sees_all_tickets,
        "language": event.language,
        "version": event.version,
    }
    await _upsert_newer(session, Agent, event.agent_id, told)
    if not event.is_active:
        await _settle_again(session, event.agent_id)


async def _settle_again(session: Session, agent_id: UUID) -> None:
    """Whom the mails that wait for an agent who is not active any more are for is found out anew.

    They waited for a digest, for the agent's hours or for another attempt. What has to be acted on goes to the next who
    can, the rest to nobody: what one of them carries of other tickets is not for whoever can act on this one.
    """
    is_gone = select(Agent.id).where(Agent.id == agent_id, Agent.is_active.is_(False)).exists()
    theirs = (
        IS_DUE,
        Delivery.agent_id == agent_id,
        Delivery.status == DeliveryStatus.QUEUED,
        Delivery.channel == DeliveryChannel.MAIL,
    )
    waiting = await lock_in_order(session, Delivery.id, *theirs, is_gone)
    await session.execute(
        update(Delivery)
        .where(Delivery.id.in_(waiting))
        .values(
            status=DeliveryStatus.WAITING.value,
            next_attempt_at=None,
            address=None,
            name=None,
            bundle=None,
            attempts=0,
            facts=Delivery.facts.op("-")(BUNDLED),
        )
    )


@project.register
async def _(event: ParticipantChanged, session: Session) -> None:
    """Stores a participant unless the ticket was erased."""
    if await session.scalar(select(Ticket.erased_at).where(Ticket.id == event.ticket_id)):
        return
    told = {
        "email": with_ascii_domain(event.email),
        "name": event.name,
        "state": event.state.value,
        "version": event.version,
    }
    key = participant(event.email).key
    statement = insert(Participant).values(ticket_id=event.ticket_id, key=key, **told)
    applied = await session.scalar(
        statement.on_conflict_do_update(
            index_elements=[Participant.ticket_id, Participant.key],
            set_=told,
            where=Participant.version < told["version"],
        ).returning(Participant.key)
    )
    if applied is not None and event.state in (ParticipantState.REMOVED, ParticipantState.DECLINED):
        await _keep_back(session, event.ticket_id, key, f"they have {event.state.value}")


@project.register
async def _(event: TicketMentioned, session: Session) -> None:
    """Whoever is mentioned follows the ticket."""
    await _upsert_followers(session, event.ticket_id, event.agent_ids, event.mentioned_at, is_following=True)


@project.register
async def _(event: FollowerChanged, session: Session) -> None:
    changed_at, is_following = event.changed_at, event.is_following
    await _upsert_followers(session, event.ticket_id, [event.agent_id], changed_at, is_following=is_following)


async def _upsert_followers(
    session: Session, ticket_id: UUID, agent_ids: Iterable[UUID], changed_at: datetime, *, is_following: bool
) -> None:
    told = {"is_following": is_following, "changed_at": changed_at}
    rows = [{"ticket_id": ticket_id, "agent_id": agent_id, **told} for agent_id in sorted(agent_ids)]
    new = insert(TicketFollower)
    newer = {name: new.excluded[name] for name in told}
    await session.execute(
        new.on_conflict_do_update(
            index_elements=[TicketFollower.ticket_id, TicketFollower.agent_id],
            set_=newer,
            where=TicketFollower.changed_at < new.excluded.changed_at,
        ),
        rows,
    )


async def _keep_back(session: Session, ticket_id: UUID, recipient: str, reason: str) -> None:
    """Drops the unsent mails to a removed participant."""
    await session.execute(
        update(Delivery)
        .where(
            Delivery.ticket_id == ticket_id,
            Delivery.recipient == recipient,
            Delivery.status.in_([DeliveryStatus.WAITING, DeliveryStatus.QUEUED]),
        )
        .values(status=DeliveryStatus.DROPPED.value, next_attempt_at=None, last_error=reason, facts={})
    )


@project.register
async def _(event: TeamChanged, session: Session) -> None:
    told = {
        "name": event.name,
        "lead_id": event.lead_id,
        "member_ids": list(event.member_ids),
        "worker_ids": None if event.worker_ids is None else list(event.worker_ids),
        "viewer_ids": None if event.viewer_ids is None else list(event.viewer_ids),
        "lineage": list(event.lineage),
        "version": event.version,
    }
    await _upsert_newer(session, Team, event.team_id, told)


@project.register
async def _(event: RequesterErased, session: Session) -> None:
    await add_tombstones(session, event.ticket_ids, event.erased_at)


@project.register
async def _(event: TicketErased, session: Session) -> None:
    await add_tombstones(session, (event.ticket_id,), event.erased_at)


async def _upsert_newer(session: Session, table: type[Agent | Team], row_id: object, told: dict[str, Any]) -> None:
    statement = insert(table).values(id=row_id, **told)
    await session.execute(
        statement.on_conflict_do_update(index_elements=[table.id], set_=told, where=table.version < told["version"])
    )
