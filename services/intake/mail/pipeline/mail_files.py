"""Keeps the files of a mail with its ticket, and binds the pictures in its HTML to them."""

from dataclasses import dataclass
from uuid import UUID

from services.intake.attachments.upload import IncomingFile, Uploader, attachment_ref
from services.intake.mail.parsing.html_sanitizer import with_attachments
from services.intake.mail.parsing.inbound_message import InboundMessage
from services.intake.mail.transports.raw_mail_store import in_chunks
from services.intake.models import RawMail
from shared.contracts.events import AttachmentRef
from shared.contracts.vocabulary import BodyFormat
from shared.kit.db import Session


@dataclass(frozen=True, slots=True)
class StoredBody:
    """A letter's body as it is stored, and its files as the event names them."""

    body: str
    refs: tuple[AttachmentRef, ...]


async def store_mail_files(
    uploader: Uploader,
    session: Session,
    stored: RawMail,
    letter: InboundMessage,
    ticket_id: UUID,
    message_id: UUID,
    *,
    is_internal: bool = False,
) -> StoredBody:
    """Keeps the files of a letter as those of one message; what is not let in is kept out of everybody's reach.

    Those of an internal note are for agents only.
    """
    refs: list[AttachmentRef] = []
    ids: dict[str, str] = {}
    for file in letter.files:
        sent = IncomingFile(file.name, f"mail:{stored.id}", content_id=file.content_id, is_inline=file.is_inline)
        attachment = await uploader.store_or_quarantine(in_chunks(file.content), sent)
        attachment.ticket_id, attachment.message_id = ticket_id, message_id
        attachment.is_internal = is_internal
        session.add(attachment)
        if file.content_id:
            ids[file.content_id] = str(attachment.id)
        refs.append(attachment_ref(attachment))
    is_html = letter.body_format is BodyFormat.HTML
    return StoredBody(with_attachments(letter.body, ids) if is_html else letter.body, tuple(refs))
