"""Set-up steps after the first administrator: hours, mail, a test ticket."""

from functools import partial
from typing import Any
from zoneinfo import available_timezones

from fastapi import Request, Response
from sqlalchemy import select

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changing
from services.assignment.commands.configuration.calendars import change_calendar, create_calendar
from services.assignment.commands.configuration.policies import change_policy
from services.assignment.deps import State
from services.assignment.models import Calendar, Policy
from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.rules import CalendarInput, CalendarPatch, PolicyPatch
from services.assignment.setup.progress import HOURS, MAIL, STEPS, TICKET, finish, get_progress, mark_done
from services.assignment.web.admin.intake.admin_client import administrator, ask
from services.assignment.web.admin.sections import (
    AgentsPageCaller,
    IntakePageCaller,
    NotificationPageCaller,
    SlaPageCaller,
)
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    SubmittedForm,
    fresh_form,
    refusals,
    refuse_field,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.weekdays import DAYS
from shared.kit.http.problems import Problem, not_found
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.messages import marked as _

PATH = "/setup"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
SLUG = "business-hours"
NAMES = {
    "administrator": _("Organisation and team"),
    "hours": _("Business hours"),
    "mail": _("Mail"),
    "ticket": _("A test ticket"),
}
USUAL = {"days": ["mon", "tue", "wed", "thu", "fri"], "opens": "09:00", "closes": "17:00", "timezone": "UTC"}


@router.get("")
async def show_setup(
    request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller, step: str = ""
) -> Response:
    """The step that comes next, or the one asked for. Raises Problem 404 where nothing is to be set up."""
    return await _page(request, desk, context, caller, fresh_form(USUAL), step)


@router.post("/hours")
async def post_hours(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, form: AdminForm
) -> Response:
    """Lets the default policy count in these hours."""
    try:
        async with refusals(lambda place: "opens" if place[0] == "weekly" else str(place[0])):
            if not form.is_ticked("always"):
                await _set_hours(context, caller, form)
            await _done(context, caller, HOURS)
    except FormRefused as refused:
        view = refused_form(form, refused, form.typed | {"days": form.all("days")})
        return await _page(request, desk, context, caller, view, HOURS)
    return desk.redirect(PATH, ("success", gettext("SLA time counts in these hours.")))


@router.post("/mail")
async def post_mail(
    request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller, form: AdminForm
) -> Response:
    """Sends a test mail, and shows what the mail server said if it refused."""
    try:
        async with refusals():
            call = context.siblings.notification.call
            await call(administrator(caller), "POST", "/v1/test-mails", {"to": form.text("to")})
            await _done(context, caller, MAIL)
    except FormRefused as refused:
        return await _page(request, desk, context, caller, refused_form(form, refused, form.typed), MAIL)
    return desk.redirect(PATH, ("success", gettext("The mail server took a test mail for %(to)s.", to=form.text("to"))))


@router.post("/ticket")
async def post_ticket(
    request: Request, desk: TheDesk, context: State, caller: IntakePageCaller, form: AdminForm
) -> Response:
    """Submits a ticket in the administrator's name."""
    sent = {"name": caller.name, "email": caller.email, "subject": form.text("subject"), "body": form.raw("body")}
    try:
        async with refusals():
            made = (await ask(context, caller, "POST", "/test-tickets", sent, key=form.keyed(caller, PATH).key)).body
            await _done(context, caller, TICKET)
    except FormRefused as refused:
        return await _page(request, desk, context, caller, refused_form(form, refused, form.typed), TICKET)
    return desk.redirect(
        f"{PATH}?step=done&ticket={made['number']}",
        ("success", gettext("Ticket %(number)s was sent.", number=made["number"])),
    )


@router.post("/skip")
async def post_skip(desk: TheDesk, context: State, caller: AgentsPageCaller, form: AdminForm) -> Response:
    """Leaves a step out for now."""
    if form.text("step") not in STEPS:
        raise not_found("step")
    await _done(context, caller, form.text("step"))
    return desk.redirect(PATH)


@router.post("/finish")
async def post_finish(desk: TheDesk, context: State, caller: AgentsPageCaller, _: AdminForm) -> Response:
    """Ends setting up."""
    async with changing(context, caller) as session:
        await finish(session)
    return desk.redirect(
        "/queue", ("success", gettext("Everdesk is set up. Everything can be changed under Administration."))
    )


async def _done(context: AppState, caller: Caller, step: str) -> None:
    async with changing(context, caller) as session:
        await mark_done(session, step)


async def _set_hours(context: AppState, caller: Caller, form: SubmittedForm) -> None:
    """Makes the calendar, or its next version, and has the default policy count in it."""
    if not form.all("days"):
        raise refuse_field("days", gettext("Tick at least one day, or choose around the clock."))
    hours: dict[str, Any] = {
        "timezone": form.text("timezone"),
        "weekly": {day: [[form.text("opens"), form.text("closes")]] for day in form.all("days") if day in DAYS},
        "holiday_country": form.text("holiday_country").upper() or None,
    }
    async with context.database.begin() as session:
        is_there = await session.scalar(select(Calendar.slug).where(Calendar.slug == SLUG, Calendar.is_current))
        policy_id = await session.scalar(select(Policy.id).where(Policy.is_default, Policy.is_current))
    if is_there:
        await change_calendar(context, caller, SLUG, CalendarPatch.model_validate(hours))
    else:
        body = CalendarInput.model_validate(hours | {"slug": SLUG, "name": gettext("Business hours")})
        async with changing(context, caller) as session:
            await create_calendar(session, body, caller.person_id)
    if policy_id is not None:
        await change_policy(context, caller, policy_id, PolicyPatch.model_validate({"calendar": SLUG}))


async def _page(
    request: Request, desk: DeskPages, context: AppState, caller: Caller, view: FormView, step: str = ""
) -> Response:
    async with context.database.begin() as session:
        progress = await get_progress(session)
    if progress is None:
        raise not_found("installation to set up: this one is")
    shown = step if step in (*STEPS[1:], "done") else progress.following or "done"
    number = request.query_params.get("ticket", "")
    return desk.render(
        request,
        f"setup/{shown}.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        progress=progress,
        step=shown,
        steps=[(name, gettext(NAMES[name]), name in progress.done) for name in STEPS],
        days=dict(translated_options(DAYS.items())),
        zones=sorted(available_timezones()),
        mail=await _mail(context, caller) if shown == MAIL else None,
        ticket=number if number.isalnum() and len(number) <= 32 else "",
        portal=context.settings.portal_url,
    )


async def _mail(context: AppState, caller: Caller) -> dict[str, Any] | None:
    """How mail leaves; None while notification is away."""
    call = partial(context.siblings.notification.call, administrator(caller))
    try:
        found: dict[str, Any] = (await call("GET", "/v1/mail-settings")).body
    except Problem:
        return None
    return found
