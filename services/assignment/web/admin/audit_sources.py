"""Merges the audit logs of the desk, of intake and of notification into one paged list."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from services.assignment.api.audit import COLUMNS
from services.assignment.app_state import AppState
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.audit import AuditFilters, list_audit_entries
from services.assignment.schemas.audit import AuditEntryView
from services.assignment.schemas.csv_tables import csv_table, text_cell
from services.assignment.web.admin.intake.admin_client import ADMIN, administrator
from shared.kit.http.paging import encode_cursor
from shared.kit.http.problems import Problem

DESK, INTAKE, NOTIFICATION = "desk", "intake", "notification"
INTAKES = frozenset({"topic", "topic-order", "announcement", "ban", "api-key", "alert-source"})
NOTIFICATIONS = frozenset(
    {
        "webhook",
        "event-token",
        "notification-target",
        "notification-rules",
        "agent-notification",
        "mail-template",
        "csat-survey",
        "address",
        "delivery-replay",
    }
)
KINDS_OF: Mapping[str, frozenset[str]] = {INTAKE: INTAKES, NOTIFICATION: NOTIFICATIONS}
"""The kinds that the other services' logs hold; every other kind is the desk's."""
CURSORS: Mapping[str, str] = {DESK: "cursor", INTAKE: "intake_cursor", NOTIFICATION: "notification_cursor"}
"""Each log with the parameter of the page that says where it goes on."""
EXPORTED_AT_ONCE = 200
Cursors = Mapping[str, str | None]
Sourced = tuple[AuditEntryView, str]
"""An entry, and whose log it is in: entries are numbered in each."""


@dataclass(frozen=True, slots=True)
class MergedLog:
    """Changes of all logs, newest first, and where each log goes on; None where it has not begun."""

    entries: Sequence[Sourced]
    cursors: Cursors
    has_more: bool
    away: Sequence[str]
    """The services that did not answer, so that their changes are missing."""


async def read_logs(
    context: AppState, caller: Caller, filters: AuditFilters, limit: int, cursors: Cursors, source: str = ""
) -> MergedLog:
    """The next changes of all, or of one source. Raises Problem 422 for a cursor that is not ours."""
    found: list[Sourced] = []
    away: list[str] = []
    for name in CURSORS:
        if source not in ("", name) or not _has_kind(name, filters.kind):
            continue
        items = await _read(context, caller, name, filters, limit + 1, cursors.get(name))
        if items is None:
            away.append(name)
        found += [(one, name) for one in items or ()]
    found.sort(key=lambda pair: (pair[0].at, pair[0].seq), reverse=True)
    shown = found[:limit]
    following = {name: _after([one for one, its in shown if its == name], cursors.get(name)) for name in CURSORS}
    return MergedLog(shown, following, len(found) > limit, away)


def _has_kind(name: str, kind: str) -> bool:
    if not kind:
        return True
    return kind in KINDS_OF[name] if name in KINDS_OF else not any(kind in kinds for kinds in KINDS_OF.values())


async def _read(
    context: AppState, caller: Caller, name: str, filters: AuditFilters, limit: int, cursor: str | None
) -> list[AuditEntryView] | None:
    """The next entries of one log; None if its service does not answer: the others are shown all the same."""
    if name == DESK:
        async with context.database.begin() as session:
            return (await list_audit_entries(session, filters, limit, cursor)).items
    asked = {
        "kind": filters.kind,
        "subject": filters.subject,
        "actor": filters.actor,
        "from": filters.since.isoformat() if filters.since else "",
        "to": filters.until.isoformat() if filters.until else "",
        "cursor": cursor or "",
        "limit": str(limit),
    }
    query = {name: value for name, value in asked.items() if value}
    siblings = context.siblings
    sibling, path = (siblings.intake, f"{ADMIN}/audit") if name == INTAKE else (siblings.notification, "/v1/audit")
    try:
        page = (await sibling.call(administrator(caller), "GET", path, query=query)).body
    except Problem as problem:
        if problem.status < 500:
            raise
        return None
    return [AuditEntryView.model_validate(item) for item in page["items"]]


def _after(shown: Sequence[AuditEntryView], before: str | None) -> str | None:
    return encode_cursor(shown[-1].seq) if shown else before


async def merged_table(
    context: AppState, caller: Caller, filters: AuditFilters, source: str = ""
) -> AsyncIterator[str]:
    """All changes as lines of a CSV table with the service in front; a last line tells which log is missing."""
    yield csv_table(("service", *COLUMNS))
    cursors: Cursors = {}
    missing: set[str] = set()
    while True:
        log = await read_logs(context, caller, filters, EXPORTED_AT_ONCE, cursors, source)
        for entry, name in log.entries:
            values = entry.model_dump(mode="json").values()
            texts = (one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in values)
            yield csv_table(map(text_cell, (name, *texts)))
        missing.update(log.away)
        if not log.has_more:
            break
        cursors = log.cursors
    for name in sorted(missing):
        yield csv_table((name, "did not answer: its changes are missing", *("" for _ in COLUMNS[1:])))
