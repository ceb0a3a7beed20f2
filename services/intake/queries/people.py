"""Which addresses are one person's, as the desk has said."""

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import aliased

from services.intake.models import PersonAddress, Ticket
from shared.kit.addresses import address_key
from shared.kit.db import Session


def belongs_to(ticket: type[Ticket], email: ColumnElement[str] | str) -> ColumnElement[bool]:
    """Whether a ticket was sent by whoever has this address, from it or from another of theirs."""
    sent_from = func.lower(ticket.requester_email)
    one, other = aliased(PersonAddress), aliased(PersonAddress)
    are_one = exists().where(one.email == sent_from, other.email == email, one.requester_id == other.requester_id)
    return or_(sent_from == email, are_one)


async def addresses_of_person(session: Session, email: str) -> list[str]:
    """Every address of whoever has this one, itself first."""
    email = address_key(email)
    own = select(PersonAddress.requester_id).where(PersonAddress.email == email).scalar_subquery()
    others = select(PersonAddress.email).where(PersonAddress.requester_id == own, PersonAddress.email != email)
    return [email, *await session.scalars(others.order_by(PersonAddress.email))]
