"""Detects the same text sent again within minutes (back button, second click), so that the page can ask first."""

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from shared.kit.addresses import address_key
from shared.kit.db import Session
from shared.kit.http.idempotency import fingerprint

REMEMBER = text("""
insert into idempotency_responses (scope, key, request_hash, status, body)
values (:scope, :key, '', 200, :body)
on conflict (scope, key) do update set body = excluded.body, created_at = now()
where :is_wanted or idempotency_responses.created_at < now() - cast(:window as interval)
returning body
""")
"""No row where the same was sent lately; of two at once the second waits for what becomes of the first."""
EARLIER = text("select body from idempotency_responses where scope = :scope and key = :key")


class DuplicateSubmission(Exception):
    """The same text was submitted a moment ago; `ticket_id` is the ticket it went to."""

    def __init__(self, ticket_id: UUID) -> None:
        super().__init__("the same was sent a moment ago")
        self.ticket_id = ticket_id


@dataclass(frozen=True, slots=True)
class SubmittedContent:
    """What is sent: where to, by whom, and its words."""

    place: str
    email: str
    words: tuple[str, ...]
    window: timedelta
    is_wanted: bool = False
    """Whether its sender was asked, and wants it sent again."""

    @property
    def key(self) -> str:
        """The same for words that differ in blanks, letter case or encoding only."""
        plain = (" ".join(unicodedata.normalize("NFKC", words).casefold().split()) for words in self.words)
        return fingerprint(address_key(self.email), *plain).hex()


async def refuse_duplicate(session: Session, content: SubmittedContent, ticket_id: UUID) -> None:
    """Remembers, in the transaction that takes it in, what was sent for a ticket. Raises DuplicateSubmission."""
    if not content.window:
        return
    names = {"scope": content.place, "key": content.key}
    values = names | {
        "body": str(ticket_id).encode(),
        "window": content.window,
        "is_wanted": content.is_wanted,
    }
    if (await session.execute(REMEMBER, values)).one_or_none() is None:
        earlier = (await session.execute(EARLIER, names)).scalar_one()
        raise DuplicateSubmission(UUID(bytes(earlier).decode()))
