"""A mail of the ledger that was claimed, with what decides whether it is sent, and what it then tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(slots=True)
class ClaimedMail:
    """A row's columns in the order in which the claim returns them, first those of the ledger."""

    id: UUID
    cause: str
    recipient: str
    template: str
    ticket_id: UUID
    agent_id: UUID | None
    weight: float | None
    facts: dict[str, Any]
    address: str | None
    name: str | None
    attempts: int
    message_id: str
    bundle: str | None
    created_at: datetime
    number: str | None
    subject: str | None
    root_mail_id: str | None
    last_mail_id: str | None
    ours: str | None
    requester_language: str | None
    earlier_language: str | None
    agent_language: str | None
    has_new_facts: bool = field(default=False, init=False)
    """Whether its facts are not those of the ledger any more."""

    def tell(self, facts: Mapping[str, Any]) -> None:
        """Adds facts, which are stored once it is known that the mail is sent."""
        self.facts = {**self.facts, **facts}
        self.has_new_facts = True
