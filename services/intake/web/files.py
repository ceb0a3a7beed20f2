"""Files of the portal: kept as a form brings them, sent one by one by a page's script, given out by address."""

import re
from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy import select

from services.intake.app_state import AppState
from services.intake.attachments.attaching import NO_FILES, ChosenFiles
from services.intake.attachments.download import find_attachment, serve
from services.intake.deps import State
from services.intake.models import Attachment
from services.intake.web.form_questions import PREFIX
from services.intake.web.forms import MAX_FILES, FormNotValid, PortalForm, owner_of, read_form
from services.intake.web.route import PortalPageRoute
from shared.kit.http.problems import Problem, not_found
from shared.kit.i18n.messages import gettext

ATTACHMENT = "attachment"
"""The input for files beside the text; a file question's input has the question's own name."""
IS_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
router = APIRouter(route_class=PortalPageRoute, include_in_schema=False)


class KeptFile(BaseModel):
    """A file that waits for its form to be sent."""

    id: UUID
    name: str
    size: int

    @classmethod
    def of(cls, attachment: Attachment) -> "KeptFile":
        """As a page needs it."""
        return cls(id=attachment.id, name=attachment.name, size=attachment.size)


@router.post("/tickets/uploads", status_code=201)
async def upload(request: Request, state: State) -> Response:
    """One file, sent by the page's script while the form is still being filled in."""
    sent = await read_form(request, state, state.upload_limiter)
    if sent.refused:
        raise Problem(422, "file_refused", next(iter(sent.refused.values())))
    kept = await kept_files(state, sent, chosen_ids(sent, ATTACHMENT))
    if len(kept) != 1:
        raise Problem(422, "file_missing", "choose a file")
    return Response(kept[0].model_dump_json(), 201, media_type="application/json")


@router.get("/files/{token}")
async def give(request: Request, token: str, state: State) -> Response:
    """A file, for whoever has its address while that works; a forged one and an old one look the same."""
    link = state.file_links.read(token)
    if link is None:
        raise not_found("file")
    attachment = await find_attachment(state.database, link.attachment_id)
    return await serve(request, state.storage, attachment, is_inline=link.is_inline)


def chosen_ids(sent: PortalForm, name: str) -> list[UUID]:
    """The files an input brought, this time or before. Raises NotValid."""
    try:
        ids = [UUID(text) for text in dict.fromkeys(sent.all(name)) if text]
    except ValueError:
        raise FormNotValid({name: gettext("Choose the files anew")}) from None
    if len(ids) > MAX_FILES:
        raise FormNotValid({name: gettext("Choose at most %(count)s files", count=MAX_FILES)})
    return ids


def chosen_files(sent: PortalForm, answers: dict[UUID, str] | None = None) -> ChosenFiles:
    """What goes with the form: files beside the text, and those that answer questions. Raises NotValid."""
    ids = chosen_ids(sent, ATTACHMENT)
    return ChosenFiles.of(owner_of(sent), ids, answers) if ids or answers else NO_FILES


async def files_by_input(state: AppState, sent: PortalForm) -> dict[str, list[KeptFile]]:
    """The files that a form brought and that are still to be attached, for showing it again."""
    wanted = {text: name for name in sent for text in sent.all(name) if name == ATTACHMENT or name.startswith(PREFIX)}
    ids = [UUID(text) for text in wanted if IS_ID.fullmatch(text)]
    by_input: dict[str, list[KeptFile]] = {}
    for file in await kept_files(state, sent, ids):
        by_input.setdefault(wanted[str(file.id)], []).append(file)
    return by_input


async def kept_files(state: AppState, sent: PortalForm, ids: Sequence[UUID]) -> list[KeptFile]:
    """Those of the files that this form brought and that are still to be attached, for showing it again."""
    if not ids:
        return []
    query = (
        select(Attachment)
        .where(Attachment.id.in_(ids), Attachment.owner == owner_of(sent), Attachment.ticket_id.is_(None))
        .order_by(Attachment.id)
    )
    async with state.database.begin() as session:
        return [KeptFile.of(attachment) for attachment in await session.scalars(query)]
