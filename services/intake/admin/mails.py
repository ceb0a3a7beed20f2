"""Mails that had no effect: found by when they came and whom they are from, and opened as tickets after all.

They are here and not at the agents' desk because a mail is personal data that only intake keeps and erases: events
would copy every loop and every bounce into another database.
"""

import asyncio
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.status import HTTP_202_ACCEPTED

from services.intake.admin.administrators import Admin
from services.intake.admin.idempotent_commands import KeyedCall, run_once
from services.intake.api.route import ApiRoute
from services.intake.attachments.object_store import ContentMissing, StorageUnavailable
from services.intake.deps import State
from services.intake.errors import storage_away
from services.intake.mail.pipeline.mail_queries import MailPosition, find_mail, page_of_mails
from services.intake.mail.pipeline.queue import requeue_as_ticket
from services.intake.models import RawMail, RawMailState
from services.intake.schemas import PageRequest
from shared.contracts.redaction import redacted_bytes
from shared.kit.db import Session
from shared.kit.http.idempotent_commands import CreatedResource
from shared.kit.http.paging import Page, decode_cursor, encode_cursor, unusable_cursor
from shared.kit.http.problems import Problem, not_found

MailId = Annotated[UUID, Path()]
router = APIRouter(prefix="/v1/admin/mails", route_class=ApiRoute, tags=["mails"])


class MailRequest(PageRequest):
    """Which mails to list."""

    state: Literal[RawMailState.IGNORED, RawMailState.FAILED] = RawMailState.IGNORED
    sender: Annotated[str, Field(max_length=254)] | None = None
    """Only of this address, in the envelope or in `From`."""


class MailView(BaseModel):
    """A mail as it was kept."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01990a4e-3c00-7000-8000-000000000001",
                    "state": "ignored",
                    "reason": "a loop: our own mail came back",
                    "envelope_sender": "www@shop.example",
                    "from_address": "support@everdesk.example",
                    "subject": "Contact form",
                    "recipients": ["support@everdesk.example"],
                    "source": "smtp",
                    "size": 2048,
                    "received_at": "2026-11-24T09:00:00Z",
                    "ticket_id": None,
                }
            ]
        }
    )

    id: UUID
    state: RawMailState
    reason: str
    """What became of it, in words."""
    envelope_sender: str
    from_address: str
    """Of mails that were ignored; as is `subject`."""
    subject: str
    recipients: list[str]
    source: str
    size: int
    received_at: datetime
    ticket_id: UUID | None

    @classmethod
    def of(cls, mail: RawMail) -> "MailView":
        """The view of a kept mail."""
        return cls(
            reason=mail.outcome,
            envelope_sender=mail.sender,
            from_address=mail.author,
            **{
                name: getattr(mail, name)
                for name in ("id", "state", "subject", "recipients", "source", "size", "received_at", "ticket_id")
            },
        )


@router.get("")
async def list_all(_: Admin, page: Annotated[MailRequest, Query()], state: State) -> Page[MailView]:
    """Mails in one state, newest first; by default those that were ignored."""
    async with state.database.begin() as session:
        mails = await page_of_mails(session, page.state, page.sender, page.limit + 1, _position(page.cursor))
    shown = mails[: page.limit]
    last = shown[-1] if len(mails) > len(shown) else None
    next_cursor = encode_cursor(last.received_at.isoformat(), last.id.hex) if last else None
    return Page(items=[MailView.of(mail) for mail in shown], next_cursor=next_cursor)


@router.get("/{mail_id}")
async def get(_: Admin, mail_id: MailId, state: State) -> MailView:
    """One mail."""
    async with state.database.begin() as session:
        return MailView.of(await find_mail(session, mail_id))


@router.get("/{mail_id}/original", response_class=Response)
async def original(_: Admin, mail_id: MailId, state: State) -> Response:
    """The mail as it came, but for requesters' personal links."""
    async with state.database.begin() as session:
        mail = await find_mail(session, mail_id)
    try:
        content = await state.storage.read(mail.digest, mail.size)
    except ContentMissing:
        raise not_found("mail") from None
    except StorageUnavailable:
        raise storage_away() from None
    headers = {
        "Content-Disposition": f'attachment; filename="{mail_id}.eml"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    shown = await asyncio.to_thread(redacted_bytes, content)
    return Response(shown, headers=headers, media_type="application/octet-stream")


@router.post("/{mail_id}/open", status_code=HTTP_202_ACCEPTED, response_model=MailView)
async def open_as_ticket(_: Admin, call: KeyedCall, mail_id: MailId, state: State) -> Response:
    """Open a mail that was ignored or given up as a ticket, within seconds; its sender gets no acknowledgement."""

    async def make(session: Session) -> CreatedResource:
        mail = await find_mail(session, mail_id)
        if not await requeue_as_ticket(session, mail_id):
            raise Problem(409, "mail_not_ignored", f"the mail is {mail.state.value}; only an ignored one can be opened")
        await session.refresh(mail)
        return CreatedResource(MailView.of(mail))

    return await run_once(state, call, HTTP_202_ACCEPTED, make)


def _position(cursor: str | None) -> MailPosition | None:
    given = decode_cursor(cursor, str, str)
    if given is None:
        return None
    try:
        position = MailPosition(datetime.fromisoformat(str(given[0])), UUID(hex=str(given[1])))
    except ValueError:
        raise unusable_cursor() from None
    if position.received_at.tzinfo is None:
        raise unusable_cursor()
    return position
