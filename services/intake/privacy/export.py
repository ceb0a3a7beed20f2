"""All that intake holds of a requester as one ZIP: HTML for people, JSON for programs, files and mails as they came."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from markupsafe import Markup
from sqlalchemy import Select, func, inspect, select

from services.intake.attachments.link_removal import without_links
from services.intake.attachments.object_store import ContentMissing, ContentStore
from services.intake.models import (
    Attachment,
    AttachmentState,
    Base,
    Message,
    Participant,
    RawMail,
    SatisfactionSurvey,
    Ticket,
    TimelineEntry,
)
from services.intake.privacy.subject_data import SubjectData, mailed_by
from services.intake.privacy.zip_stream import ZipStream
from shared.kit.clock import utc_now
from shared.kit.db import Database
from shared.kit.http.pages import Pages
from shared.kit.user_content.renderer import BodyRenderer
from shared.kit.user_content.rendering import with_attachment_urls

MESSAGES_AT_ONCE = 100
DANGEROUS = (AttachmentState.QUARANTINED, AttachmentState.PENDING)
"""Files that are named, and not handed out."""
OURS = frozenset(("api_key_id", "digest", "owner", "identity", "rendered", "renderer"))
"""Columns that say nothing of the person."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exporter:
    """Reads one ticket after another, and of a ticket one page of messages after another."""

    database: Database
    storage: ContentStore
    pages: Pages
    renderer: BodyRenderer

    async def stream(self, holdings: SubjectData) -> AsyncIterator[bytes]:
        """The archive, in pieces. Raises StorageUnavailable, which leaves it unfinished and so unreadable."""
        archive, tickets = ZipStream(), []
        for ticket_id in holdings.ticket_ids:
            ticket = await self._row(Ticket, ticket_id)
            if ticket is None:
                continue
            tickets.append(ticket)
            async for piece in self._ticket(archive, ticket):
                yield piece
        async for piece in self._elsewhere(archive, holdings):
            yield piece
        about = {
            "email": holdings.email,
            "addresses": holdings.emails,
            "requester_id": holdings.requester_id,
            "exported_at": utc_now(),
            "tickets": [ticket["number"] for ticket in tickets],
        }
        yield archive.text("requester.json", _json(about))
        yield archive.text("index.html", self.pages.text("export_index.html", about=about, tickets=tickets))
        yield archive.close()

    async def _ticket(self, archive: ZipStream, ticket: Row) -> AsyncIterator[bytes]:
        folder = f"tickets/{ticket['number']}"
        belongs = ticket["id"]
        files = await self._rows(
            select(Attachment)
            .where(Attachment.ticket_id == belongs, Attachment.is_internal.is_(False))
            .order_by(Attachment.id)
        )
        mails = await self._rows(
            select(RawMail)
            .where(RawMail.ticket_id == belongs, RawMail.is_internal.is_(False))
            .order_by(RawMail.received_at)
        )
        about = ticket | {
            "participants": await self._rows(select(Participant).where(Participant.ticket_id == belongs)),
            "timeline": await self._rows(
                select(TimelineEntry).where(TimelineEntry.ticket_id == belongs).order_by(TimelineEntry.id)
            ),
            "ratings": await self._rows(select(SatisfactionSurvey).where(SatisfactionSurvey.ticket_id == belongs)),
            "files": [_without(file, OURS) | {"place": _place(file)} for file in files],
            "mails": [_without(mail, OURS) for mail in mails],
        }
        yield archive.text(f"{folder}/ticket.json", _json(about))
        page = 0
        async for messages in self._messages(Message.ticket_id == belongs):
            page += 1
            yield archive.text(f"{folder}/messages-{page:03}.json", _json(messages))
            bodies = {one["id"]: await self._shown(one) for one in messages}
            html = self.pages.text("export_ticket.html", ticket=about, messages=messages, bodies=bodies, page=page)
            yield archive.text(f"{folder}/page-{page:03}.html", html)
        async for piece in self._files(archive, folder, files):
            yield piece
        async for piece in self._mails(archive, f"{folder}/mails", mails):
            yield piece

    async def _elsewhere(self, archive: ZipStream, holdings: SubjectData) -> AsyncIterator[bytes]:
        """What the person was and wrote on others' tickets, and mails that became part of none."""
        for ticket_id in holdings.took_part_in:
            folder = f"took-part-in/{ticket_id}"
            mine = Message.ticket_id == ticket_id, func.lower(Message.author_email).in_(holdings.emails)
            takes_part = Participant.ticket_id == ticket_id, Participant.email.in_(holdings.emails)
            yield archive.text(
                f"{folder}/participation.json", _json(await self._rows(select(Participant).where(*takes_part)))
            )
            page = 0
            async for messages in self._messages(*mine):
                page += 1
                yield archive.text(f"{folder}/messages-{page:03}.json", _json(messages))
            written = Attachment.ticket_id == ticket_id, Attachment.message_id.in_(select(Message.id).where(*mine))
            async for piece in self._files(archive, folder, await self._rows(select(Attachment).where(*written))):
                yield piece
        async with self.database.begin() as session:  # apart: with all in one, every mail there is would be read
            sent = (await session.scalars(select(RawMail.id).where(mailed_by(holdings.emails, ())))).all()
        others = select(RawMail).where(
            RawMail.id.in_(sent),
            RawMail.is_internal.is_(False),
            RawMail.ticket_id.is_(None) | RawMail.ticket_id.not_in(holdings.ticket_ids),
        )
        async for piece in self._mails(archive, "mails", await self._rows(others)):
            yield piece
        async for piece in self._as_third_party(archive, holdings):
            yield piece

    async def _as_third_party(self, archive: ZipStream, holdings: SubjectData) -> AsyncIterator[bytes]:
        """What the person answered agents beside others' tickets; what agents wrote has gone to them as mail."""
        for ticket_id in sorted(holdings.third_party_on):
            folder = f"third-party-on/{ticket_id}"
            written = [mail.message_id for mail in holdings.side_mails if mail.ticket_id == ticket_id]
            beside = Attachment.ticket_id == ticket_id, Attachment.message_id.in_(written)
            files = await self._rows(select(Attachment).where(*beside))
            async for piece in self._files(archive, folder, files):
                yield piece
            mails = await self._rows(select(RawMail).where(RawMail.message_id.in_(written)))
            async for piece in self._mails(archive, f"{folder}/mails", mails):
                yield piece

    async def _files(self, archive: ZipStream, folder: str, files: Sequence[Row]) -> AsyncIterator[bytes]:
        for file in files:
            if file["state"] not in DANGEROUS:
                async for piece in self._content(archive, f"{folder}/{_place(file)}", file["digest"]):
                    yield piece

    async def _mails(self, archive: ZipStream, folder: str, mails: Sequence[Row]) -> AsyncIterator[bytes]:
        for mail in mails:
            async for piece in self._content(archive, f"{folder}/{mail['id']}.eml", mail["digest"]):
                yield piece

    async def _content(self, archive: ZipStream, name: str, digest: str) -> AsyncIterator[bytes]:
        content = self.storage.get(digest)
        try:
            first = await anext(content, b"")
        except ContentMissing:
            yield archive.text(f"{name}.missing.txt", "The content is no longer there.\n")
            return
        async for piece in archive.file(name, without_links(_from(first, content))):
            yield piece

    async def _messages(self, *conditions: Any) -> AsyncIterator[list[Row]]:
        """Page by page; each in a transaction of its own, so that a slow reader holds none."""
        after: UUID | None = None
        while True:
            query = select(Message).where(*conditions).order_by(Message.id).limit(MESSAGES_AT_ONCE)
            rows = await self._rows(query if after is None else query.where(Message.id > after))
            if not rows:
                return
            yield sorted((_without(row, OURS) for row in rows), key=lambda row: row["received_at"])
            after = rows[-1]["id"]

    async def _shown(self, message: Row) -> Markup:
        return with_attachment_urls((await self.renderer.show(message["body"], message["body_format"])).html, {})

    async def _row(self, model: type[Base], row_id: UUID) -> Row | None:
        async with self.database.begin() as session:
            found = await session.get(model, row_id)
        return _without(_columns(found), OURS) if found else None

    async def _rows(self, query: Select[Any]) -> list[Row]:
        async with self.database.begin() as session:
            return [_columns(row) for row in await session.scalars(query)]


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


def _place(file: Row) -> str:
    """Where a file is in its ticket's folder: two may have the same name."""
    return f"files/{file['id']}-{file['name'].replace('/', '_')}"


def _columns(row: Base) -> Row:
    return {column.key: getattr(row, column.key) for column in inspect(type(row)).column_attrs}


def _without(row: Row, names: frozenset[str]) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"
