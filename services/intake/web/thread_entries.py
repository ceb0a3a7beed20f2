"""A thread as it is read: messages and what happened in between, in order, in the reader's words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from markupsafe import Markup

from services.intake.access.link_access import LinkAccess
from services.intake.attachments.download import SERVED
from services.intake.attachments.media_type_detection import SHOWABLE
from services.intake.models import Attachment, AttachmentState, Message, Ticket, TimelineEntry
from services.intake.web.labels import EVENT_LABELS
from shared.contracts.vocabulary import ActorKind, BodyFormat
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _
from shared.kit.user_content.rendering import ATTACHED, with_attachment_urls

OPENED = "opened"
FIRST, SAID, AFTER = range(3)
"""At the same instant: the opening, then what was written, then what followed from it."""
UNAVAILABLE = {
    AttachmentState.PENDING: _("being checked"),
    AttachmentState.QUARANTINED: _("blocked, because it may do harm"),
}


@dataclass(frozen=True, slots=True)
class File:
    """A file as the thread lists it; without an address it cannot be had now, and `note` says why."""

    name: str
    size: int
    url: str | None
    note: str


@dataclass(frozen=True, slots=True)
class MessageEntry:
    """A message."""

    id: str
    at: datetime
    side: str
    """`reply` of ours, or `requester`'s side."""
    label: str
    author: str
    body: Markup
    quoted: str
    files: Sequence[File]
    state: str
    """Changes when the message must be shown anew."""
    is_message: bool = True

    @property
    def announcement(self) -> str:
        """What a screen reader is told when it arrives."""
        return gettext("%(message)s from %(author)s", message=self.label, author=self.author)


@dataclass(frozen=True, slots=True)
class EventEntry:
    """Something that happened."""

    id: str
    at: datetime
    text: str
    icon: str
    link: str | None = None
    state: str = ""
    is_message: bool = False

    @property
    def announcement(self) -> str:
        """What a screen reader is told when it happens."""
        return self.text


@dataclass(frozen=True, slots=True)
class ThreadView:
    """What is stored of a thread."""

    messages: Sequence[Message]
    timeline: Sequence[TimelineEntry]
    attachments: Sequence[Attachment]
    follow_ups: Sequence[Ticket]
    bodies: Mapping[UUID, str] = field(default_factory=dict)
    """The messages' bodies as safe HTML."""


def entries(
    visit: LinkAccess, thread: ThreadView, place: str, links: Mapping[UUID, str]
) -> list[MessageEntry | EventEntry]:
    """The thread for one reader, oldest first. Files are under `place`; `links` lead to tickets that go on."""
    in_order: list[tuple[datetime, int, MessageEntry | EventEntry]] = [
        (message.received_at, SAID, _said(visit, message, thread, place)) for message in thread.messages
    ]
    for happening in thread.timeline:
        if happening.kind == OPENED:
            in_order.append((visit.ticket.created_at, FIRST, _step(happening, None)))
        elif happening.kind in EVENT_LABELS:
            in_order.append((happening.at, AFTER, _step(happening, _next(happening, links))))
    return [entry for *_, entry in sorted(in_order, key=lambda found: found[:2])]


def _said(visit: LinkAccess, message: Message, thread: ThreadView, place: str) -> MessageEntry:
    mine = [attachment for attachment in thread.attachments if attachment.message_id == message.id]
    pictures = {file.id: f"{place}/{file.id}?inline=1" for file in mine if _is_shown(file, message)}
    files = [_file(attachment, place) for attachment in mine if attachment.id not in pictures]
    is_ours = message.author_kind is ActorKind.AGENT
    return MessageEntry(
        id=f"m-{message.id}",
        at=message.received_at,
        side="reply" if is_ours else "requester",
        label=_label(visit, message, is_ours=is_ours),
        author=message.author_name,
        body=with_attachment_urls(thread.bodies[message.id], pictures),
        quoted=message.quoted,
        files=files,
        state=" ".join(file.note for file in files),
    )


def _label(visit: LinkAccess, message: Message, *, is_ours: bool) -> str:
    if is_ours:
        return gettext("Automatic answer") if message.is_automatic else gettext("Our answer")
    if (message.author_email or visit.ticket.requester_email).casefold() == visit.link.email:
        return gettext("Your message")
    return gettext("Message in copy") if message.author_email else gettext("Message")


def _is_shown(attachment: Attachment, message: Message) -> bool:
    """Whether the body shows the picture, so that it need not be listed."""
    return (
        attachment.state in SERVED
        and attachment.media_type in SHOWABLE
        and message.body_format is BodyFormat.HTML
        and f"{ATTACHED}{attachment.id}" in message.body
    )


def _file(attachment: Attachment, place: str) -> File:
    url = f"{place}/{attachment.id}" if attachment.state in SERVED else None
    return File(attachment.name, attachment.size, url, gettext(UNAVAILABLE.get(attachment.state, "")))


def _step(happening: TimelineEntry, link: str | None) -> EventEntry:
    words = EVENT_LABELS[happening.kind]
    return EventEntry(f"h-{happening.id}", happening.at, words.by(happening.actor), words.icon, link)


def _next(happening: TimelineEntry, links: Mapping[UUID, str]) -> str | None:
    """Where the ticket is that a message became."""
    return links.get(happening.follow_up_id) if happening.follow_up_id else None
