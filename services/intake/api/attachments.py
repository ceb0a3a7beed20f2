"""Files: sent first, then named in a submission or a message; and given out again."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.intake.api.authentication import Reader, Writer
from services.intake.api.route import ApiRoute, answer
from services.intake.app_state import AppState
from services.intake.attachments.download import find_attachment, serve
from services.intake.attachments.object_store import StorageUnavailable
from services.intake.attachments.upload import IncomingFile
from services.intake.deps import State
from services.intake.errors import storage_away
from services.intake.models import Attachment
from services.intake.queries.tickets import get_ticket
from services.intake.schemas import UploadedFile
from services.intake.web.multipart import FormLimits, FormPart, read_form
from shared.kit.http.idempotency import IdempotencyKey, fingerprint, idempotent_transaction
from shared.kit.http.problems import Problem

router = APIRouter(prefix="/v1", route_class=ApiRoute, tags=["attachments"])
FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                },
                "example": {"file": "GET /login 502"},
            }
        },
    }
}


def owner_of(key_id: str) -> str:
    """Who a client program's uploads belong to until they are attached."""
    return f"key:{key_id}"


@router.post("/attachments", status_code=201, response_model=UploadedFile, openapi_extra=FORM)
async def upload(request: Request, key: Writer, state: State, idempotency_key: IdempotencyKey = None) -> Response:
    """Send one file as the form field `file`; it is written to storage as it arrives, and waits a day to be attached.

    An upload that broke off is sent again from its beginning; with the same Idempotency-Key it is kept once.
    """
    attachment = await received(request, state, owner_of(key.key_id))
    content = fingerprint(attachment.name, attachment.digest)
    async with idempotent_transaction(state.database, f"{key.key_id}:attachment", idempotency_key, content) as guarded:
        if guarded.stored:
            return guarded.stored
        guarded.session.add(attachment)
        body = UploadedFile.of(attachment, state.settings.unattached_hours).model_dump_json().encode()
        await guarded.store(body, 201)
    return answer(body, 201)


@router.get("/tickets/{ticket_id}/attachments/{attachment_id}", response_class=Response)
async def download(request: Request, ticket_id: UUID, attachment_id: UUID, key: Reader, state: State) -> Response:
    """The bytes of a file on the ticket; `Range` is understood."""
    async with state.database.begin() as session:
        await get_ticket(session, ticket_id, key.key_id)
    return await serve(request, state.storage, await find_attachment(state.database, attachment_id, ticket_id))


async def received(request: Request, state: AppState, owner: str) -> Attachment:
    """The one file of a multipart form, in the store; its row is in no session yet. Raises Problem 413, 422, 503."""

    async def keep(part: FormPart, _form: object) -> Attachment:
        if part.name != "file":
            raise Problem(422, "unexpected_file", "send the file as the form field `file`")
        return await state.uploader.store(part.content(), IncomingFile(part.filename or "", owner))

    try:
        form = await read_form(request, keep, FormLimits(fields=0, files=1))
    except StorageUnavailable:
        raise storage_away() from None
    if not form.files:
        raise Problem(422, "file_missing", "send one file as the form field `file`")
    return form.files["file"][0]
