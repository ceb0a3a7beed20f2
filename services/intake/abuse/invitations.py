"""How many invitations one mailbox may send and get in a day: counted in the database, shared by all replicas."""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from services.intake.models import InvitationCount
from services.intake.settings import IntakeSettings
from shared.kit.addresses import mailbox_key
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.client_address import network_of

KEPT = timedelta(days=1)
"""How long the counts of a day that is over are kept."""


@dataclass(frozen=True, slots=True)
class Inviter:
    """Who is held to account for an invitation."""

    email: str
    address: str | None = None
    """The client's IP address, where they are on a page of ours."""


class InvitationLimits:
    """Counts each invitation against its sender, their network and its receiver."""

    def __init__(self, settings: IntakeSettings) -> None:
        self._settings = settings
        secret = settings.link_secret.get_secret_value().encode()
        self._key = hashlib.sha256(b"invitation-count\0" + secret).digest()

    async def take(self, session: Session, inviter: Inviter, guest: str, at: datetime) -> bool:
        """Counts one invitation; False if a limit is reached.

        Rows are locked in the order inviter, network, guest; callers go through guests in alphabetical order, so that
        two transactions cannot deadlock.
        """
        for scope, who, limit in self._counted(inviter, guest):
            if limit and not await self._count(session, scope, who, limit, at):
                return False
        return True

    def _counted(self, inviter: Inviter, guest: str) -> Iterator[tuple[str, str, int]]:
        yield "mailbox", mailbox_key(inviter.email), self._settings.invitations_per_mailbox_per_day
        if inviter.address is not None:
            yield "network", network_of(inviter.address), self._settings.invitations_per_address_per_day
        yield "guest", mailbox_key(guest), self._settings.invitations_per_guest_per_day

    async def _count(self, session: Session, scope: str, who: str, limit: int, at: datetime) -> bool:
        digest = hmac.digest(self._key, f"{scope}\0{who}".encode(), "sha256").hex()
        statement = insert(InvitationCount).values(scope=scope, digest=digest, day=at.date(), count=1)
        counted = statement.on_conflict_do_update(
            index_elements=[InvitationCount.scope, InvitationCount.digest, InvitationCount.day],
            set_={"count": InvitationCount.count + 1},
            where=InvitationCount.count < limit,
        ).returning(InvitationCount.count)
        return await session.scalar(counted) is not None


async def forget_counts(session: Session) -> None:
    """Deletes the counts of days that are over."""
    await session.execute(delete(InvitationCount).where(InvitationCount.day < (utc_now() - KEPT).date()))
