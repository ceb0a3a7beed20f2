"""Messages as they are shown: each is rendered when somebody first looks at it, and kept with its row."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import bindparam, update

from services.intake.models import Message
from shared.contracts.vocabulary import BodyFormat
from shared.kit.db import Database
from shared.kit.user_content.renderer import BodyRenderer
from shared.kit.user_content.rendering import VERSION

KEEP = (
    update(Message)
    .where(Message.id == bindparam("shown_id"), Message.body == bindparam("shown_body"))
    .values(rendered=bindparam("html"), renderer=VERSION)
    .execution_options(synchronize_session=False)
)
"""Unless the words have changed meanwhile, as when they were erased."""


async def rendered_bodies(database: Database, digester: BodyRenderer, messages: Iterable[Message]) -> dict[UUID, str]:
    """The safe HTML of each message, by its id."""
    shown: dict[UUID, str] = {}
    fresh: list[dict[str, object]] = []
    for message in messages:
        if message.renderer == VERSION and message.rendered is not None:
            shown[message.id] = message.rendered
            continue
        rendered, is_lasting = await digester.show_for_now(message.body, message.body_format)
        html = shown[message.id] = rendered.html
        if is_lasting and message.body_format is not BodyFormat.TEXT:
            fresh.append({"shown_id": message.id, "shown_body": message.body, "html": html})
    if fresh:
        async with database.begin() as session:
            connection = await session.connection()
            await connection.execute(KEEP, fresh)
    return shown
