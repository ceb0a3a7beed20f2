"""Announces that mails of ours came back, where the report proves it.

Proof is a Message-ID of ours that names the very recipient whom the report says the mail did not reach. Whether the
report came to the mail's own envelope sender is announced with it: who has seen a Message-ID can write a report.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from services.intake.mail.parsing.delivery_reports import FailedRecipient
from services.intake.mail.parsing.parser import ReadMail
from services.intake.models import RawMail, Ticket
from shared.contracts.base import TicketId
from shared.contracts.events import MailBounced
from shared.kit import outbox
from shared.kit.addresses import blank_address
from shared.kit.auth import MailThreads
from shared.kit.db import Session
from shared.kit.return_paths import ReturnPaths


@dataclass(frozen=True, slots=True)
class BounceProofs:
    """What recognises mails of ours, and their envelope senders."""

    threads: MailThreads
    return_paths: ReturnPaths


async def announce_bounces(session: Session, proofs: BounceProofs, mail: ReadMail, stored: RawMail) -> None:
    """Announces each mail of ours that a report says came back; nothing for any other mail, or an erased ticket."""
    for number, bounced in enumerate(proved_bounces(proofs, mail, stored.recipients, stored.received_at)):
        ticket = await session.get(Ticket, bounced.ticket_id)
        if ticket is not None and ticket.erased_at is None:
            await outbox.add(session, bounced, f"{stored.id}:bounced:{number}", stored.received_at)


def proved_bounces(
    proofs: BounceProofs, mail: ReadMail, recipients: Collection[str], at: datetime
) -> Iterator[MailBounced]:
    """Returns the mails of ours that a report, which came to these recipients, proves to have come back."""
    threads = proofs.threads
    if not mail.is_delivery_report:
        return
    for message_id in mail.thread_ids:
        reference = threads.read_reference(message_id)
        if reference is None or reference.audience is None:
            continue
        for failed in mail.failed:
            if any(threads.was_sent_to(reference, address) for address in failed.addresses):
                is_proved = proofs.return_paths.is_proved(message_id, recipients)
                yield _event(TicketId(reference.ticket_id), message_id, failed, at, is_proved=is_proved)


def _event(
    ticket_id: TicketId, message_id: str, failed: FailedRecipient, at: datetime, *, is_proved: bool
) -> MailBounced:
    reason = failed.reason
    for address in failed.addresses:
        reason = blank_address(reason, address)
    return MailBounced(
        ticket_id=ticket_id,
        message_id=message_id,
        status=failed.status,
        is_permanent=failed.is_permanent,
        reason=reason,
        is_proved=is_proved,
        bounced_at=at,
    )
