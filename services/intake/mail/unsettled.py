"""Finding kept mails by what became of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import literal_column, select, tuple_, union

from services.intake.models import RawMail, RawMailState
from shared.kit.addresses import address_key
from shared.kit.db import Session
from shared.kit.http.problems import not_found


class MailPosition(NamedTuple):
    """Where a page of mails ended."""

    received_at: datetime
    id: UUID


async def page_of_mails(
    session: Session, state: RawMailState, sender: str | None, limit: int, after: MailPosition | None
) -> Sequence[RawMail]:
    """Mails in a state, newest first; of one address, in the envelope or in `From`, if it is given."""
    wanted = select(RawMail).where(RawMail.state == state)
    if sender is not None:
        address = address_key(sender)
        by_sender = select(RawMail.id).where(RawMail.sender == address)
        by_author = select(RawMail.id).where(RawMail.author == address, RawMail.author != literal_column("''"))
        wanted = wanted.where(RawMail.id.in_(union(by_sender, by_author)))
    if after is not None:
        wanted = wanted.where(tuple_(RawMail.received_at, RawMail.id) < after)
    newest = wanted.order_by(RawMail.received_at.desc(), RawMail.id.desc()).limit(limit)
    return (await session.scalars(newest)).all()


async def find_mail(session: Session, mail_id: UUID) -> RawMail:
    """One mail. Raises Problem 404."""
    mail = await session.get(RawMail, mail_id)
    if mail is None:
        raise not_found("mail")
    return mail
