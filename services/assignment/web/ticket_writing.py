"""Routes of the editors: drafts, previews, file uploads, undo, corrections."""

import json
from typing import Any, Literal
from uuid import UUID

from fastapi import Request, Response
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.assignment.app_state import AppState
from services.assignment.commands.conversation.agent_files import StoredFile, upload, upload_spooled
from services.assignment.commands.conversation.drafts import DraftOwner, find_drafts, save_draft
from services.assignment.commands.conversation.entry_edits import edit_entry, list_versions
from services.assignment.commands.held_replies import cancel_reply
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.conversation import get_entry
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.renderings import rendered_versions
from services.assignment.schemas.composing import DraftInput, DraftKind
from services.assignment.schemas.editing import EntryPatch
from services.assignment.web.forms import errors_of, plain_values
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from services.assignment.web.refusal_texts import refusal_sentence, refusal_text
from services.assignment.web.ticket import PageState, UnsentForm, ticket_page
from services.assignment.web.ticket_actions import onwards
from shared.contracts.vocabulary import BodyFormat
from shared.domain.errors import Refusal
from shared.kit.http.error_handlers import from_exception
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _
from shared.kit.user_content.rendering import with_attachment_urls

router = HttpRouter(route_class=DeskPageRoute)
TOKEN_HEADER = "X-Form-Token"  # noqa: S105 - a name
KINDS: dict[str, DraftKind] = {"replies": "reply", "notes": "note"}
UNDONE = _("Taken back. Your reply is in the editor again.")
_IDS: TypeAdapter[tuple[UUID, ...]] = TypeAdapter(tuple[UUID, ...])


def wants_json(request: Request) -> bool:
    """Whether the request comes from the page's script and expects JSON."""
    return "application/json" in request.headers.get("accept", "")


async def checked_form(request: Request) -> dict[str, str]:
    """The form's text fields after the CSRF check. Raises Problem 403, and 400 for an aborted submission."""
    try:
        form = await request.form()
    except ClientDisconnect:
        raise Problem(400, "incomplete", "the form did not arrive whole") from None
    check_form_token(request, _text(form, "csrf_token"))
    return plain_values(form)


