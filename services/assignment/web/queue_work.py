"""Queue actions: saved views, bulk actions, exports, live updates."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from services.assignment.api.jobs import export_file
from services.assignment.commands.action_registry import ACTIONS
from services.assignment.commands.configuration.saved_views import change_view, delete_view, save_view, set_preferences
from services.assignment.deps import State
from services.assignment.desk_jobs.bulk_jobs import cancel_bulk, get_bulk, list_bulk, start_bulk
from services.assignment.desk_jobs.exports import list_exports, start_export
from services.assignment.live.change_streams import Watcher
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.filter_options import get_filter_options
from services.assignment.queries.people.people import list_teams
from services.assignment.queries.saved_views import filters_of, get_preferences, get_saved_view, over
from services.assignment.queries.ticket_lists.counting import count_lists
from services.assignment.queries.ticket_lists.suggestions import suggest
from services.assignment.schemas.desk import (
    BulkInput,
    BulkView,
    ExportInput,
    FilterInput,
    PreferencesInput,
    SavedViewInput,
    SavedViewPatch,
)
from services.assignment.schemas.ticket_filters import Filters, Sort
from services.assignment.web.action_names import action_name
from services.assignment.web.forms import body_of_form, plain_values
from services.assignment.web.page_base import SESSION_COOKIE, DeskAgent, DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.queue import BULK_ACTIONS
from services.assignment.web.queue_request import QueueRequest, request_in
from shared.contracts.vocabulary import Channel, CloseReason, HoldReason, Priority
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.problems import Problem, invalid
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.vocabulary import priority_name, reason_name

router = HttpRouter(route_class=DeskPageRoute)
MOST_NAMED = 200
SHOWN = 200


@dataclass(frozen=True, slots=True)
class JobPage:
    """How a job's page differs where it is about the children of a major incident."""

    label: str = ""
    incident_url: str = ""
    may_stop: bool = True


QUEUE_JOB = JobPage()


async def _filters(session: Session, caller: Caller, asked: QueueRequest) -> Filters:
    if asked.saved_id is None:
        return asked.filters
    return over(filters_of(await get_saved_view(session, caller, asked.saved_id)), asked.filters)


def _as_input(filters: Filters) -> FilterInput:
    given = {name: getattr(filters, name) for name in Filters.__slots__ if getattr(filters, name)}
    try:
        return FilterInput.model_validate(given)
    except ValidationError as error:
        raise invalid("query:q", str(error.errors(include_url=False)[0]["msg"])) from error


async def _form(request: Request) -> tuple[dict[str, str], list[str]]:
    """The fields and the tickets of a form. Raises Problem 403 if it is not ours."""
    form = await request.form()
    token = form.get("csrf_token")
    check_form_token(request, token if isinstance(token, str) else "")
    return plain_values(form), [one for one in form.getlist("ticket") if isinstance(one, str)][:MOST_NAMED]


async def _columns(request: Request) -> tuple[str, ...]:
    """The columns that are ticked in the form, in its order."""
    form = await request.form()
    return tuple(" ".join(one for one in form.getlist("columns") if isinstance(one, str)).split())


@router.post("/queue/views")
async def post_view(request: Request, desk: TheDesk, context: State, caller: DeskAgent) -> Response:
    """Saves the list that is shown under a name."""
    values, _ = await _form(request)
    asked = request_in(values.get("query", ""))
    async with context.database.begin() as session:
        shared, _, team = values.get("sharing", "personal").partition(":")
        try:
            body = SavedViewInput.model_validate(
                {
                    "name": values.get("name", "").strip(),
                    "filters": _as_input(await _filters(session, caller, asked)),
                    "columns": await _columns(request) or SavedViewInput.model_fields["columns"].default,
                    "sort": asked.sort or Sort.DUE,
                    "sharing": shared,
                    "team_id": UUID(team) if team else None,
                }
            )
        except (ValidationError, ValueError) as error:
            raise invalid("/name", "give the view a name of at most 80 characters") from error
        view = await save_view(session, caller, body)
    return desk.redirect(f"/queue?view={view.id}", ("success", gettext("The view is saved.")))


