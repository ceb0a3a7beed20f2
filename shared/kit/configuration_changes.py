"""Records changes of a service's configuration in its audit log, and lists them in pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select

from shared.contracts.described_models import DescribedModel
from shared.kit.administrator_passes import Administrator
from shared.kit.audit_log import AuditedChange, append_change, audit_log
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.paging import Page, decode_cursor, encode_cursor

NOT_AUDITED = frozenset({"version", "created_at", "updated_at", "last_used_at", "position", "former_fields", "state"})
"""Fields that change by themselves, or say nothing about the change."""


class ChangeView(DescribedModel):
    """A change of the service's configuration."""

    seq: int
    """Counts up without a gap, apart from the logs of the other services."""
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


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """Which changes are listed; what is empty or None selects all."""

    kind: str = ""
    """Such as `topic`."""
    subject: str = ""
    """An id or a name."""
    actor: str = ""
    since: datetime | None = None
    until: datetime | None = None
    """Not included."""


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


async def list_changes(session: Session, wanted: ChangeFilter, limit: int, cursor: str | None) -> Page[ChangeView]:
    """Returns changes, newest first. Raises Problem 422 for a cursor that is not ours."""
    columns = audit_log.c
    query = select(*(columns[name] for name in ChangeView.model_fields)).order_by(columns.seq.desc()).limit(limit + 1)
    if position := decode_cursor(cursor, int):
        query = query.where(columns.seq < int(position[0]))
    for text, condition in (
        (wanted.kind, columns.action.startswith(f"{wanted.kind}.", autoescape=True)),
        (wanted.subject, (columns.subject_id == wanted.subject) | (columns.subject_name == wanted.subject)),
        (wanted.actor, columns.actor_id == wanted.actor),
    ):
        if text and text.isprintable():
            query = query.where(condition)
    if wanted.since:
        query = query.where(columns.at >= wanted.since)
    if wanted.until:
        query = query.where(columns.at < wanted.until)
    rows = (await session.execute(query)).mappings().all()
    shown = [ChangeView.model_validate(dict(row) | {"hash": row["hash"].hex()}) for row in rows[:limit]]
    return Page(items=shown, next_cursor=encode_cursor(shown[-1].seq) if len(rows) > limit else None)


def _shown(value: BaseModel | Mapping[str, Any] | None) -> dict[str, Any] | None:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude=set(NOT_AUDITED))
    return dict(value) if value is not None else None
