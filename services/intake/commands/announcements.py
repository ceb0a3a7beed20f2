"""What everybody should know before they ask: put up, changed and taken down."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.intake.models import Announcement
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import not_found


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementContent:
    """What an administrator says; shown from `starts_at`, or at once, until `ends_at`, or for good."""

    title: str
    body: str
    is_urgent: bool = False
    starts_at: datetime | None = None
    ends_at: datetime | None = None


async def create_announcement(session: Session, content: AnnouncementContent) -> Announcement:
    """Puts an announcement up."""
    now = utc_now()
    announcement = Announcement(id=new_id(), created_at=now)
    _fill(announcement, content, content.starts_at or now, now)
    session.add(announcement)
    await session.flush()
    return announcement


async def replace_announcement(session: Session, announcement_id: UUID, content: AnnouncementContent) -> Announcement:
    """Says it anew; without `starts_at` it goes on from when it started. Raises Problem 404."""
    announcement = await get_announcement(session, announcement_id)
    _fill(announcement, content, content.starts_at or announcement.starts_at, utc_now())
    await session.flush()
    return announcement


async def delete_announcement(session: Session, announcement_id: UUID) -> None:
    """Takes it down for good. Raises Problem 404."""
    await session.delete(await get_announcement(session, announcement_id))


async def get_announcement(session: Session, announcement_id: UUID) -> Announcement:
    """One announcement, current or not. Raises Problem 404."""
    announcement = await session.get(Announcement, announcement_id)
    if announcement is None:
        raise not_found("announcement")
    return announcement


def _fill(announcement: Announcement, content: AnnouncementContent, starts_at: datetime, now: datetime) -> None:
    announcement.title, announcement.body, announcement.is_urgent = content.title, content.body, content.is_urgent
    announcement.starts_at, announcement.ends_at, announcement.updated_at = starts_at, content.ends_at, now