@router.post("/queue/views/{view_id}")
async def post_changed_view(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, view_id: UUID
) -> Response:
    """Renames a saved view, shares it with others than before, and gives it other columns or the list that is shown."""
    values, _ = await _form(request)
    asked = request_in(values.get("query", ""))
    sharing, _, team = values.get("view_sharing", "personal").partition(":")
    columns = await _columns(request)
    async with context.database.begin() as session:
        try:
            given: dict[str, Any] = {
                "name": values.get("view_name", "").strip(),
                "sharing": sharing,
                "team_id": UUID(team) if team else None,
            }
            if columns:
                given["columns"] = columns
            if values.get("keep") == "yes" and asked.saved_id == view_id:
                given["filters"] = _as_input(await _filters(session, caller, asked))
                given |= {"sort": asked.sort} if asked.sort else {}
            body = SavedViewPatch.model_validate(given)
        except (ValidationError, ValueError) as error:
            raise invalid("/name", "give the view a name of at most 80 characters") from error
        await change_view(session, caller, view_id, body)
    return desk.redirect(f"/queue?view={view_id}", ("success", gettext("The view is saved.")))


@router.post("/queue/views/{view_id}/delete")
async def post_view_delete(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, view_id: UUID
) -> Response:
    """Deletes a saved view."""
    await _form(request)
    async with context.database.begin() as session:
        await delete_view(session, caller, view_id)
    return desk.redirect("/queue", ("success", gettext("The view is deleted.")))


@router.post("/queue/layout")
async def post_layout(request: Request, desk: TheDesk, context: State, caller: DeskAgent) -> Response:
    """Changes how rows are shown, and whether a ticket is read beside them."""
    values, _ = await _form(request)
    async with context.database.begin() as session:
        before = await get_preferences(session, caller)
        wanted = before.model_dump() | {
            "density": values.get("density", before.density),
            "has_reading_pane": values.get("pane", "on" if before.has_reading_pane else "off") == "on",
        }
        try:
            await set_preferences(session, caller, PreferencesInput.model_validate(wanted, strict=False))
        except ValidationError as error:
            raise invalid("/density", "choose comfortable or dense") from error
    return desk.redirect(request_in(values.get("query", "")).url())


@router.post("/queue/bulk")
async def post_bulk(request: Request, desk: TheDesk, context: State, caller: DeskAgent) -> Response:
    """Asks what exactly is to be done, and says to how many tickets."""
    values, tickets = await _form(request)
    action, is_all = values.get("action", ""), values.get("everything") == "yes"
    if action not in BULK_ACTIONS:
        raise invalid("/action", "choose what to do")
    if not tickets and not is_all:
        return desk.redirect(
            request_in(values.get("query", "")).url(), ("warning", gettext("Select at least one ticket first."))
        )
    asked = request_in(values.get("query", ""))
    async with context.database.begin() as session:
        count = None
        if is_all:
            (count,) = await count_lists(session, caller, [await _filters(session, caller, asked)], utc_now())
        options = await get_filter_options(session)
        teams = await list_teams(session)
    return desk.render(
        request,
        "queue/confirm.html",
        caller,
        action=action,
        label=action_name(action),
        tickets=[] if is_all else tickets,
        is_all=is_all,
        count=count.shown if count and (count.known or count.is_exact) else str(len(tickets)) if tickets else "all",
        query=values.get("query", ""),
        back=asked.url(),
        fields=set(ACTIONS[action].body.model_fields),
        agents=options.agents,
        teams=[(str(team.id), team.name) for team in teams],
        priorities=[(priority.value, priority_name(priority)) for priority in reversed(Priority)],
        holds=[(reason.value, reason_name(reason)) for reason in HoldReason],
        closes=[(reason.value, reason_name(reason)) for reason in CloseReason],
    )


@router.post("/queue/bulk/start")
async def post_bulk_start(request: Request, desk: TheDesk, context: State, caller: DeskAgent) -> Response:
    """Begins, and shows how far it comes."""
    values, tickets = await _form(request)
    action = values.get("action", "")
    own = {"action", "query", "everything", "ticket", "expected"}
    body = body_of_form(action, {name: value for name, value in values.items() if name not in own})
    async with context.database.begin() as session:
        given: dict[str, Any] = {"action": action, "body": body}
        if values.get("everything") == "yes":
            filters = await _filters(session, caller, request_in(values.get("query", "")))
            given["filter"] = _as_input(filters)
        else:
            given["ticket_ids"] = tuple(_ids(tickets))
        try:
            job = await start_bulk(session, caller, BulkInput.model_validate(given))
        except ValidationError as error:
            raise invalid("/action", "choose what to do, and to which tickets") from error
    context.bulk_jobs.wake()
    return desk.redirect(f"/queue/bulk/{job.id}")


