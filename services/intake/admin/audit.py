"""Intake's audit log of configuration changes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from services.intake.admin.administrators import Admin
from services.intake.api.route import ApiRoute
from services.intake.deps import State
from services.intake.schemas import Moment
from shared.kit.administrator_passes import Administrator
from shared.kit.audit_log import AuditedChange, append_change, audit_log
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.paging import Cursor, Limit, Page, decode_cursor, encode_cursor

UNTOLD = frozenset({"version", "created_at", "updated_at", "last_used_at", "position", "former_fields", "state"})
"""Fields that change by themselves, or say nothing about the change."""
COMMAND_LINE = Administrator("", "The command line", "")
router = APIRouter(prefix="/v1/admin", route_class=ApiRoute, tags=["audit"])


class ChangeView(BaseModel):
    """A change of what intake was told to do."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    seq: int
    """Counts up without a gap, and apart from the desk's log."""
    at: datetime
    actor_id: str
    """An agent's id, or that of an API key."""
    actor_name: str
    address: str
    action: str
    subject_id: str
    subject_name: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    hash: str
    """Of this entry and of the one before it."""


async def record_change(
    session: Session,
    by: Administrator,
    subject: tuple[str, str, str],
    before: BaseModel | Mapping[str, Any] | None,
    after: BaseModel | Mapping[str, Any] | None,
    *,
    note: str = "",
) -> None:
    """Logs a change of a subject (its kind, id and name), if anything differs; `note` tells what may not be shown."""
    old, new = _shown(before), _shown(after)
    if note and new is not None:
        new |= {"note": note}
    if old == new:
        return
    kind, subject_id, name = subject
    verb = "added" if before is None else "removed" if after is None else "changed"
    change = AuditedChange(
        by.id, by.name[:255], by.address, f"{kind}.{verb}", subject_id[:64], name[:255], before=old, after=new
    )
    await append_change(session, change, utc_now())


@router.get("/audit")
async def list_changes(
    _: Admin,
    state: State,
    kind: Annotated[str, Query(max_length=64, description="Such as `topic`")] = "",
    subject: Annotated[str, Query(max_length=255, description="An id or a name")] = "",
    actor: Annotated[str, Query(max_length=64, description="An agent's or a key's id")] = "",
    since: Annotated[Moment | None, Query(alias="from", description="Instant")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Instant, not included")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ChangeView]:
    """Changes of topics, announcements, bans and keys, newest first. Entries are never changed or removed."""
    columns = audit_log.c
    query = select(*(columns[name] for name in ChangeView.model_fields)).order_by(columns.seq.desc()).limit(limit + 1)
    if position := decode_cursor(cursor, int):
        query = query.where(columns.seq < int(position[0]))
    for text, condition in (
        (kind, columns.action.startswith(f"{kind}.", autoescape=True)),
        (subject, (columns.subject_id == subject) | (columns.subject_name == subject)),
        (actor, columns.actor_id == actor),
    ):
        if text and text.isprintable():
            query = query.where(condition)
    if since:
        query = query.where(columns.at >= since)
    if until:
        query = query.where(columns.at < until)
    async with state.database.begin() as session:
        rows = (await session.execute(query)).mappings().all()
    shown = [ChangeView.model_validate(dict(row) | {"hash": row["hash"].hex()}) for row in rows[:limit]]
    return Page(items=shown, next_cursor=encode_cursor(shown[-1].seq) if len(rows) > limit else None)


def _shown(value: BaseModel | Mapping[str, Any] | None) -> dict[str, Any] | None:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude=set(UNTOLD))
    return dict(value) if value is not None else None
