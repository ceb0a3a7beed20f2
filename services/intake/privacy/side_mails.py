"""What intake holds of third parties: mails that agents and they write to each other beside a ticket.

Assignment owns those conversations. Intake keeps whose each mail is, so that an erasure finds what an address has.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from services.intake.models import Attachment, Erasure, RawMail, SideMail, Ticket
from services.intake.privacy.erasure_announcement import announce
from services.intake.privacy.ticket_erasure import remove_files
from shared.contracts.base import MessageId
from shared.contracts.events import Event, SideMessageReceived, SideMessageSent
from shared.contracts.events.side_conversations import side_event_id
from shared.kit import outbox
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.requester_ids import RequesterIds
from shared.kit.tombstones import lock_against_erasure


async def keep_side_mails(session: Session, ids: RequesterIds, events: Iterable[Event]) -> None:
    """Notes whose the mails are. Those of somebody who was erased since are erased as well.

    An answer is noted when it comes in; a report that a mail came back is of whoever that went to.
    """
    await lock_against_erasure(session, is_erasing=False)
    noted: list[UUID] = []
    for event in events:
        match event:
            case SideMessageSent():
                await _note(session, event, ids.of(event.email), event.sent_at)
                noted.append(event.message_id)
            case SideMessageReceived():
                query = select(SideMail.requester_id).where(SideMail.message_id == event.answered_id)
                if (requester_id := await session.scalar(query)) is not None:
                    await _note(session, event, requester_id, event.received_at)
                noted.append(event.message_id)
    await _erase_late(session, noted)


async def _note(
    session: Session, event: SideMessageSent | SideMessageReceived, requester_id: UUID, at: datetime
) -> None:
    """Once; not what is beside a ticket that was erased, where nothing is held any more."""
    is_erased = select(Ticket.id).where(Ticket.id == event.ticket_id, Ticket.erased_at.is_not(None))
    if await session.scalar(is_erased) is not None:
        return
    row = {"message_id": event.message_id, "ticket_id": event.ticket_id, "requester_id": requester_id, "at": at}
    await session.execute(insert(SideMail).values(row).on_conflict_do_nothing())


async def _erase_late(session: Session, noted: Sequence[UUID]) -> None:
    """What was written before an erasure, and became known here after it."""
    since = select(Erasure.id).where(Erasure.requester_id == SideMail.requester_id, Erasure.erased_at >= SideMail.at)
    late = select(SideMail).where(SideMail.message_id.in_(noted), SideMail.is_erased.is_(False), since.exists())
    by_person: dict[UUID, list[SideMail]] = {}
    for mail in await session.scalars(late.order_by(SideMail.message_id)):
        by_person.setdefault(mail.requester_id, []).append(mail)
    for requester_id, mails in by_person.items():
        message_ids, now = [MessageId(mail.message_id) for mail in mails], utc_now()
        erasure = Erasure(
            id=new_id(),
            requester_id=requester_id,
            ticket_ids=[],
            took_part_in=sorted({mail.ticket_id for mail in mails}),
            digests=sorted(await erase_side_mails(session, message_ids)),
            erased_at=now,
        )
        await announce(session, erasure, (), message_ids)


async def find_side_mails(session: Session, requester_ids: Collection[UUID]) -> Sequence[SideMail]:
    """Returns what is held of third parties whose addresses have these digests."""
    theirs = SideMail.requester_id.in_(requester_ids), SideMail.is_erased.is_(False)
    return (await session.scalars(select(SideMail).where(*theirs).order_by(SideMail.message_id))).all()


async def erase_side_mails(session: Session, message_ids: Collection[UUID]) -> set[str]:
    """Removes mails and files that were received, and returns their digests; that there were mails stays known."""
    mails = SideMail.message_id.in_(message_ids)
    beside = select(SideMail.ticket_id).where(mails)
    files = Attachment.ticket_id.in_(beside) & Attachment.message_id.in_(message_ids)
    digests = await remove_files(session, files, RawMail.message_id.in_(message_ids))
    await session.execute(update(SideMail).where(mails).values(is_erased=True))
    await outbox.forget_events(session, [side_event_id(message_id) for message_id in message_ids])
    return digests
