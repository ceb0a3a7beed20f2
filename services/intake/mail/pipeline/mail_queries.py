"""Finding kept mails by what became of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import literal_column, select, tuple_, union
from sqlalchemy.orm import aliased

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
    if after is not None:
        wanted = wanted.where(tuple_(RawMail.received_at, RawMail.id) < after)
    newest = wanted.order_by(RawMail.received_at.desc(), RawMail.id.desc()).limit(limit)
    if sender is None:
        return (await session.scalars(newest)).all()
    address = address_key(sender)
    is_author = (RawMail.author == address) & (RawMail.author != literal_column("''"))
    either = union(newest.where(RawMail.sender == address), newest.where(is_author)).subquery()
    mail = aliased(RawMail, either)
    return (await session.scalars(select(mail).order_by(mail.received_at.desc(), mail.id.desc()).limit(limit))).all()


async def find_mail(session: Session, mail_id: UUID) -> RawMail:
    """One mail. Raises Problem 404."""
    mail = await session.get(RawMail, mail_id)
    if mail is None:
        raise not_found("mail")
    return mail
