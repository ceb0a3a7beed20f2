"""How many invitations one mailbox may send and get in a day: counted in the database, shared by all replicas."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete

from services.intake.abuse.daily_counts import DailyCounts
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
        self._counts = DailyCounts(settings)

    async def take(self, session: Session, inviter: Inviter, guest: str, at: datetime) -> bool:
        """Counts one invitation; False if a limit is reached.

        Rows are locked in the order inviter, network, guest; callers go through guests in alphabetical order, so that
        two transactions cannot deadlock.
        """
        for scope, who, limit in self._counted(inviter, guest):
            if limit and not await self._counts.take(session, scope, who, limit, at):
                return False
        return True

    def _counted(self, inviter: Inviter, guest: str) -> Iterator[tuple[str, str, int]]:
        yield "mailbox", mailbox_key(inviter.email), self._settings.invitations_per_mailbox_per_day
        if inviter.address is not None:
            yield "network", network_of(inviter.address), self._settings.invitations_per_address_per_day
        yield "guest", mailbox_key(guest), self._settings.invitations_per_guest_per_day


async def forget_counts(session: Session) -> None:
    """Deletes the counts of days that are over."""
    await session.execute(delete(InvitationCount).where(InvitationCount.day < (utc_now() - KEPT).date()))
