"""Removes events past the feed's retention, and what the ledger of webhooks says of them."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from services.notification.models.event_feed import feed_events
from services.notification.models.webhooks import webhook_deliveries
from shared.kit.clock import utc_now
from shared.kit.db import Session


async def forget_events(session: Session, keep: timedelta) -> None:
    """Deletes events that entered the feed longer than `keep` ago."""
    oldest: datetime = utc_now() - keep
    newest_first = feed_events.c.recorded_at.desc(), feed_events.c.position.desc()
    over = select(feed_events.c.position).where(feed_events.c.recorded_at < oldest).order_by(*newest_first).limit(1)
    last = await session.scalar(over)  # planned for any age, `max(position)` walks back from the feed's end, all of it
    if last is not None:
        await session.execute(delete(webhook_deliveries).where(webhook_deliveries.c.position <= last))
        await session.execute(delete(feed_events).where(feed_events.c.position <= last))
