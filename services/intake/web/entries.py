"""A thread as it is read: messages and what happened in between, in order, in the reader's words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from markupsafe import Markup

from services.intake.models import Attachment, AttachmentState, Happening, Message, Ticket
from services.intake.visits import Visit
from services.intake.web.words import HAPPENED
from shared.contracts.vocabulary import ActorKind
from shared.kit.http.pages import as_html

FIRST, SAID, AFTER = range(3)
"""At the same instant: the opening, then what was written, then what followed from it."""
UNAVAILABLE = {
    AttachmentState.PENDING: "being checked",
    AttachmentState.QUARANTINED: "blocked, because it may do harm",
}


@dataclass(frozen=True, slots=True)
class File:
    """A file as the thread lists it; without an address it cannot be had now, and `note` says why."""

    name: str
    size: int
    url: str | None
    note: str


@dataclass(frozen=True, slots=True)
class Said:
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
    def said(self) -> str:
        """What a screen reader is told when it arrives."""
        return f"{self.label} from {self.author}"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened."""

    id: str
    at: datetime
    text: str
    icon: str
    link: str | None = None
    state: str = ""
    is_message: bool = False

    @property
    def said(self) -> str:
        """What a screen reader is told when it happens."""
        return self.text


@dataclass(frozen=True, slots=True)
class Thread:
    """What is stored of a thread."""

    messages: Sequence[Message]
    happenings: Sequence[Happening]
    attachments: Sequence[Attachment]
    follow_ups: Sequence[Ticket]


def entries(visit: Visit, thread: Thread, urls: Mapping[UUID, str], links: Mapping[UUID, str]) -> list[Said | Step]:
    """The thread for one reader, oldest first. `urls` of files, and `links` of tickets that go on from here."""
    said = [(m.received_at, SAID, _said(visit, m, _files_of(m, thread.attachments, urls))) for m in thread.messages]
    steps = [
        (h.at, FIRST if h.kind == "opened" else AFTER, _step(h, _next(h, thread, links)))
        for h in thread.happenings
        if h.kind in HAPPENED
    ]
    return [entry for *_, entry in sorted([*said, *steps], key=lambda found: found[:2])]


def _said(visit: Visit, message: Message, files: Sequence[File]) -> Said:
    is_ours = message.author_kind is ActorKind.AGENT
    writer = (message.author_email or visit.ticket.requester_email).casefold()
    if is_ours:
        label = "Automatic answer" if message.is_automatic else "Our answer"
    elif writer == visit.link.email:
        label = "Your message"
    else:
        label = "Message" if message.author_email is None else "Message in copy"
    return Said(
        id=f"m-{message.id}",
        at=message.received_at,
        side="reply" if is_ours else "requester",
        label=label,
        author=message.author_name,
        body=as_html(message.body, message.body_format),
        quoted=message.quoted,
        files=files,
        state=" ".join(file.note for file in files),
    )


def _files_of(message: Message, attachments: Iterable[Attachment], urls: Mapping[UUID, str]) -> list[File]:
    return [
        File(
            attachment.name,
            attachment.size,
            None if attachment.state in UNAVAILABLE else urls.get(attachment.id),
            UNAVAILABLE.get(attachment.state, ""),
        )
        for attachment in attachments
        if attachment.message_id == message.id and not attachment.is_inline
    ]


def _step(happening: Happening, link: str | None) -> Step:
    words = HAPPENED[happening.kind]
    return Step(f"h-{happening.id}", happening.at, words.by(happening.actor), words.icon, link)


def _next(happening: Happening, thread: Thread, links: Mapping[UUID, str]) -> str | None:
    """Where the ticket is that a message became."""
    if happening.kind != "followed_up":
        return None
    ticket = next((ticket for ticket in thread.follow_ups if ticket.created_at == happening.at), None)
    return links.get(ticket.id) if ticket else None
