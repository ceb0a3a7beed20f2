"""Pages of a major incident: its children, similar tickets, updates to all requesters, and their progress."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.status import HTTP_202_ACCEPTED

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import Keyed, create
from services.assignment.commands.tickets.incidents import declare_incident, end_incident
from services.assignment.deps import State
from services.assignment.desk_jobs import incident_jobs
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.incidents import get_incident, list_children
from services.assignment.queries.ticket_page.similar_tickets import list_similar
from services.assignment.queries.ticket_page.tickets import AuthorizedTicket, get_ticket
from services.assignment.schemas.actions import ActionInput
from services.assignment.schemas.desk import BulkView
from services.assignment.schemas.incidents import ChildrenInput, ChildrenShown, IncidentInput, IncidentUpdateInput
from services.assignment.web.forms import errors_of
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.queue_work import JobPage, bulk_page
from services.assignment.web.refusal_texts import refusal_text
from services.assignment.web.ticket_actions import onwards
from services.assignment.web.ticket_writing import checked_form
from shared.contracts.vocabulary import BodyFormat, Permission
from shared.kit.clock import new_id
from shared.kit.db import Session
from shared.kit.http.app import canonical
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.idempotency import fingerprint
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, pgettext
from shared.kit.i18n.messages import marked as _

router = HttpRouter(route_class=DeskPageRoute)
PER_PAGE = 25
SHORT_LIST = 10
"""Rows of a list that is shown open; a longer one is opened by whoever wants it, so that a phone shows what follows."""
JOB_NAMES = {
    "attach": _("Attach tickets"),
    "detach": _("Detach tickets"),
    "replies": _("Update to all requesters"),
    "resolve": _("Resolve children"),
}
SUGGESTED = 50
SELECTED_ABOVE = 0.5
"""The likeness above which a similar ticket is selected beforehand."""
CAN = {
    Permission.TICKET_EDIT: "edit",
    Permission.TICKET_REPLY: "reply",
    Permission.TICKET_RESOLVE: "resolve_children",
}
NOTHING_GIVEN: Mapping[str, str] = MappingProxyType({})
Shown = Annotated[ChildrenShown, Query()]
PageCursor = Annotated[str | None, Query(max_length=256)]


@router.get("/tickets/{number}/incident")
async def show_incident(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    number: str,
    show: Shown = ChildrenShown.ALL,
    cursor: PageCursor = None,
) -> Response:
    """The children, similar tickets, and what was done to all of them."""
    return await _page(request, desk, context, caller, number, {"show": show, "cursor": cursor})


@router.post("/tickets/{number}/incident")
async def post_declaration(request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """Declares the ticket a major incident, or changes what requesters are shown of it."""
    values = await checked_form(request)
    await _require(context, caller, number, Permission.TICKET_EDIT)
    title = values.get("public_title")
    try:
        body = IncidentInput(public_title=title.strip() if title is not None else None)
        await declare_incident(context, caller, number, body)
    except ValidationError:
        errors = (("public_title", gettext("Write one line of at most 255 characters.")),)
        return await _page(request, desk, context, caller, number, {"errors": errors, "title": title, "status": 422})
    except Problem as problem:
        if problem.status != 409:
            raise
        return await onwards(desk, context, caller, number, ("danger", refusal_text(problem.detail)))
    said = (
        gettext("This is a major incident now. Attach the tickets it is about.")
        if title is None
        else pgettext("notice", "Changed.")
    )
    return desk.redirect(_path(number), ("success", said))


@router.post("/tickets/{number}/incident/end")
async def post_end(request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """Takes the declaration back."""
    await checked_form(request)
    await end_incident(context, caller, number)
    return await onwards(desk, context, caller, number, ("success", gettext("The major incident is ended.")))


@router.post("/tickets/{number}/incident/attach")
async def post_attach(request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """Makes the selected tickets children."""
    form = await request.form()
    _check(request, form)
    await _require(context, caller, number, Permission.TICKET_EDIT)
    if (chosen := _chosen(form)) is None:
        return desk.redirect(_path(number), ("warning", gettext("Select at least one ticket first.")))
    call = _keyed(caller, number, "attach")
    return await _start(
        desk, context, call, lambda session: incident_jobs.attach_children(session, caller, number, chosen)
    )


@router.post("/tickets/{number}/incident/detach")
async def post_detach(request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """Takes the selected children out."""
    form = await request.form()
    _check(request, form)
    await _require(context, caller, number, Permission.TICKET_EDIT)
    if (chosen := _chosen(form)) is None:
        return desk.redirect(_path(number), ("warning", gettext("Select at least one ticket first.")))
    call = _keyed(caller, number, "detach")
    return await _start(
        desk, context, call, lambda session: incident_jobs.detach_children(session, caller, number, chosen)
    )


@router.post("/tickets/{number}/incident/update")
async def post_update(request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """Tells every child's requester, or shows the form again with the reason why not."""
    values = await checked_form(request)
    await _require(context, caller, number, Permission.TICKET_REPLY)
    written = values.get("body", "").replace("\r\n", "\n")
    try:
        body = IncidentUpdateInput(body=written, body_format=BodyFormat.MARKDOWN)
        await incident_jobs.check_update(context, body)
    except ValidationError as error:
        state = {"errors": errors_of(error), "written": written, "status": 422}
        return await _page(request, desk, context, caller, number, state)
    except Problem as problem:
        if problem.status != 422:
            raise
        state = {"errors": (("body", refusal_text(problem.detail)),), "written": written, "status": 422}
        return await _page(request, desk, context, caller, number, state)
    call = _keyed(caller, number, "update", values)
    return await _start(
        desk, context, call, lambda session: incident_jobs.tell_requesters(session, caller, number, body)
    )