def _ids(tickets: list[str]) -> list[UUID]:
    try:
        return [UUID(one) for one in tickets]
    except ValueError:
        raise invalid("/ticket", "these are no tickets") from None


@router.get("/queue/bulk/{job_id}")
async def show_bulk(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    job_id: UUID,
    cursor: Annotated[str | None, Query(max_length=256)] = None,
) -> Response:
    """How far an action on many tickets has come, with the result of each."""
    async with context.database.begin() as session:
        job = await get_bulk(session, caller, job_id, SHOWN, cursor)
    return bulk_page(request, desk, caller, job)


def bulk_page(request: Request, desk: DeskPages, caller: Caller, job: BulkView, page: JobPage = QUEUE_JOB) -> Response:
    """A job's progress and results."""
    return desk.render(
        request,
        "queue/bulk.html",
        caller,
        job=job,
        is_running=job.finished_at is None,
        label=page.label or action_name(job.action),
        may_stop=page.may_stop,
        incident_url=page.incident_url,
        path=request.url.path,
    )


@router.post("/queue/bulk/{job_id}/cancel")
async def post_bulk_cancel(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, job_id: UUID
) -> Response:
    """Stops it."""
    await _form(request)
    async with context.database.begin() as session:
        await cancel_bulk(session, caller, job_id)
    return desk.redirect(f"/queue/bulk/{job_id}", ("success", gettext("Stopped. What was done stays done.")))


@router.get("/queue/jobs")
async def show_jobs(request: Request, desk: TheDesk, context: State, caller: DeskAgent) -> Response:
    """The agent's exports and actions on many tickets."""
    async with context.database.begin() as session:
        exports, jobs = await list_exports(session, caller, 50), await list_bulk(session, caller, 50)
    states = [*(export.state for export in exports), *(job.state for job in jobs)]
    is_running = any(state in ("queued", "running") for state in states)
    return desk.render(
        request, "queue/jobs.html", caller, exports=exports, jobs=jobs, is_running=is_running, action_name=action_name
    )


@router.post("/queue/exports")
async def post_export(request: Request, desk: TheDesk, context: State, caller: DeskAgent) -> Response:
    """Has the list that is shown written into a file."""
    values, _ = await _form(request)
    asked = request_in(values.get("query", ""))
    async with context.database.begin() as session:
        filters = _as_input(await _filters(session, caller, asked))
        await start_export(session, caller, ExportInput(filters=filters, sort=asked.sort or Sort.DUE))
    context.exports.wake()
    return desk.redirect("/queue/jobs", ("success", gettext("The file is being written. You find it here.")))


@router.get("/queue/exports/{export_id}/file")
async def get_file(context: State, caller: DeskAgent, export_id: UUID) -> Response:
    """The file of an export."""
    return await export_file(context, caller, export_id)


@router.get("/queue/suggestions")
async def get_suggestions(context: State, caller: DeskAgent, q: Annotated[str, Query(max_length=254)] = "") -> Response:
    """How the last word of a search could go on."""
    async with context.database.begin() as session:
        return JSONResponse({"items": await suggest(session, caller, q)}, headers={"Cache-Control": "no-store"})


@router.get("/queue/stream")
async def get_stream(
    request: Request,
    context: State,
    caller: DeskAgent,
    last_event_id: Annotated[int | None, Header(alias="Last-Event-ID", ge=0, lt=2**63)] = None,
    ticket_id: UUID | None = None,
) -> Response:
    """The changes that the page shows as they happen: of all tickets, or on a ticket's page of that one."""
    token = request.cookies.get(SESSION_COOKIE, "")

    async def find() -> Caller | None:
        found = await context.callers.find(token, Channel.DESK, utc_now(), is_use=False)
        return None if found is None or found.needs_second_factor else found

    try:
        return context.streams.stream(Watcher(caller, find, last_event_id, ticket_id))
    except Problem as problem:
        return Response(status_code=problem.status, headers=problem.headers)
