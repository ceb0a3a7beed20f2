"""The audit log, newest first, a page at a time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select

from services.assignment.schemas.audit import AuditEntryView
from shared.kit.audit_log import audit_log
from shared.kit.db import Database, Session
from shared.kit.http.paging import Page, decode_cursor, encode_cursor

EXPORTED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class AuditFilters:
    """What the log is narrowed to; an empty text narrows nothing."""

    actor: str = ""
    """An agent's id."""
    kind: str = ""
    """A kind of thing, such as `role`."""
    subject: str = ""
    """The id, slug or exact name of a thing."""
    since: datetime | None = None
    until: datetime | None = None
    """Not included."""


async def list_audit_entries(
    session: Session, filters: AuditFilters, limit: int, cursor: str | None
) -> Page[AuditEntryView]:
    """A page of entries. Raises Problem 422 for a cursor not ours."""
    position = decode_cursor(cursor, int)
    query = _narrowed(filters, int(position[0]) if position else None).limit(limit + 1)
    rows = (await session.execute(query)).mappings().all()
    views = [_view(dict(row)) for row in rows]
    following = encode_cursor(views[limit - 1].seq) if len(views) > limit else None
    return Page(items=views[:limit], next_cursor=following)


async def all_audit_entries(database: Database, filters: AuditFilters) -> AsyncIterator[AuditEntryView]:
    """Every entry, read in parts that each have a short transaction of their own."""
    before: int | None = None
    while True:
        async with database.begin() as session:
            rows = (await session.execute(_narrowed(filters, before).limit(EXPORTED_AT_ONCE))).mappings().all()
        for row in rows:
            yield _view(dict(row))
        if len(rows) < EXPORTED_AT_ONCE:
            return
        before = rows[-1]["seq"]


def _narrowed(filters: AuditFilters, before: int | None) -> Select[tuple[object, ...]]:
    columns = audit_log.c
    query = select(*(columns[name] for name in AuditEntryView.model_fields)).order_by(columns.seq.desc())
    if before is not None:
        query = query.where(columns.seq < before)
    if filters.actor:
        query = query.where(columns.actor_id == filters.actor)
    if filters.kind:
        query = query.where(columns.action.startswith(f"{filters.kind}.", autoescape=True))
    if filters.subject:
        query = query.where((columns.subject_id == filters.subject) | (columns.subject_name == filters.subject))
    if filters.since:
        query = query.where(columns.at >= filters.since)
    if filters.until:
        query = query.where(columns.at < filters.until)
    return query


def _view(row: dict[str, object]) -> AuditEntryView:
    digest = row["hash"]
    return AuditEntryView.model_validate(row | {"hash": digest.hex() if isinstance(digest, bytes) else digest})