@router.post("/tickets/{number}/draft")
async def post_draft(request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """Saves a draft; called by the script while the agent types."""
    values = await checked_form(request)
    await save_draft(context, caller, number, draft_in(values))
    if wants_json(request):
        return Response(status_code=HTTP_204_NO_CONTENT)
    return await onwards(desk, context, caller, number, ("success", gettext("Draft saved.")))


@router.post("/tickets/{number}/preview")
async def post_preview(request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """Renders the text as it will be shown."""
    values = await checked_form(request)
    async with context.database.begin() as session:
        await get_ticket(session, caller, number)
    shown = await context.renderer.show(values.get("body", ""), _format(values))
    html = with_attachment_urls(shown.html, {})
    if wants_json(request):
        return Response(json.dumps({"html": html}), media_type="application/json")
    action = "notes" if values.get("kind") == "note" else "replies"
    state = PageState(draft=UnsentForm(action, values), preview=html)
    return await ticket_page(request, desk, context, caller, number, state)


@router.post("/tickets/{number}/files")
async def post_file(request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """Uploads a file for the draft. With the form token in a header it is streamed on, a plain form is spooled."""
    async with context.database.begin() as session:
        await get_ticket(session, caller, number)
    if TOKEN_HEADER in request.headers:
        check_form_token(request, request.headers[TOKEN_HEADER])
        return await upload(context, caller, request)
    async with request.form(max_files=1) as form:
        check_form_token(request, _text(form, "csrf_token"))
        kind: DraftKind = "note" if _text(form, "kind") == "note" else "reply"
        sent = form.get("file")
        if not isinstance(sent, UploadFile):
            return await onwards(desk, context, caller, number, ("warning", gettext("Choose a file first.")))
        answer = await upload_spooled(context, caller, sent)
    if answer.status_code != HTTP_201_CREATED:
        detail = json.loads(bytes(answer.body)).get("detail", _("the file was not taken"))
        return await onwards(desk, context, caller, number, ("danger", refusal_sentence(str(detail))))
    await _add_to_draft(context, caller, number, kind, StoredFile.model_validate_json(bytes(answer.body)))
    return await onwards(desk, context, caller, number, ("success", gettext("The file goes with your draft.")))


@router.post("/tickets/{number}/held/{held_id}/undo")
async def post_undo(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str, held_id: UUID
) -> Response:
    """Takes a held reply back into the editor, if it has not been sent."""
    await checked_form(request)
    try:
        await cancel_reply(context, caller, number, held_id)
    except Problem as problem:
        if problem.status not in {404, 409}:
            raise
        async with context.database.begin() as session:
            await get_ticket(session, caller, number)
        return await onwards(
            desk, context, caller, number, ("warning", gettext("It is out already and cannot be taken back."))
        )
    return await onwards(desk, context, caller, number, ("success", gettext(UNDONE)))


@router.get("/tickets/{number}/entries/{entry_id}")
async def show_entry(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str, entry_id: UUID
) -> Response:
    """A note or reply with its earlier versions, and the correction form for its author."""
    return await _entry_page(request, desk, context, caller, number, entry_id, UnsentForm())


@router.post("/tickets/{number}/entries/{entry_id}")
async def post_entry(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str, entry_id: UUID
) -> Response:
    """Saves the correction, or shows the form again with the error."""
    values = await checked_form(request)
    try:
        patch = EntryPatch.model_validate({"body": values.get("body", "").replace("\r\n", "\n")})
        await edit_entry(context, caller, number, entry_id, patch)
    except ValidationError as error:
        draft = UnsentForm("entry", values, errors_of(error))
        return await _entry_page(request, desk, context, caller, number, entry_id, draft, 422)
    except (Refusal, Problem) as error:
        problem = from_exception(error)
        if problem.status in {403, 404}:
            raise
        draft = UnsentForm("entry", values, (("body", refusal_text(problem.detail)),))
        return await _entry_page(request, desk, context, caller, number, entry_id, draft, problem.status)
    return await onwards(desk, context, caller, number, ("success", gettext("Corrected. What it said before is kept.")))


async def _entry_page(
    request: Request,
    desk: TheDesk,
    context: AppState,
    caller: Caller,
    number: str,
    entry_id: UUID,
    draft: UnsentForm,
    status: int = 200,
) -> Response:
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, number)
        entry = await get_entry(session, context.file_links, found.ticket.id, entry_id)
        versions = await list_versions(session, found.ticket.id, entry_id)
    return desk.render(
        request,
        "ticket/entry.html",
        caller,
        status,
        number=found.ticket.number,
        entry=entry,
        versions=await rendered_versions(context, versions),
        may_edit=entry.author.id == caller.agent_id and not found.ticket.is_archived,
        body=draft.values.get("body", entry.body),
        errors=draft.errors,
    )


async def _add_to_draft(context: AppState, caller: Caller, number: str, kind: DraftKind, file: StoredFile) -> None:
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, number)
        drafts = await find_drafts(session, DraftOwner(caller.agent_id, found.ticket.id))
    before = drafts.get(kind)
    draft = DraftInput.model_construct(
        kind=kind,
        body=before.body if before else "",
        body_format=before.body_format if before else BodyFormat.MARKDOWN,
        attachments=(*(before.attachments if before else ()), file.id),
    )
    await save_draft(context, caller, number, draft)


def draft_in(values: dict[str, str]) -> DraftInput:
    """Parses a draft from form fields. Raises Problem 422 for invalid values."""
    kind: Literal["note", "reply"] = "note" if values.get("kind") == "note" else "reply"
    written: dict[str, Any] = {
        "kind": kind,
        "body": values.get("body", "").replace("\r\n", "\n"),
        "body_format": _format(values),
        "attachments": files_in(values),
    }
    try:
        return DraftInput.model_validate(written)
    except ValidationError as error:
        raise Problem(422, "invalid_input", errors_of(error)[0][1]) from None


def files_in(values: dict[str, str]) -> tuple[UUID, ...]:
    """Parses file ids; invalid ones are ignored."""
    try:
        return _IDS.validate_python(values.get("attachments", "").split())
    except ValidationError:
        return ()


def _format(values: dict[str, str]) -> BodyFormat:
    return BodyFormat.TEXT if values.get("body_format") == BodyFormat.TEXT.value else BodyFormat.MARKDOWN


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
