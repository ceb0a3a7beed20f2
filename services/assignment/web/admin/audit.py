"""The audit log as a page: who changed what, from where, and what differs."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from starlette.status import HTTP_308_PERMANENT_REDIRECT

from services.assignment.deps import State
from services.assignment.queries.administration.audit import AuditFilters
from services.assignment.queries.people.team_lists import list_agent_names
from services.assignment.web.admin.audit_sources import (
    CURSORS,
    DESK,
    INTAKE,
    NOTIFICATION,
    merged_table,
    read_logs,
)
from services.assignment.web.admin.audit_words import KIND_NAMES, title_of
from services.assignment.web.admin.sections import AgentsPageCaller
from services.assignment.web.admin.version_changes import changes_between
from services.assignment.web.page_base import DeskPageRoute, TheDesk
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.messages import marked as _

PATH = "/admin/audit"
router = HttpRouter(route_class=DeskPageRoute)

PER_PAGE = 50
AWAY = {
    INTAKE: _(
        "The intake service does not answer: changes of topics, announcements, bans and API keys are missing here."
    ),
    NOTIFICATION: _(
        "The notification service does not answer: changes of mails, rules, targets and webhooks are missing here."
    ),
}
SOURCES = [(DESK, _("The desk")), (INTAKE, _("Intake")), (NOTIFICATION, _("Notification"))]


async def get_asked(
    actor: Annotated[str, Query(max_length=64)] = "",
    kind: Annotated[str, Query(max_length=64)] = "",
    subject: Annotated[str, Query(max_length=255)] = "",
    since: Annotated[str, Query(alias="from", max_length=10)] = "",
    until: Annotated[str, Query(alias="to", max_length=10)] = "",
    service: Annotated[str, Query(max_length=16)] = "",
) -> dict[str, str]:
    """The filters as the form says them."""
    service = service if service in CURSORS else ""
    asked = {"actor": actor, "kind": kind, "subject": subject.strip(), "from": since, "to": until, "service": service}
    return {name: value if value.isprintable() else "" for name, value in asked.items()}


Asked = Annotated[dict[str, str], Depends(get_asked)]


@router.get(PATH)
async def show_log(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: AgentsPageCaller,
    asked: Asked,
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
    intake_cursor: Annotated[str | None, Query(max_length=1024)] = None,
    notification_cursor: Annotated[str | None, Query(max_length=1024)] = None,
) -> Response:
    """A page of changes of all services, newest first."""
    cursors = {DESK: cursor, INTAKE: intake_cursor, NOTIFICATION: notification_cursor}
    log = await read_logs(context, caller, _filters(asked), PER_PAGE, cursors, asked["service"])
    async with context.database.begin() as session:
        agents = await list_agent_names(session)
    following = {CURSORS[name]: one for name, one in log.cursors.items() if one}
    words = {name: value for name, value in asked.items() if value}
    return desk.render(
        request,
        "admin/audit.html",
        caller,
        notices=[("warning", gettext(AWAY[name])) for name in log.away],
        entries=[
            (
                entry,
                title_of(entry.action, entry.subject_name),
                changes_between(entry.before or {}, entry.after or {}),
                source,
            )
            for entry, source in log.entries
        ],
        asked=asked,
        kinds=translated_options(KIND_NAMES.items()),
        agents=agents,
        sources=translated_options(SOURCES),
        next_url=f"{PATH}?{urlencode(words | following)}" if log.has_more else None,
        table_url=f"{PATH}/export?{urlencode(words)}",
    )


@router.get(f"{PATH}/export")
async def get_export(context: State, caller: AgentsPageCaller, asked: Asked) -> Response:
    """The same changes as a table, all pages of them."""
    lines = merged_table(context, caller, _filters(asked), asked["service"])
    headers = {"Content-Disposition": 'attachment; filename="audit-log.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(lines, media_type="text/csv", headers=headers)


@router.get("/admin/audit-log")
@router.get("/admin/audit-log/export")
async def show_former(request: Request, _: AgentsPageCaller) -> Response:
    """The page's former address leads to the one it has now."""
    path = request.url.path.replace("/admin/audit-log", PATH, 1)
    return RedirectResponse(f"{path}?{request.url.query}".rstrip("?"), HTTP_308_PERMANENT_REDIRECT)


def _filters(asked: dict[str, str]) -> AuditFilters:
    since, until = _day(asked["from"]), _day(asked["to"])
    return AuditFilters(
        asked["actor"], asked["kind"], asked["subject"], since, until + timedelta(days=1) if until else None
    )


def _day(text: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) if text else None
    except ValueError:
        return None
