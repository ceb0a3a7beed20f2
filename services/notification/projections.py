"""What notification remembers of tickets, agents and teams; an older word never overwrites a newer one."""

from functools import singledispatch
from typing import Any
from uuid import UUID

from sqlalchemy import Table, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import Insert, insert

from services.notification.decisions import participant
from services.notification.delivery.status import DeliveryStatus
from services.notification.erasure import add_tombstones
from services.notification.models import Agent, Delivery, Participant, Team, Ticket
from shared.contracts.events import (
    AgentChanged,
    Event,
    LifecycleEvent,
    MessagePosted,
    ParticipantChanged,
    RequesterErased,
    TeamChanged,
    TicketErased,
    TicketSubmitted,
    TicketTriaged,
)
from shared.contracts.vocabulary import ActorKind, ParticipantState
from shared.kit.addresses import address_key, with_ascii_domain
from shared.kit.db import Session

TICKETS = Ticket.__table__
assert isinstance(TICKETS, Table)


def _if_newer(table: Table) -> Insert:
    new = insert(table)
    told = {name: new.excluded[name] for name in ("number", "seq", "team_id", "assignee_id")}
    return new.on_conflict_do_update(index_elements=["id"], set_=told, where=table.c.seq < new.excluded.seq)


IF_NEWER = _if_newer(TICKETS)
"""Built once: every step of every ticket's life runs it."""


@singledispatch
async def project(event: Event, session: Session) -> None:
    """Applies an event to the projections; safe to repeat and in any order."""


@project.register
async def _(event: TicketSubmitted, session: Session) -> None:
    told = {
        "number": event.number,
        "subject": event.subject,
        "requester_email": with_ascii_domain(event.requester.email),
        "requester_name": event.requester.name,
        "follows": event.follows,
        "alert": event.alert,
        "submitted_at": event.received_at,
        "root_mail_id": event.mail_id,
    }
    statement = insert(Ticket).values(id=event.ticket_id, **told)
    await session.execute(
        statement.on_conflict_do_update(index_elements=[Ticket.id], set_=told, where=Ticket.erased_at.is_(None))
    )


@project.register
async def _(event: MessagePosted, session: Session) -> None:
    """Remembers which mail of the requester is the newest; programs' answers are nobody's words."""
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


@project.register
async def _apply_snapshot(event: LifecycleEvent, session: Session) -> None:
    seen = event.snapshot
    told = {
        "number": seen.number,
        "seq": seen.seq,
        "team_id": seen.team_id,
        "assignee_id": seen.assignee_id,
    }
    await (await session.connection()).execute(IF_NEWER, {"id": event.ticket_id, **told})


@project.register
async def _(event: TicketTriaged, session: Session) -> None:
    await _apply_snapshot(event, session)
    await session.execute(update(Ticket).where(Ticket.id == event.ticket_id).values(triaged_seq=event.seq))


@project.register
async def _(event: AgentChanged, session: Session) -> None:
    told = {
        "email": with_ascii_domain(event.email),
        "name": event.name,
        "is_active": event.is_active,
        "version": event.version,
    }
    await _upsert_newer(session, Agent, event.agent_id, told)


@project.register
async def _(event: ParticipantChanged, session: Session) -> None:
    """Of an erased ticket nobody is remembered."""
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


async def _keep_back(session: Session, ticket_id: UUID, recipient: str, reason: str) -> None:
    """Drops the mails to somebody in copy that have not gone out yet."""
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
