"""Since when outgoing mails bear a token in their envelope sender, so that only a report with it proves a bounce.

Noted in the database by the one process that cleans up: a mail that was sent before keeps the rule of its time.
"""

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from services.notification.models.return_tokens import return_tokens
from shared.kit.db import Session

THE_ONE = 1


async def note_switch(session: Session, *, is_on: bool) -> None:
    """Notes that tokens are sent from now on, unless that is noted; or that they are no more."""
    if is_on:
        await session.execute(insert(return_tokens).values(id=THE_ONE, since=func.now()).on_conflict_do_nothing())
    else:
        await session.execute(delete(return_tokens))


async def is_token_expected(session: Session, sent_at: datetime | None) -> bool:
    """Whether a mail sent at that moment bears a token; one of which it is not recorded when is taken for a new one."""
    since = await session.scalar(select(return_tokens.c.since))
    return since is not None and (sent_at is None or sent_at >= since)
