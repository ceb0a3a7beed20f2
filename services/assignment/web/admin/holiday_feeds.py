"""Administration page of a calendar's holiday feed: preview, import, daily refresh."""

from functools import partial
from typing import Any

from fastapi import Request, Response
from starlette.status import HTTP_200_OK

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changing, create
from services.assignment.commands.configuration.holiday_feeds import (
    ImportRequest,
    apply_import,
    forget_feed,
    note_failure,
    read_wish,
    refreshing,
)
from services.assignment.deps import CalendarSlug, State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.configuration import get_calendar_view
from services.assignment.schemas.holidays import FeedImport, ImportMode, ImportResult
from services.assignment.web.admin.sections import SlaPageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    SubmittedForm,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.refusal_texts import refusal_text
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.messages import marked as _

PATH = "/admin/calendars"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
MODES = [
    (ImportMode.MERGE.value, _("Keep the calendar's own holidays")),
    (ImportMode.REPLACE.value, _("Replace them by the feed's")),
]


@router.get("/{slug}/import")
async def show_import(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, slug: CalendarSlug
) -> Response:
    """The form, filled in with the feed that the calendar has. Raises Problem 404."""
    return await import_page(request, desk, context, caller, slug, None)


@router.post("/{slug}/import")
async def post_import(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, slug: CalendarSlug, form: AdminForm
) -> Response:
    """Shows what the feed would change, or makes the calendar's next version of it."""
    is_preview = form.is_ticked("preview")
    try:
        async with refusals():
            body = FeedImport.model_validate(_fields(form) | {"dry_run": is_preview})
            wish = ImportRequest(slug=slug, by=caller.person_id, **body.model_dump())
            reading = await read_wish(context, wish)
            if is_preview:
                async with context.database.begin() as session:
                    found = await apply_import(session, wish, reading)
                view = FormView(form.typed, form_id=form.text("form_id"))
                return await import_page(request, desk, context, caller, slug, view, found)
            apply = partial(apply_import, wish=wish, reading=reading)
            await create(context, form.keyed(caller, f"{PATH}/{slug}/import"), apply, HTTP_200_OK)
    except FormRefused as refused:
        return await import_page(request, desk, context, caller, slug, refused_form(form, refused, form.typed))
    return desk.redirect(f"{PATH}/{slug}", ("success", gettext("The holidays were imported.")))


@router.post("/{slug}/refresh")
async def post_refresh(
    desk: TheDesk, context: State, caller: SlaPageCaller, slug: CalendarSlug, form: AdminForm
) -> Response:
    """Reads the calendar's feed again now."""
    path = f"{PATH}/{slug}"
    async with context.database.begin() as session:
        wish = await refreshing(session, slug, caller.person_id)
    try:
        reading = await read_wish(context, wish)
        apply = partial(apply_import, wish=wish, reading=reading)
        await create(context, form.keyed(caller, f"{path}/refresh"), apply, HTTP_200_OK)
    except Problem as problem:
        if problem.status != 422:
            raise
        await note_failure(context, wish, problem)
        return desk.redirect(
            path, ("danger", gettext("The feed could not be read: %(detail)s", detail=refusal_text(problem.detail)))
        )
    return desk.redirect(path, ("success", gettext("The feed was read.")))


@router.post("/{slug}/feed/remove")
async def post_removal(
    desk: TheDesk, context: State, caller: SlaPageCaller, slug: CalendarSlug, _: AdminForm
) -> Response:
    """Ends the daily refresh; the holidays it brought stay."""
    async with changing(context, caller) as session:
        await forget_feed(session, slug)
    return desk.redirect(f"{PATH}/{slug}", ("success", gettext("The feed is not read any more. Its holidays stay.")))


async def import_page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    slug: str,
    view: FormView | None,
    found: ImportResult | None = None,
) -> Response:
    """The page of imports: a feed's form and a file's, and what one of them would change. Raises Problem 404."""
    async with context.database.begin() as session:
        calendar = await get_calendar_view(session, slug)
    view = view or fresh_form(await feed_form(context, slug))
    return desk.render(
        request,
        "admin/holiday_feed.html",
        caller,
        view.status,
        notices=view.notices,
        calendar=calendar,
        view=view,
        modes=translated_options(MODES),
        found=found,
    )


async def feed_form(context: AppState, slug: str) -> dict[str, Any]:
    """The feed's form as it is when the page opens. Raises Problem 404."""
    async with context.database.begin() as session:
        calendar = await get_calendar_view(session, slug)
    usual = ImportMode.MERGE.value
    return {"url": calendar.feed_url or "", "mode": usual, "remember": True, "file_mode": usual}


def _fields(form: SubmittedForm) -> dict[str, Any]:
    ticked = {name: form.is_ticked(name) for name in ("include_free", "remember")}
    return {"url": form.text("url"), "mode": form.text("mode") or ImportMode.MERGE.value} | ticked
