"""What intake tells of addresses: what their owners want to hear, and which mails came back."""

from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.notification.models import Delivery, RecipientAddress
from services.notification.projection import project
from services.notification.recipient_addresses import mark_bounced
from services.notification.return_tokens import is_token_expected
from shared.contracts.events import MailBounced, MailPreferencesChanged
from shared.kit.db import Session

CAME_BACK = "came back: "
UNPROVED = "an unproved report says that it came back: "
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
