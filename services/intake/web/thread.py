"""One request as its requester sees it: where it stands, what was written and done, and what comes meanwhile."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from starlette.status import HTTP_409_CONFLICT

from services.intake.abuse.admission_control import EntryPoint
from services.intake.access.link_access import LinkAccess, get_link_access
from services.intake.app_state import AppState
from services.intake.attachments.attaching import ChosenFiles
from services.intake.attachments.download import find_attachment, serve
from services.intake.commands.duplicate_submission import DuplicateSubmission, SubmittedContent, refuse_duplicate
from services.intake.commands.new_message import NewMessage
from services.intake.commands.post_message import post_with_files
from services.intake.deps import State
from services.intake.live import StreamReader
from services.intake.live.event_streams import EventId, LastEventId
from services.intake.web.files import chosen_files, files_by_input
from services.intake.web.forms import (
    FormNotValid,
    PortalForm,
    ReplyForm,
    Values,
    check,
    form_id_of,
    key_of,
    read_form,
)
from services.intake.web.labels import notice_of
from services.intake.web.link_deps import Token, VerifiedLink, rate_limit_key
from services.intake.web.route import PortalPageRoute
from services.intake.web.status_actions import back
from services.intake.web.thread_page import view_of
from shared.contracts.vocabulary import BodyFormat, Channel
from shared.kit.clock import utc_now
from shared.kit.http.client_address import address_of
from shared.kit.http.idempotency import idempotent_transaction
from shared.kit.http.problems import Problem

SEND_ANYWAY = "send_anyway"
"""The value of the button that sends the same once more."""
router = APIRouter(prefix="/t", route_class=PortalPageRoute, include_in_schema=False)


@router.get("/{token}")
async def show(
    request: Request, token: Token, visit: VerifiedLink, state: State, done: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """The thread."""
    page = await _thread(request, state, token, visit, PortalForm(), {}, 200, notice_of(done))
    state.email_verification.note(page, visit)
    return page


@router.get("/{token}/now")
async def show_now(request: Request, token: Token, visit: VerifiedLink, state: State) -> Response:
    """The parts of the thread that change, for the page's script."""
    return state.pages.render(request, "thread_now.html", **await view_of(state, token, visit), form_id=form_id_of({}))


@router.get("/{token}/events")
async def follow(
    request: Request,
    token: Token,
    visit: VerifiedLink,
    state: State,
    last_event_id: LastEventId = None,
    after: EventId = 0,
) -> Response:
    """What happens while somebody looks, for the page's script."""
    caller = StreamReader(
        f"address:{rate_limit_key(request, state)}",
        state.settings.streams_per_address,
        partial(_may_read, state, token),
    )
    return await state.event_streams.stream(visit.ticket.id, after if last_event_id is None else last_event_id, caller)


@router.get("/{token}/files/{attachment_id}")
async def give_file(
    request: Request,
    attachment_id: UUID,
    visit: VerifiedLink,
    state: State,
    inline: Annotated[bool, Query(description="To be shown in the page")] = False,  # noqa: FBT002 - a query
) -> Response:
    """A file of the thread, for as long as the link to the thread works."""
    attachment = await find_attachment(state.database, attachment_id, visit.ticket.id)
    return await serve(request, state.storage, attachment, is_inline=inline)


@router.post("/{token}/reply")
async def reply(request: Request, token: Token, visit: VerifiedLink, state: State) -> Response:
    """Adds what the visitor wrote. Raises Problem 403 for a colleague who does not take part."""
    values = await read_form(request, state)
    if visit.is_colleague:
        raise Problem(403, "not_taking_part", "follow this ticket first; then you can write on it")
    address = address_of(request, state.settings.trusted_proxies)
    await state.admission.refuse_banned(EntryPoint.PEOPLE, visit.link.email, address)
    try:
        form, files = _checked(values)
    except FormNotValid as wrong:
        return await _thread(request, state, token, visit, values, wrong.errors, 422, [])
    post = NewMessage(
        body=form.body,
        body_format=BodyFormat.TEXT,
        channel=Channel.PORTAL,
        received_at=utc_now(),
        author_name=None if visit.is_requester else visit.name,
        author_email=None if visit.is_requester else visit.link.email,
        requester_address=visit.link.email if visit.is_requester else None,
    )
    place, do = f"portal:reply:{visit.ticket.id}", values.get("do", "")
    window = state.settings.repeat_window
    content = SubmittedContent(
        f"portal:same:{visit.ticket.id}", visit.link.email, (form.body,), window, do == SEND_ANYWAY
    )
    try:
        await _post(state, visit, post, files, (place, key_of(values, form, do.encode())), content)
    except DuplicateSubmission:
        return await _thread(request, state, token, visit, values, {}, HTTP_409_CONFLICT, [])
    return back(token, "followed" if visit.ticket.is_archived else "replied")


async def _post(
    state: AppState,
    visit: LinkAccess,
    post: NewMessage,
    files: ChosenFiles,
    claim: tuple[str, str],
    content: SubmittedContent,
) -> None:
    """Adds it once per form. Raises Repeated."""
    async with idempotent_transaction(state.database, *claim, b"") as guarded:
        if not guarded.stored:
            await refuse_duplicate(guarded.session, content, visit.ticket.id)
            await post_with_files(guarded.session, visit.ticket, post, files)
            await guarded.store(b"")


def _checked(sent: PortalForm) -> tuple[ReplyForm, ChosenFiles]:
    """Raises NotValid with everything that is wrong."""
    errors = dict(sent.refused)
    try:
        form = check(ReplyForm, sent)
    except FormNotValid as wrong:
        raise FormNotValid({**wrong.errors, **errors}) from None
    if errors:
        raise FormNotValid(errors)
    return form, chosen_files(sent)


async def _may_read(state: AppState, token: str) -> bool:
    """Whether the link still opens the ticket: it may have been revoked since the page was opened."""
    async with state.database.begin() as session:
        try:
            await get_link_access(session, state.links, token)
        except Problem:
            return False
    return True


async def _thread(
    request: Request,
    state: AppState,
    token: str,
    visit: LinkAccess,
    values: PortalForm,
    errors: Values,
    status: int,
    notices: list[tuple[str, str]],
) -> Response:
    return state.pages.render(
        request,
        "thread.html",
        status,
        **await view_of(state, token, visit),
        values=values,
        files=await files_by_input(state, values),
        errors=errors,
        form_id=form_id_of(values),
        notices=notices,
        is_repeated=status == HTTP_409_CONFLICT,
    )
