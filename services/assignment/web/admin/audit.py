"""The audit log as a page: who changed what, from where, and what differs."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.status import HTTP_308_PERMANENT_REDIRECT

from services.assignment.api.audit import audit_csv
from services.assignment.commands.audit import KINDS
from services.assignment.deps import State
from services.assignment.queries.audit import AuditFilters
from services.assignment.queries.team_members import everybodys_names
from services.assignment.schemas.audit import AuditEntryView
from services.assignment.web.admin.audit_sources import INTAKES, read_logs
from services.assignment.web.admin.sections import AgentsPageCaller
from services.assignment.web.admin.version_changes import changes_between
from services.assignment.web.page_base import DeskPageRoute, TheDesk

PATH = "/admin/audit"
router = APIRouter(route_class=DeskPageRoute)

PER_PAGE = 50
AWAY = "The intake service does not answer: changes of topics, announcements, bans and API keys are not in this list."
KIND_NAMES = {
    kind: kind.replace("-", " ").capitalize().replace("Sla", "SLA").replace("Api", "API").replace("Rollout", "Roll-out")
    for kind in (*KINDS.values(), *sorted(INTAKES))
}


async def get_asked(
    actor: Annotated[str, Query(max_length=64)] = "",
    kind: Annotated[str, Query(max_length=64)] = "",
    subject: Annotated[str, Query(max_length=255)] = "",
    since: Annotated[str, Query(alias="from", max_length=10)] = "",
    until: Annotated[str, Query(alias="to", max_length=10)] = "",
) -> dict[str, str]:
    """The filters as the form says them."""
    asked = {"actor": actor, "kind": kind, "subject": subject.strip(), "from": since, "to": until}
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
) -> Response:
    """A page of changes, newest first: the desk's and intake's."""
    log = await read_logs(context, caller, _filters(asked), PER_PAGE, (cursor, intake_cursor))
    async with context.database.begin() as session:
        agents = await everybodys_names(session)
    following = {"cursor": log.own_cursor, "intake_cursor": log.intake_cursor}
    words = {name: value for name, value in asked.items() if value}
    return desk.render(
        request,
        "admin/audit.html",
        caller,
        notices=[("warning", AWAY)] if log.is_incomplete else [],
        entries=[
            (entry, _title(entry), changes_between(entry.before or {}, entry.after or {}), is_intakes)
            for entry, is_intakes in log.entries
        ],
        asked=asked,
        kinds=list(KIND_NAMES.items()),
        agents=agents,
        next_url=f"{PATH}?{urlencode(words | {name: one for name, one in following.items() if one})}"
        if log.has_more
        else None,
        table_url=f"{PATH}/export?{urlencode(words)}",
    )


@router.get(f"{PATH}/export")
async def get_export(context: State, _: AgentsPageCaller, asked: Asked) -> Response:
    """The same changes as a table, all pages of them."""
    return audit_csv(context, _filters(asked))


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


def _title(entry: AuditEntryView) -> dict[str, Any]:
    kind, _, verb = entry.action.rpartition(".")
    return {"kind": KIND_NAMES.get(kind, kind.capitalize()), "verb": verb}
