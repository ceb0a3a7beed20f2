"""Announces that mails of ours came back, where the report proves it.

Proof is a Message-ID of ours that names the very recipient whom the report says the mail did not reach.
"""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from services.intake.mail.parsing.delivery_reports import FailedRecipient
from services.intake.mail.parsing.parser import ReadMail
from services.intake.models import Ticket
from shared.contracts.base import TicketId
from shared.contracts.events import MailBounced
from shared.kit import outbox
from shared.kit.addresses import blank_address
from shared.kit.auth import MailThreads
from shared.kit.db import Session


async def announce_bounces(session: Session, threads: MailThreads, mail: ReadMail, stored: UUID, at: datetime) -> None:
    """Announces each mail of ours that a report says came back; nothing for any other mail, or an erased ticket."""
    for number, bounced in enumerate(proved_bounces(threads, mail, at)):
        ticket = await session.get(Ticket, bounced.ticket_id)
        if ticket is not None and ticket.erased_at is None:
            await outbox.add(session, bounced, f"{stored}:bounced:{number}", at)


def proved_bounces(threads: MailThreads, mail: ReadMail, at: datetime) -> Iterator[MailBounced]:
    """Returns the mails of ours that a report proves to have come back."""
    if not mail.is_delivery_report:
        return
    for message_id in mail.thread_ids:
        reference = threads.read_reference(message_id)
        if reference is None or reference.audience is None:
            continue
        for failed in mail.failed:
            if any(threads.was_sent_to(reference, address) for address in failed.addresses):
                yield _event(TicketId(reference.ticket_id), message_id, failed, at)


def _event(ticket_id: TicketId, message_id: str, failed: FailedRecipient, at: datetime) -> MailBounced:
    reason = failed.reason
    for address in failed.addresses:
        reason = blank_address(reason, address)
    return MailBounced(
        ticket_id=ticket_id,
        message_id=message_id,
        status=failed.status,
        is_permanent=failed.is_permanent,
        reason=reason,
        bounced_at=at,
    )
