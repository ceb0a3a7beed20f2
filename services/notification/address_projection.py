"""What intake tells of addresses: what their owners want to hear, and which mails came back."""

from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.notification.decisions.side_conversations import third_party
from services.notification.models import Delivery, RecipientAddress
from services.notification.projection import project
from services.notification.recipient_addresses import mark_bounced
from services.notification.return_tokens import is_token_expected
from shared.contracts.events import MailBounced, MailPreferencesChanged, NotificationFailed, SideMessageReceived
from shared.kit import outbox
from shared.kit.db import Session

CAME_BACK = "came back: "
UNPROVED = "an unproved report says that it came back: "
NOT_DELIVERED = "A mail server reports that the mail could not be delivered."
LATEST_REPORT = timedelta(days=7)
"""How long mail servers try at most before they report; five days is usual."""


@project.register
async def _(event: MailPreferencesChanged, session: Session) -> None:
    """Stores the newest choice."""
    told = {"wanted": event.wanted, "changed_at": event.changed_at}
    new = insert(RecipientAddress).values(key=event.address_key, **told)
    is_newer = RecipientAddress.changed_at < event.changed_at
    await session.execute(new.on_conflict_do_update(index_elements=[RecipientAddress.key], set_=told, where=is_newer))


@project.register
async def _(event: MailBounced, session: Session) -> None:
    """Says on the mail's row that it came back; marks its address if nothing else would arrive either.

    A report that did not come to the mail's own envelope sender marks nothing where it had one, and one long after the
    mail nothing at all: answers quote Message-IDs, and whoever reads one could write a report.
    """
    mails = Delivery.ticket_id == event.ticket_id, func.lower(Delivery.message_id) == event.message_id.lower()
    rows = await session.execute(
        select(Delivery.id, Delivery.address, Delivery.sent_at, Delivery.last_error).where(
            *mails, Delivery.address.is_not(None)
        )
    )
    for row in rows.all():
        is_believed = event.is_proved or not await is_token_expected(session, row.sent_at)
        said = f"{CAME_BACK if is_believed else UNPROVED}{event.reason or event.status}"[:1000]
        is_news = is_believed or not (row.last_error or "").startswith(CAME_BACK)
        if is_news:
            await session.execute(update(Delivery).where(Delivery.id == row.id).values(last_error=said))
        is_in_time = row.sent_at is None or event.bounced_at - row.sent_at <= LATEST_REPORT
        if event.is_permanent and is_in_time and is_believed:
            await mark_bounced(session, row.address, event.reason or event.status, event.bounced_at)


@project.register
async def _(event: SideMessageReceived, session: Session) -> None:
    """Judges a report about a mail to a third party as those about other mails are; says so if it is believed.

    One that is proved by itself needs nobody to say so.
    """
    if not event.is_bounce:
        return
    theirs = Delivery.ticket_id == event.ticket_id, Delivery.recipient == third_party(event.answered_id).key
    columns = (Delivery.id, Delivery.cause, Delivery.template, Delivery.sent_at, Delivery.last_error)
    row = (await session.execute(select(*columns).where(*theirs))).first()
    if row is None:
        return
    is_in_time = row.sent_at is None or event.received_at - row.sent_at <= LATEST_REPORT
    is_believed = event.is_proved or (is_in_time and not await is_token_expected(session, row.sent_at))
    if row.last_error is None or (is_believed and not row.last_error.startswith(CAME_BACK)):
        said = f"{CAME_BACK if is_believed else UNPROVED}{NOT_DELIVERED}"
        await session.execute(update(Delivery).where(Delivery.id == row.id).values(last_error=said))
    if is_believed and event.is_proved is False:
        failed = NotificationFailed(
            delivery_id=row.id,
            ticket_id=event.ticket_id,
            cause=row.cause,
            template=row.template,
            reason=NOT_DELIVERED,
            failed_at=event.received_at,
        )
        await outbox.add(session, failed, f"{row.id}:came-back:{event.message_id}", event.received_at)
