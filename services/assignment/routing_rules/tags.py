"""Applies tags decided by routing rules to tickets."""

from collections.abc import Sequence

from sqlalchemy import ARRAY, String, Uuid, bindparam, text

from services.assignment.models import RoutingDecision
from shared.kit.db import Database, Session


async def add_tags(session: Session, decisions: Sequence[RoutingDecision]) -> None:
    """Adds the tags of decisions to their tickets in the read model; idempotent. Agents' own tags stay.

    No statement is sent where there are no tags.
    """
    rows = [
        {"tagged_id": one.ticket_id, "new_tags": tags}
        for one in sorted(decisions, key=lambda one: one.ticket_id)
        if (tags := list(one.evidence.get("tags", ())))
    ]
    if rows:
        connection = await session.connection()
        await connection.execute(_ADD, rows)


async def tag_applied(database: Database, decisions: Sequence[RoutingDecision]) -> None:
    """Adds the tags of decisions whose result was found out by recovery, not by the workflow's direct answer."""
    applied = [one for one in decisions if one.state == "applied" and one.evidence.get("tags")]
    if applied:
        async with database.begin() as session:
            await add_tags(session, applied)


_ADD = text(
    "update tickets set tags = array(select distinct tag from unnest(tags || :new_tags) as given(tag) order by tag)"
    " where id = :tagged_id"
).bindparams(bindparam("new_tags", type_=ARRAY(String(64))), bindparam("tagged_id", type_=Uuid()))
