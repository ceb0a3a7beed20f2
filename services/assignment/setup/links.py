"""One-time set-up links; only digests are stored, and no password is preset."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.models import Agent, Installation, SetupLink, table_of
from services.assignment.settings import AssignmentSettings
from shared.kit.auth import digest_of, new_token
from shared.kit.db import Session

VALID_FOR = timedelta(days=7)


async def make_link(session: Session, settings: AssignmentSettings, now: datetime) -> str | None:
    """The address of a new link; None once somebody can sign in, for then they let others in."""
    if await has_administrator(session):
        return None
    token = new_token()
    await keep_link(session, token, now)
    return f"{settings.desk_url.rstrip('/')}/welcome/{token}"


async def keep_link(session: Session, token: str, now: datetime) -> None:
    """Lets a token that was made elsewhere work, for as long from now as a new one; not one that was used."""
    values = {"digest": digest_of(token), "created_at": now, "expires_at": now + VALID_FOR}
    await session.execute(insert(table_of(Installation)).values(id=1).on_conflict_do_nothing())
    kept = insert(table_of(SetupLink)).values(values)
    again = {"expires_at": kept.excluded.expires_at}
    await session.execute(kept.on_conflict_do_update(index_elements=["digest"], set_=again))


async def find_link(session: Session, token: str, now: datetime, *, lock: bool = False) -> SetupLink | None:
    """The link of a token, if it still lets somebody in."""
    query = select(SetupLink).where(
        SetupLink.digest == digest_of(token), SetupLink.used_at.is_(None), SetupLink.expires_at > now
    )
    link = await session.scalar(query.with_for_update() if lock else query)
    return link if link is not None and not await has_administrator(session) else None


async def has_administrator(session: Session) -> bool:
    """Whether anybody can sign in."""
    query = select(Agent.id).where(Agent.is_active, Agent.password_hash.is_not(None)).limit(1)
    return await session.scalar(query) is not None
