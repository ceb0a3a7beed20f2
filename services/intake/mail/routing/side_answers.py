"""Recognises answers of third parties to mails that agents sent them beside a ticket.

A Message-ID of such a mail is signed and tells the address it went to. Only a mail from that address is an answer:
whoever else has the id (because the mail was passed on) is heard as if the id were not there.
"""

from collections.abc import Collection
from functools import partial

from sqlalchemy import select

from services.intake.mail.parsing.auto_reply_detection import Authorship
from services.intake.mail.parsing.parser import ReadMail
from services.intake.mail.routing.decision import SideAnswer
from services.intake.models import SideMail, Ticket
from shared.kit.auth import MailAudience, MailReference, MailThreads
from shared.kit.db import Session


async def find_side_answer(
    session: Session, threads: MailThreads, mail: ReadMail, sender: str, trusted_servers: Collection[str]
) -> SideAnswer | None:
    """Returns what a mail answers beside a ticket; None for every other mail, and where that was erased."""
    read = ((message_id, threads.read_reference(message_id)) for message_id in mail.thread_ids)
    side = [(name, one) for name, one in read if one is not None and one.audience is MailAudience.THIRD_PARTY]
    is_bounce = mail.nature is Authorship.BOUNCE and mail.is_delivery_report
    is_meant = partial(_did_fail, threads, mail) if is_bounce else partial(threads.was_sent_to, address=sender)
    answered, reference = next(((name, one) for name, one in side if is_meant(one)), ("", None))
    if reference is None or not await _is_there(session, reference):
        return None
    assert reference.mail_id is not None
    is_verified = mail.authenticated_by is not None and mail.authenticated_by in trusted_servers
    return SideAnswer(reference.ticket_id, reference.mail_id, is_bounce, is_verified, answered)


async def _is_there(session: Session, reference: MailReference) -> bool:
    ticket = await session.get(Ticket, reference.ticket_id)
    is_erased = select(SideMail.message_id).where(SideMail.message_id == reference.mail_id, SideMail.is_erased)
    return ticket is not None and ticket.erased_at is None and await session.scalar(is_erased) is None


def _did_fail(threads: MailThreads, mail: ReadMail, reference: MailReference) -> bool:
    """Whether a report says that the mail did not reach whom it went to; one in no form that names them is believed.

    A report of a delay says no such thing, and one that names somebody else proves nothing.
    """
    if not mail.has_delivery_status:
        return True
    return any(threads.was_sent_to(reference, address) for failed in mail.failed for address in failed.addresses)
