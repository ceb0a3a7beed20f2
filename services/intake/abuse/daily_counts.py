"""Counts of a day, kept in the database under keyed digests and shared by all replicas."""

import hashlib
import hmac
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from services.intake.models import InvitationCount
from services.intake.settings import IntakeSettings
from shared.kit.db import Session


class DailyCounts:
    """How often somebody did something today, for what is limited by the day."""

    def __init__(self, settings: IntakeSettings) -> None:
        secret = settings.link_secret.get_secret_value().encode()
        self._key = hashlib.sha256(b"invitation-count\0" + secret).digest()

    async def take(self, session: Session, scope: str, who: str, limit: int, at: datetime) -> bool:
        """Counts one; False if the day's limit is reached. The row stays locked until the transaction ends."""
        digest = hmac.digest(self._key, f"{scope}\0{who}".encode(), "sha256").hex()
        statement = insert(InvitationCount).values(scope=scope, digest=digest, day=at.date(), count=1)
        counted = statement.on_conflict_do_update(
            index_elements=[InvitationCount.scope, InvitationCount.digest, InvitationCount.day],
            set_={"count": InvitationCount.count + 1},
            where=InvitationCount.count < limit,
        ).returning(InvitationCount.count)
        return await session.scalar(counted) is not None
