"""Applies agents' corrections of tickets; one that comes late never overwrites a newer one."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, null, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from services.notification.models import Ticket
from services.notification.projection import TICKETS, project
from shared.contracts.base import Instant
from shared.contracts.events import Person, TicketEdited
from shared.kit.addresses import address_key, with_ascii_domain
from shared.kit.db import Session


@project.register
async def _(event: TicketEdited, session: Session) -> None:
    """What mails say from now on, and whom they go to, whether or not the submission has come already."""
    given, told = dict[str, Any](), dict[str, Any]()
    if event.subject is not None:
        is_newer = _is_before(Ticket.subject_edited_at, event.edited_at)
        given |= {"subject": event.subject, "subject_edited_at": event.edited_at}
        told["subject"] = case((is_newer, event.subject), else_=Ticket.subject)
        told["subject_edited_at"] = func.greatest(Ticket.subject_edited_at, event.edited_at)
    if event.requester is not None:
        given |= _values(event.requester) | {"requester_edited_at": event.edited_at}
        told |= _requester(event.requester, event.edited_at)
    if told:
        new = insert(Ticket).values(id=event.ticket_id, **given)
        await session.execute(
            new.on_conflict_do_update(index_elements=[Ticket.id], set_=told, where=Ticket.erased_at.is_(None))
        )


def _values(who: Person) -> dict[str, Any]:
    return {
        "requester_email": with_ascii_domain(who.email),
        "requester_name": who.name,
        "requester_language": who.language,
    }


def _requester(who: Person, at: Instant) -> dict[str, Any]:
    """Somebody else is answered at their own address, unless the requester has written from another since."""
    is_newer = _is_before(Ticket.requester_edited_at, at)
    is_same = func.lower(Ticket.requester_email) == address_key(who.email)
    values = _values(who)
    values["requester_language"] = case((is_same, Ticket.requester_language), else_=who.language)
    told = {name: case((is_newer, value), else_=TICKETS.c[name]) for name, value in values.items()}
    is_older = and_(is_newer, _is_before(Ticket.reply_email_at, at))
    return told | {
        "requester_edited_at": func.greatest(Ticket.requester_edited_at, at),
        "reply_email": case((is_older, null()), else_=Ticket.reply_email),
        "reply_email_at": case((is_older, at), else_=Ticket.reply_email_at),
    }


def _is_before(known: InstrumentedAttribute[datetime | None], at: datetime) -> ColumnElement[bool]:
    """Whether nothing is known that is as new as this."""
    return or_(known.is_(None), known < at)
