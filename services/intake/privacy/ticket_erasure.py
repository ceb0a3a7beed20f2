"""Erasing what people wrote on tickets: the one way, whether they asked for it or its time was over."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, select, update

from services.intake.commands.satisfaction import forget_comments
from services.intake.models import (
    Attachment,
    KnownIncident,
    LinkRevocation,
    MailAncestor,
    MailId,
    Message,
    NewestDecision,
    Participant,
    RawMail,
    SideMail,
    Ticket,
)
from shared.contracts.events import (
    AccessLinkRequested,
    CsatRated,
    Event,
    IncidentChanged,
    MessageEdited,
    MessagePosted,
    NoteAdded,
    NoteReceived,
    NotificationFailed,
    ParticipantChanged,
    ParticipantDecided,
    SideMessageReceived,
    SideMessageSent,
    TicketEdited,
    TicketSubmitted,
)
from shared.contracts.vocabulary import ActorKind, BodyFormat, Status
from shared.kit import outbox
from shared.kit.auth import TicketLinks
from shared.kit.db import Session
from shared.kit.http.idempotency import forget_about
from shared.kit.http.problems import Problem
from shared.kit.tables import idempotency_responses as responses

ERASED = "[erased]"
PORTAL_ANSWERS = "portal:submit"
"""The scope of answers that are a link to the ticket, in which its id and the address are encoded."""
TELLING: tuple[type[Event], ...] = (
    TicketSubmitted,
    MessagePosted,
    MessageEdited,
    TicketEdited,
    NoteAdded,
    NoteReceived,
    SideMessageSent,
    SideMessageReceived,
    ParticipantChanged,
    ParticipantDecided,
    AccessLinkRequested,
    NotificationFailed,
    CsatRated,
    IncidentChanged,
)
"""Events about a ticket that tell what people wrote, or who they are. Those of its life tell neither."""


def subjects_of(ticket_id: UUID) -> list[str]:
    """Where those events of a ticket are on the bus."""
    return [f"{event.type()}.{ticket_id}" for event in TELLING]


async def erase_tickets(session: Session, links: TicketLinks, ids: Sequence[UUID], at: datetime) -> set[str]:
    """Empties tickets of what people wrote and were called; returns the digests of files that they held.

    Numbers, instants and statuses stay. Raises Problem 409 unless all are closed.
    """
    held = select(Ticket.id, Ticket.status, Ticket.requester_email).where(Ticket.id.in_(ids))
    rows = (await session.execute(held.order_by(Ticket.id).with_for_update())).all()
    if any(row.status is not Status.CLOSED for row in rows):
        raise tickets_open(sum(row.status is not Status.CLOSED for row in rows))
    await _redact(session, ids, at)
    await session.execute(delete(Participant).where(Participant.ticket_id.in_(ids)))
    await session.execute(delete(NewestDecision).where(NewestDecision.ticket_id.in_(ids)))
    await session.execute(delete(LinkRevocation).where(LinkRevocation.ticket_id.in_(ids)))
    await session.execute(delete(SideMail).where(SideMail.ticket_id.in_(ids)))
    await forget_comments(session, list(ids))
    await session.execute(update(KnownIncident).where(KnownIncident.ticket_id.in_(ids)).values(title=""))
    await session.execute(delete(MailId).where(MailId.ticket_id.in_(ids)))
    await session.execute(delete(MailAncestor).where(MailAncestor.ticket_id.in_(ids)))
    await forget_about(session, {str(ticket_id) for ticket_id in ids})
    await _forget_links(session, links, set(ids))
    await outbox.forget(session, [subject for ticket_id in ids for subject in subjects_of(ticket_id)])
    return await remove_files(session, Attachment.ticket_id.in_(ids), RawMail.ticket_id.in_(ids))


async def remove_files(session: Session, attachments: ColumnElement[bool], mails: ColumnElement[bool]) -> set[str]:
    """Removes the rows of files and mails, and returns what they pointed to in the object store."""
    files = await session.scalars(delete(Attachment).where(attachments).returning(Attachment.digest))
    raw = await session.scalars(delete(RawMail).where(mails).returning(RawMail.digest))
    return {*files, *raw}


def tickets_open(count: int) -> Problem:
    """Work goes on: erasing would take it away from under somebody."""
    return Problem(
        409,
        "tickets_open",
        f"{count} of the tickets {'is' if count == 1 else 'are'} not closed; close them first, or say close_open",
    )


async def _redact(session: Session, ids: Sequence[UUID], at: datetime) -> None:
    await session.execute(
        update(Ticket)
        .where(Ticket.id.in_(ids))
        .values(
            requester_email="",
            requester_name=ERASED,
            requester_phone=None,
            requester_language=None,
            subject=ERASED,
            fields={},
            cc=[],
            erased_at=at,
        )
    )
    is_agent = Message.author_kind == ActorKind.AGENT
    await session.execute(
        update(Message)
        .where(Message.ticket_id.in_(ids))
        .values(
            author_name=case((is_agent, Message.author_name), else_=ERASED),
            author_email=case((Message.author_email.is_not(None), "")),
            body=ERASED,
            body_format=BodyFormat.TEXT,
            quoted="",
            mail_id=None,
            rendered=None,
        )
    )


async def _forget_links(session: Session, links: TicketLinks, ids: set[UUID]) -> None:
    stored = select(responses.c.key, responses.c.body).where(responses.c.scope == PORTAL_ANSWERS)
    keys = [row.key for row in await session.execute(stored) if _leads_to(links, row.body, ids)]
    await session.execute(delete(responses).where(responses.c.scope == PORTAL_ANSWERS, responses.c.key.in_(keys)))


def _leads_to(links: TicketLinks, token: bytes, ids: set[UUID]) -> bool:
    link = links.read(token.decode(errors="replace"))
    return link is not None and link.ticket_id in ids
