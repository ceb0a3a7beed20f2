"""An old client's way in: a topic with its old number, and a key brought along."""

import secrets

from sqlalchemy import update

from services.intake.access.key_scopes import KeyScope
from services.intake.commands.keys import put_key
from services.intake.models import Topic
from services.intake.osticket.keys import old_key
from tests.services.intake.harness import IntakeHarness
from tests.services.intake.osticket.old_client import OldClient
from tests.support.eventually import eventually

TOPIC_NUMBER = 10


async def brought_along(intake: IntakeHarness) -> OldClient:
    """A client program that was written for osTicket, with its key."""
    text = secrets.token_hex(16).upper()
    key = old_key(text)
    assert key is not None
    async with intake.database.begin() as session:
        await session.execute(update(Topic).where(Topic.slug == "online-banking").values(legacy_id=TOPIC_NUMBER))
        await put_key(session, key, "old", [KeyScope.CREATE], per_minute=100_000, is_legacy=True)

    async def is_known() -> None:
        assert await intake.app.state.app_state.topics.find_legacy(TOPIC_NUMBER)

    await eventually(is_known)
    return OldClient(intake, text)
