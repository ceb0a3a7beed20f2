"""Who is not let in, as the doors for mail ask it."""

from ipaddress import ip_network

from sqlalchemy import func, or_, select

from services.intake.models import Ban
from shared.kit.db import Database, Session
from shared.kit.http.limits import read_address


class Bans:
    """Looks bans up where nothing else is under way."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, email: str, address: str = "") -> str | None:
        """Why this sender, or this network address, is refused; None if it is not."""
        async with self._database.begin() as session:
            return await find_ban(session, email, address)


async def find_ban(session: Session, email: str, address: str = "") -> str | None:
    """The reason of the ban that fits, if one does."""
    plain = email.casefold()
    exact = [plain, f"@{plain.rpartition('@')[2]}"] if plain else []
    is_valid = or_(Ban.expires_at.is_(None), Ban.expires_at > func.now())
    found = await session.scalar(select(Ban.reason).where(Ban.pattern.in_(exact), is_valid).limit(1))
    if found is not None or (read := read_address(address)) is None:
        return found or None
    networks = await session.execute(select(Ban.pattern, Ban.reason).where(Ban.pattern.notlike("%@%"), is_valid))
    return next((reason for pattern, reason in networks if read in ip_network(pattern, strict=False)), None)