@router.post("/tickets/{number}/incident/resolve")
async def post_resolve(request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """Resolves the children."""
    values = await checked_form(request)
    await _require(context, caller, number, Permission.TICKET_RESOLVE)
    call = _keyed(caller, number, "resolve", values)
    return await _start(
        desk, context, call, lambda session: incident_jobs.resolve_children(session, caller, number, ActionInput())
    )


@router.get("/tickets/{number}/incident/jobs/{job_id}")
async def show_job(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    number: str,
    job_id: UUID,
    cursor: PageCursor = None,
) -> Response:
    """How far an action on the children has come, with the result of each."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, number)
        place = (found.ticket.id, job_id)
        job = await incident_jobs.get_incident_job(session, caller, place, incident_jobs.RESULTS, cursor)
    page = JobPage(gettext(JOB_NAMES[job.action]), _path(number), may_stop=job.is_own)
    return bulk_page(request, desk, caller, job, page)


async def _page(
    request: Request, desk: DeskPages, context: AppState, caller: Caller, number: str, state: dict[str, Any]
) -> Response:
    show = state.get("show", ChildrenShown.ALL)
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, number)
        incident = await get_incident(session, caller, found.ticket)
        children = await list_children(session, caller, found.ticket.id, show, PER_PAGE, state.get("cursor"))
        suggestions = await list_similar(session, caller, found.ticket, SUGGESTED)
        jobs = await incident_jobs.list_incident_jobs(session, caller, found.ticket.id)
    return desk.render(
        request,
        "ticket/incident.html",
        caller,
        state.get("status", 200),
        ticket=incident.ticket,
        incident=incident,
        children=children,
        suggestions=suggestions,
        jobs=jobs,
        is_running=any(job.finished_at is None for job in jobs),
        words={action: gettext(name) for action, name in JOB_NAMES.items()},
        show=show.value,
        is_list_open="show" in request.query_params or incident.children.total <= SHORT_LIST,
        short_list=SHORT_LIST,
        selected_above=SELECTED_ABOVE,
        can=_can(found),
        errors=state.get("errors", ()),
        written=state.get("written", ""),
        public_title=state.get("title", incident.public_title),
        form_id=str(new_id()),
    )


def _can(found: AuthorizedTicket) -> set[str]:
    return {name for permission, name in CAN.items() if permission in found.permissions}


def _check(request: Request, form: FormData) -> None:
    token = form.get("csrf_token")
    check_form_token(request, token if isinstance(token, str) else "")


def _chosen(form: FormData) -> ChildrenInput | None:
    """The tickets that were selected; None if none was."""
    try:
        return ChildrenInput(ticket_ids=tuple(UUID(str(one)) for one in form.getlist("ticket")))
    except ValueError:
        return None


async def _require(context: AppState, caller: Caller, number: str, permission: Permission) -> None:
    async with context.database.begin() as session:
        (await get_ticket(session, caller, number)).require(permission)


def _keyed(caller: Caller, number: str, action: str, values: Mapping[str, str] = NOTHING_GIVEN) -> Keyed:
    """A form's own id is its idempotency key; what is safe to repeat has none."""
    key = values.get("form_id") or None
    return Keyed(caller, f"{_path(number)}/{action}", key, fingerprint(canonical(dict(values))))


async def _start(
    desk: DeskPages, context: AppState, call: Keyed, make: Callable[[Session], Awaitable[BulkView]]
) -> Response:
    """Starts a job, and leads to its progress."""
    answer = await create(context, call, make, HTTP_202_ACCEPTED)
    context.bulk_jobs.wake()
    job_id = BulkView.model_validate_json(bytes(answer.body)).id
    return desk.redirect(f"{call.path.rpartition('/')[0]}/jobs/{job_id}")


def _path(number: str) -> str:
    return f"/tickets/{quote(number, safe='')}/incident"
