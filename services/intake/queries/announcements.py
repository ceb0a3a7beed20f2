"""Reading announcements: what is shown now, and all of them in pages."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select, tuple_

from services.intake.models import Announcement
from services.intake.queries.tickets import cursor_after, position_of
from shared.kit.db import Session

MAX_CURRENT = 20
"""Announcements shown at a time: more would not be read."""


async def current_announcements(session: Session, at: datetime) -> Sequence[Announcement]:
    """What is shown at that instant: urgent ones first, then the latest."""
    query = select(Announcement).where(
        Announcement.starts_at <= at, or_(Announcement.ends_at.is_(None), Announcement.ends_at > at)
    )
    newest_first = query.order_by(Announcement.is_urgent.desc(), Announcement.starts_at.desc(), Announcement.id.desc())
    return (await session.scalars(newest_first.limit(MAX_CURRENT))).all()


async def list_announcements(session: Session, limit: int, cursor: str | None) -> tuple[list[Announcement], str | None]:
    """One page of all announcements, the latest start first, and where the next begins. Raises Problem 422."""
    query = select(Announcement).order_by(Announcement.starts_at.desc(), Announcement.id.desc())
    if position := position_of(cursor):
        query = query.where(tuple_(Announcement.starts_at, Announcement.id) < position)
    found = list(await session.scalars(query.limit(limit + 1)))
    page = found[:limit]
    return page, cursor_after(page[-1].starts_at, page[-1].id.hex) if len(found) > len(page) else None
