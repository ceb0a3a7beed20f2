"""The audit log of configuration changes: append-only rows, each of which carries the hash of the one before.

A row that is changed, removed or put in between breaks the chain from there on. Whoever can write to the database can
compute a whole new chain: note the newest hash that `everdesk audit verify` prints somewhere else to notice that too.
"""

import hashlib
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic_core import to_json, to_jsonable_python
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.kit.db import Session
from shared.kit.tables import NAMING

AUDIT: Final = MetaData(naming_convention=NAMING)
audit_log = Table(
    "audit_log",
    AUDIT,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor_id", String(64), nullable=False),
    Column("actor_name", String(255), nullable=False),
    Column("address", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject_id", String(64), nullable=False),
    Column("subject_name", String(255), nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("ix_audit_log_subject_id_seq", "subject_id", "seq"),
    Index("ix_audit_log_actor_id_seq", "actor_id", "seq"),
    Index("ix_audit_log_action_seq", "action", "seq"),
)
"""`seq` has no gaps; `before` is null for what was added, `after` for what was removed."""

PROTECTION = """
create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_setting('everdesk.prunes_audit_log', true) = 'yes' then return old; end if;
  raise exception 'the audit log is append-only';
end $$;
create trigger audit_log_is_append_only before update or delete on audit_log
  for each row execute function refuse_audit_change();
create trigger audit_log_is_not_emptied before truncate on audit_log
  for each statement execute function refuse_audit_change();
"""
"""What a migration adds to the table: the database itself refuses changes to what was written."""

FIRST_HASH: Final = b"\0" * 32
PRUNED: Final = "audit.pruned"
_CONTENT = ("seq", "at", "actor_id", "actor_name", "address", "action", "subject_id", "subject_name", "before", "after")
_LOCK = func.pg_advisory_xact_lock(func.hashtextextended("audit-log", 0))


@dataclass(frozen=True, slots=True)
class AuditedChange:
    """A change of the configuration: who made it, from which network address, and what it changed."""

    actor_id: str
    actor_name: str
    address: str
    action: str
    """What was done to what, such as `agent.changed`."""
    subject_id: str
    subject_name: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Verification:
    """What walking the chain found."""

    entries: int
    newest_hash: bytes
    broken_at: int | None
    """The first entry that does not follow from the one before; None if all do."""
    reason: str = ""


def add_audit_table(metadata: MetaData) -> None:
    """Makes the table part of a service's own schema, and so of its migrations."""
    audit_log.to_metadata(metadata)


async def append_change(session: Session, change: AuditedChange, now: datetime) -> None:
    """Writes a change into the log, in the transaction that makes it. One at a time, until that ends."""
    await session.execute(select(_LOCK))
    last = (
        await session.execute(select(audit_log.c.seq, audit_log.c.hash).order_by(audit_log.c.seq.desc()).limit(1))
    ).one_or_none()
    row: dict[str, Any] = {
        "seq": last.seq + 1 if last else 1,
        "at": now.astimezone(UTC),
        **{name: getattr(change, name) for name in _CONTENT if name not in {"seq", "at"}},
    }
    row["before"], row["after"] = to_jsonable_python(row["before"]), to_jsonable_python(row["after"])
    previous = last.hash if last else FIRST_HASH
    await session.execute(insert(audit_log).values(**row, previous_hash=previous, hash=_hash_of(row, previous)))


async def prune_audit_log(session: Session, keep: timedelta, now: datetime) -> None:
    """Removes entries older than `keep`, and logs where the chain begins from now on."""
    old = audit_log.c.at < now - keep
    last = (
        await session.execute(
            select(audit_log.c.seq, audit_log.c.hash).where(old).order_by(audit_log.c.seq.desc()).limit(1)
        )
    ).one_or_none()
    if last is None:
        return
    after = {"removed_up_to": last.seq, "hash": last.hash.hex(), "kept_days": keep.days}
    await append_change(session, AuditedChange("", "Everdesk", "", PRUNED, "audit-log", "Audit log", None, after), now)
    await session.execute(text("select set_config('everdesk.prunes_audit_log', 'yes', true)"))
    await session.execute(delete(audit_log).where(audit_log.c.seq <= last.seq))
    await session.execute(text("select set_config('everdesk.prunes_audit_log', '', true)"))


async def verify_chain(rows: AsyncIterable[Mapping[str, Any]]) -> Verification:
    """Walks entries in the order of `seq`, all of them, and recomputes each hash."""
    count, previous, expected = 0, FIRST_HASH, 1
    starts: dict[int, str] = {}
    first: tuple[int, bytes] | None = None
    async for row in rows:
        if first is None:
            first = (row["seq"], row["previous_hash"])
            expected, previous = row["seq"], row["previous_hash"]
        if row["seq"] != expected:
            return Verification(count, previous, expected, "the entry is missing")
        if row["previous_hash"] != previous or row["hash"] != _hash_of(row, previous):
            return Verification(count, previous, row["seq"], "its content does not fit its hash")
        if row["action"] == PRUNED:
            starts[row["after"]["removed_up_to"] + 1] = row["after"]["hash"]
        count, previous, expected = count + 1, row["hash"], expected + 1
    if first and first[1] != FIRST_HASH and starts.get(first[0]) != first[1].hex():
        return Verification(count, previous, first[0], "entries before it were removed, and not by retention")
    return Verification(count, previous, None)


def _hash_of(row: Mapping[str, Any], previous: bytes) -> bytes:
    """Over the content in one fixed form: keys sorted, the instant in UTC."""
    content = {name: row[name] for name in _CONTENT}
    content["at"] = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(previous + to_json(_sorted(content))).digest()


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list | tuple) else value
