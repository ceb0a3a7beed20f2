"""The page of scheduled reports: what is sent to whom and when, its last runs, and a form for another."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Request, Response
from pydantic import ValidationError
from sqlalchemy import func, select

from services.assignment.commands.configuration.administration import changing
from services.assignment.deps import State
from services.assignment.errors import not_permitted
from services.assignment.models import Agent
from services.assignment.queries.access.callers import Caller
from services.assignment.reporting.catalogue import REPORTS
from services.assignment.reporting.report_schedules import (
    change_schedule,
    create_schedule,
    delete_schedule,
    get_schedule,
    list_schedules,
)
from services.assignment.reporting.report_sending import run_now
from services.assignment.reporting.saved_reports import get_saved_report, list_saved_reports
from services.assignment.schemas.saved_reports import Frequency, ScheduleInput, SchedulePatch, ScheduleView
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from services.assignment.web.refusal_texts import refusal_sentence
from services.assignment.web.settings_page import ZONES
from services.assignment.web.weekdays import DAYS
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.db import Session
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, marked

router = HttpRouter(route_class=DeskPageRoute)
PATH = "/reports/schedules"
SAVED = "saved:"
SHOWN_WORDS = (
    marked("Daily"),
    marked("Weekly"),
    marked("Monthly"),
    marked("sent"),
    marked("skipped"),
    marked("failed"),
    marked("its owner is deactivated"),
    marked("its owner may not see reports any more"),
    marked("its owner may only read now, and has nothing sent to others"),
    marked("none of its recipients is active and may see reports"),
)
"""Values of a schedule and its runs that the page shows."""
AS_IT_IS = "as-it-is"
FIELDS = ("name", "report", "frequency", "weekday", "day", "at", "time_zone", "recipients")
Token = Annotated[str, Form(alias="csrf_token")]


@router.get(PATH)
async def show_schedules(request: Request, desk: TheDesk, context: State, caller: DeskAgent) -> Response:
    """The caller's schedules, and an empty form."""
    zone = caller.preferences.time_zone or context.settings.time_zone
    values = {"frequency": "weekly", "weekday": "1", "day": "1", "at": "08:00", "time_zone": zone}
    return await _page(request, desk, context, caller, values | {"recipients": caller.email})


@router.post(PATH)
async def post_schedule(request: Request, desk: TheDesk, context: State, caller: DeskAgent) -> Response:
    """Makes a schedule, or shows the form again with what is wrong."""
    values = await _submitted(request)
    _check(caller)
    try:
        async with changing(context, caller) as session:
            made = await create_schedule(session, caller, await _input(session, caller, values))
    except (ValidationError, _FormError, Problem) as error:
        if isinstance(error, Problem) and error.status not in (409, 422):
            raise
        return await _page(request, desk, context, caller, values, _said(error))
    return desk.redirect(PATH, ("success", gettext("%(name)s is sent from now on.", name=made.name)))


@router.get(PATH + "/{schedule_id}")
async def show_schedule(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, schedule_id: UUID
) -> Response:
    """The form of one schedule, as it is. Raises Problem 404."""
    _check(caller)
    async with context.database.begin() as session:
        one = await get_schedule(session, caller, schedule_id)
        addresses = (await session.scalars(select(Agent.email).where(Agent.id.in_(one.recipients)))).all()
    values = {
        "name": one.name,
        "report": AS_IT_IS,
        "frequency": one.frequency.value,
        "weekday": str(one.weekday or 1),
        "day": str(one.day or 1),
        "at": one.at,
        "time_zone": one.time_zone,
        "recipients": "\n".join(sorted(addresses)),
    }
    return await _page(request, desk, context, caller, values, edited=one)


@router.post(PATH + "/{schedule_id}")
async def post_changed_schedule(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, schedule_id: UUID
) -> Response:
    """Changes it, or shows the form again with what is wrong."""
    values = await _submitted(request)
    _check(caller)
    async with context.database.begin() as session:
        one = await get_schedule(session, caller, schedule_id)
    try:
        async with context.database.begin() as session:
            asked = await _input(session, caller, values, one)
        changes = asked.model_dump(exclude={"weekday", "day", "is_paused"})
        named = {name: getattr(asked, name) for name in ("weekday", "day") if getattr(asked, name) is not None}
        saved = await change_schedule(context, caller, schedule_id, SchedulePatch.model_validate(changes | named))
    except (ValidationError, _FormError, Problem) as error:
        if isinstance(error, Problem) and error.status not in (409, 422):
            raise
        return await _page(request, desk, context, caller, values, _said(error), edited=one)
    return desk.redirect(PATH, ("success", gettext("%(name)s is saved.", name=saved.name)))


@router.post(PATH + "/{schedule_id}/run")
async def post_schedule_run(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, schedule_id: UUID, token: Token = ""
) -> Response:
    """Sends it now."""
    check_form_token(request, token)
    _check(caller)
    run = await run_now(context, caller, schedule_id)
    if run.result == "sent":
        return desk.redirect(
            PATH, ("success", gettext("The report is on its way to %(sent_to)s.", sent_to=run.sent_to))
        )
    return desk.redirect(PATH, ("danger", gettext("The report was not sent: %(detail)s.", detail=run.detail)))


