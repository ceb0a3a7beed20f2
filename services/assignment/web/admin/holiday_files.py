"""Holidays from an iCalendar file that an administrator uploads on a calendar's page."""

from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import Depends, Request, Response
from starlette.datastructures import UploadFile
from starlette.status import HTTP_200_OK

from services.assignment.commands.configuration.administration import create
from services.assignment.commands.configuration.holiday_feeds import ImportRequest, apply_import, read_wish
from services.assignment.deps import CalendarSlug, State
from services.assignment.schemas.holidays import ImportMode
from services.assignment.web.admin.holiday_feeds import PATH, feed_form, import_page
from services.assignment.web.admin.sections import SlaPageCaller
from services.assignment.web.admin.submitted_form import (
    FormRefused,
    FormView,
    SubmittedForm,
    read_form,
    refusals,
    refuse_field,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, TheDesk
from shared.kit.http.idempotency import fingerprint
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
FILE = "calendar_file"


async def get_upload(request: Request) -> tuple[SubmittedForm, bytes]:
    """The form with the file's content, empty where none was chosen. Raises Problem 403 without a valid token."""
    form = await read_form(request, max_files=1)
    sent = (await request.form()).get(FILE)
    return form, await sent.read() if isinstance(sent, UploadFile) else b""


Upload = Annotated[tuple[SubmittedForm, bytes], Depends(get_upload)]


@router.post("/{slug}/import-file")
async def post_file(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, slug: CalendarSlug, upload: Upload
) -> Response:
    """Shows what the file would change, or makes the calendar's next version of it. Raises Problem 404."""
    form, raw = upload
    is_preview = form.is_ticked("preview")
    try:
        async with refusals():
            if not raw:
                raise refuse_field(FILE, gettext("Choose a file."))
            wish = ImportRequest(
                slug=slug,
                by=caller.person_id,
                mode=_mode(form.text("file_mode")),
                include_free=form.is_ticked("file_include_free"),
                dry_run=is_preview,
                raw=raw,
            )
            reading = await read_wish(context, wish)
            if is_preview:
                async with context.database.begin() as session:
                    found = await apply_import(session, wish, reading)
                view = FormView((await feed_form(context, slug)) | form.typed, form_id=form.text("form_id"))
                return await import_page(request, desk, context, caller, slug, view, found)
            keyed = form.keyed(caller, f"{PATH}/{slug}/import-file")
            keyed = replace(keyed, request_hash=fingerprint(keyed.request_hash, raw))
            apply = partial(apply_import, wish=wish, reading=reading)
            await create(context, keyed, apply, HTTP_200_OK)
    except FormRefused as refused:
        view = refused_form(form, refused, (await feed_form(context, slug)) | form.typed)
        return await import_page(request, desk, context, caller, slug, view)
    return desk.redirect(f"{PATH}/{slug}", ("success", gettext("The holidays were imported.")))


def _mode(text: str) -> ImportMode:
    return ImportMode(text) if text in set(ImportMode) else ImportMode.MERGE
