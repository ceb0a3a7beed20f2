"""Limits the bytes of files that were uploaded on portal pages and are not attached to a ticket yet."""

from sqlalchemy import func, select

from services.intake.models import Attachment
from shared.kit.db import Database
from shared.kit.http.problems import Problem

FORMS = "form:"
"""How the owner of such a file begins."""


async def check_upload_quota(database: Database, limit: int) -> None:
    """Keeps a flood of uploads from filling the disk. Raises Problem 422 once `limit` bytes wait."""
    query = select(func.coalesce(func.sum(Attachment.size), 0)).where(
        Attachment.ticket_id.is_(None), Attachment.owner.startswith(FORMS)
    )
    async with database.begin() as session:
        waiting = await session.scalar(query)
    if waiting is None or waiting < limit:
        return
    raise Problem(
        422, "too_many_files_waiting", "no file can be taken just now; send your text without, and files later"
    )
