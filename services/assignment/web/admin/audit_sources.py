"""Merges the audit logs of the desk and of intake into one paged list."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.assignment.app_state import AppState
from services.assignment.queries.audit import AuditFilters, list_audit_entries
from services.assignment.queries.callers import Caller
from services.assignment.schemas.audit import AuditEntryView
from services.assignment.web.admin.intake.admin_client import ask
from shared.kit.http.paging import encode_cursor
from shared.kit.http.problems import Problem

INTAKES = frozenset({"topic", "topic-order", "announcement", "ban", "api-key", "alert-source"})
"""The kinds that intake's log holds."""


@dataclass(frozen=True, slots=True)
class MergedLog:
    """Changes of both logs, newest first, and where each log goes on; None where it ends or was not asked."""

    entries: Sequence[tuple[AuditEntryView, bool]]
    """Each with whether it is intake's."""
    own_cursor: str | None
    intake_cursor: str | None
    has_more: bool
    is_incomplete: bool
    """Whether intake was away, so that its changes are missing."""


async def read_logs(
    context: AppState, caller: Caller, filters: AuditFilters, limit: int, cursors: tuple[str | None, str | None]
) -> MergedLog:
    """The next changes of both. Raises Problem 422 for a cursor that is not ours."""
    own: list[AuditEntryView] = []
    if not filters.kind or filters.kind not in INTAKES:
        async with context.database.begin() as session:
            own = (await list_audit_entries(session, filters, limit + 1, cursors[0])).items
    others, is_incomplete = await _intakes(context, caller, filters, limit + 1, cursors[1])
    both = [(one, False) for one in own] + [(one, True) for one in others]
    both.sort(key=lambda pair: (pair[0].at, pair[0].seq), reverse=True)
    shown = both[:limit]
    return MergedLog(
        entries=shown,
        own_cursor=_after([one for one, is_intakes in shown if not is_intakes], cursors[0]),
        intake_cursor=_after([one for one, is_intakes in shown if is_intakes], cursors[1]),
        has_more=len(both) > limit,
        is_incomplete=is_incomplete,
    )


async def _intakes(
    context: AppState, caller: Caller, filters: AuditFilters, limit: int, cursor: str | None
) -> tuple[list[AuditEntryView], bool]:
    """Intake's changes, and whether it could not be asked: the desk's own are shown all the same."""
    if filters.kind and filters.kind not in INTAKES:
        return [], False
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
    try:
        page = (await ask(context, caller, "GET", "/audit", query=query)).body
    except Problem as problem:
        if problem.status < 500:
            raise
        return [], True
    return [AuditEntryView.model_validate(item) for item in page["items"]], False


def _after(shown: Sequence[AuditEntryView], before: str | None) -> str | None:
    return encode_cursor(shown[-1].seq) if shown else before
