"""Administration pages of calendars: a week one can read, holidays, versions to go back to."""

from zoneinfo import available_timezones

from fastapi import Request, Response

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import create
from services.assignment.commands.configuration.calendars import change_calendar, create_calendar, restore_calendar
from services.assignment.deps import CalendarSlug, State, Version
from services.assignment.holiday_countries import holiday_countries
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.configuration import get_calendar_view, list_calendars
from services.assignment.queries.administration.versions import list_calendar_versions
from services.assignment.queries.people.people import list_agents
from services.assignment.schemas.rules import CalendarInput, CalendarPatch, CalendarView
from services.assignment.web.admin import calendar_form
from services.assignment.web.admin.sections import SlaPageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    check_unchanged,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.admin.version_changes import with_changes
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.weekdays import DAYS
from shared.kit.db import Session
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.formats import country_name
from shared.kit.i18n.messages import gettext, translated_options

PATH = "/admin/calendars"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)

SHOWN_VERSIONS = 20
ZONES = sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC")


@router.get("")
async def show_calendars(request: Request, desk: TheDesk, context: State, caller: SlaPageCaller) -> Response:
    """Every calendar's newest version, its week drawn."""
    async with context.database.begin() as session:
        calendars = await list_calendars(session)
    weeks = {calendar.slug: calendar_form.week_bars(calendar) for calendar in calendars}
    return desk.render(request, "admin/calendars.html", caller, calendars=calendars, weeks=weeks)


@router.get("/new")
async def show_new_calendar(request: Request, desk: TheDesk, context: State, caller: SlaPageCaller) -> Response:
    """A form with a usual week filled in."""
    usual = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00")
    return await _form_page(request, desk, context, caller, None, fresh_form(usual))


@router.post("/new")
async def post_calendar(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, form: AdminForm
) -> Response:
    """Adds the calendar, or shows the form again."""
    try:
        async with refusals(calendar_form.field_of):
            body = CalendarInput.model_validate(calendar_form.calendar_fields(form) | {"slug": form.text("slug")})
            await create(
                context, form.keyed(caller, PATH), lambda session: create_calendar(session, body, caller.person_id)
            )
    except FormRefused as refused:
        return await _form_page(request, desk, context, caller, None, refused_form(form, refused, form.typed))
    return desk.redirect(
        f"{PATH}/{body.slug}", ("success", gettext("%(name)s was added. SLA policies can use it now.", name=body.name))
    )


@router.get("/{slug}")
async def show_calendar(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, slug: CalendarSlug
) -> Response:
    """The form of one calendar. Raises Problem 404."""
    calendar = await _get_calendar(context, slug)
    values = calendar_form.calendar_values(calendar) | {"name": calendar.name, "version": calendar.version}
    return await _form_page(request, desk, context, caller, calendar, fresh_form(values))


@router.post("/{slug}")
async def post_changes(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, slug: CalendarSlug, form: AdminForm
) -> Response:
    """Makes the next version, or shows the form again. Running tickets keep the hours they have."""
    calendar = await _get_calendar(context, slug)
    try:
        async with refusals(calendar_form.field_of):
            check_unchanged(form, calendar.version)
            body = CalendarPatch.model_validate(calendar_form.calendar_fields(form))
            changed = await change_calendar(context, caller, slug, body)
    except FormRefused as refused:
        return await _form_page(request, desk, context, caller, calendar, refused_form(form, refused, form.typed))
    return desk.redirect(f"{PATH}/{slug}", ("success", _saved(changed, calendar)))


@router.post("/{slug}/versions/{version}/restore")
async def post_restore(
    desk: TheDesk,
    context: State,
    caller: SlaPageCaller,
    slug: CalendarSlug,
    version: Version,
    form: AdminForm,
) -> Response:
    """Makes an earlier version the newest."""
    path = f"{PATH}/{slug}"
    try:
        async with refusals():

            async def make(session: Session) -> CalendarView:
                return await restore_calendar(session, slug, version, caller.person_id)

            await create(context, form.keyed(caller, f"{path}/versions/{version}/restore"), make)
    except FormRefused as refused:
        return desk.redirect(path, ("danger", refused.notice))
    return desk.redirect(path, ("success", gettext("Version %(version)s is back, as the newest.", version=version)))


def _saved(changed: CalendarView, before: CalendarView) -> str:
    if changed.version == before.version:
        return gettext("Nothing differs: no new version was made.")
    return gettext(
        "Saved as version %(version)s. Tickets keep the hours they have; a roll-out gives them these.",
        version=changed.version,
    )


async def _get_calendar(context: AppState, slug: str) -> CalendarView:
    async with context.database.begin() as session:
        return await get_calendar_view(session, slug)


async def _form_page(
    request: Request, desk: DeskPages, context: AppState, caller: Caller, calendar: CalendarView | None, view: FormView
) -> Response:
    async with context.database.begin() as session:
        versions = await list_calendar_versions(session, calendar.slug, SHOWN_VERSIONS + 1, None) if calendar else None
        names = {agent.id: agent.name for agent in await list_agents(session)}
    return desk.render(
        request,
        "admin/calendar.html",
        caller,
        view.status,
        notices=view.notices,
        calendar=calendar,
        view=view,
        days=dict(translated_options(DAYS.items())),
        week=calendar_form.week_bars(calendar) if calendar else [],
        zones=ZONES,
        countries=[(one.code, country_name(one.code) or one.name or one.code) for one in holiday_countries()],
        versions=with_changes(versions.items, SHOWN_VERSIONS) if versions else [],
        names=names,
    )