@router.post(PATH + "/{schedule_id}/pause")
async def post_schedule_pause(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, schedule_id: UUID, token: Token = ""
) -> Response:
    """Pauses it."""
    check_form_token(request, token)
    _check(caller)
    await change_schedule(context, caller, schedule_id, SchedulePatch(is_paused=True))
    return desk.redirect(PATH, ("success", gettext("The schedule is paused.")))


@router.post(PATH + "/{schedule_id}/resume")
async def post_schedule_resume(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, schedule_id: UUID, token: Token = ""
) -> Response:
    """Goes on with its next time."""
    check_form_token(request, token)
    _check(caller)
    await change_schedule(context, caller, schedule_id, SchedulePatch(is_paused=False))
    return desk.redirect(PATH, ("success", gettext("The schedule goes on.")))


@router.post(PATH + "/{schedule_id}/delete")
async def post_schedule_deletion(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, schedule_id: UUID, token: Token = ""
) -> Response:
    """Sends nothing more."""
    check_form_token(request, token)
    _check(caller)
    await delete_schedule(context, caller, schedule_id)
    return desk.redirect(PATH, ("success", gettext("The schedule is deleted.")))


class _FormError(Exception):
    """What is wrong with the form, in words."""


async def _submitted(request: Request) -> dict[str, str]:
    """What the form says. Raises Problem 403 for one of another page."""
    form = await request.form(max_files=0)
    token = form.get("csrf_token")
    check_form_token(request, token if isinstance(token, str) else "")
    return {name: value.strip() for name in FIELDS if isinstance(value := form.get(name, ""), str)}


async def _input(
    session: Session, caller: Caller, values: dict[str, str], edited: ScheduleView | None = None
) -> ScheduleInput:
    report: dict[str, Any] = {"report": values["report"]}
    if edited is not None and values["report"] == AS_IT_IS:
        report = {"report": edited.report, "parameters": edited.parameters}
    if values["report"].startswith(SAVED):
        try:
            saved = await get_saved_report(session, caller, UUID(values["report"].removeprefix(SAVED)))
        except ValueError:
            raise _FormError(gettext("Choose a report")) from None
        report = {"report": saved.report, "parameters": saved.parameters}
    frequency = values["frequency"]
    named = {"weekday": frequency == Frequency.WEEKLY, "day": frequency == Frequency.MONTHLY}
    chosen = {name: _number(values[name]) for name, is_named in named.items() if is_named}
    return ScheduleInput.model_validate(
        {
            "name": " ".join(values["name"].split()),
            "frequency": Frequency(frequency) if frequency in set(Frequency) else frequency,
            "at": values["at"][:5],
            "time_zone": values["time_zone"],
            "recipients": await _agents(session, values["recipients"]),
            **report,
            **chosen,
        }
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None


async def _agents(session: Session, addresses: str) -> list[UUID]:
    """The active agents with these addresses."""
    wanted = {address.casefold() for address in addresses.replace(",", " ").replace(";", " ").split()}
    query = select(func.lower(Agent.email), Agent.id).where(func.lower(Agent.email).in_(wanted), Agent.is_active)
    found: dict[str, UUID] = dict((await session.execute(query)).tuples().all())
    if unknown := sorted(wanted - found.keys()):
        raise _FormError(gettext("No active agent has the address %(address)s", address=unknown[0]))
    return sorted(found.values())


def _said(error: ValidationError | _FormError | Problem) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        place = str(first["loc"][0]).replace("_", " ").capitalize() if first["loc"] else gettext("The form")
        return gettext("%(place)s: %(reason)s", place=gettext(place), reason=refusal_sentence(str(first["msg"])))
    return str(error) if isinstance(error, _FormError) else refusal_sentence(error.detail or "")


async def _page(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: Caller,
    values: dict[str, str],
    error: str = "",
    *,
    edited: ScheduleView | None = None,
) -> Response:
    _check(caller)
    async with context.database.begin() as session:
        schedules = await list_schedules(session, caller)
        saved = [(f"{SAVED}{one.id}", one.name) for one in await list_saved_reports(session, caller)]
        ids = {agent_id for one in schedules for agent_id in one.recipients}
        names = dict((await session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(ids)))).tuples().all())
    kept = (
        [(AS_IT_IS, gettext("As it is: %(title)s", title=gettext(REPORTS[edited.report].title)))]
        if edited and edited.report in REPORTS
        else []
    )
    zones = [(zone, zone.replace("_", " ")) for zone in ("UTC", *ZONES)]
    return desk.render(
        request,
        "reports/schedules.html",
        caller,
        422 if error else 200,
        schedules=schedules,
        people={one.id: ", ".join(names.get(agent, "somebody") for agent in one.recipients) for one in schedules},
        titles={name: kind.title for name, kind in REPORTS.items()},
        edited=edited,
        choices=[*kept, *((name, gettext(kind.title)) for name, kind in REPORTS.items()), *saved],
        frequencies=[(one.value, gettext(one.value.capitalize())) for one in Frequency],
        weekdays=[(str(number), gettext(name)) for number, name in enumerate(DAYS.values(), 1)],
        zones=zones,
        values=values,
        error=error,
    )


def _check(caller: Caller) -> None:
    if not holds(caller.principal, Permission.REPORT_VIEW):
        raise not_permitted(Permission.REPORT_VIEW)
