"""Stores offers and decisions after a ticket's first, with event-log lines and outbox events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from services.assignment.models import LoggedEvent, TicketAssignment, table_of
from services.assignment.routing.decisions import without_candidates
from shared.contracts.events import AssignmentDecided
from shared.kit.clock import new_id
from shared.kit.db import Session
from shared.kit.outbox import add_all

ASSIGNMENTS = table_of(TicketAssignment)


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision, and the ticket as it was seen."""

    evidence: AssignmentDecided
    revision: int
    reopen_count: int | None = None
    is_kept: bool = False
    """Whether the ticket stays where it is: nothing is sent."""
    is_silent: bool = False
    """Whether it is stored only, and neither logged nor announced."""

    def row(self) -> dict[str, Any]:
        """What is stored: an offer, or a decision to be sent."""
        evidence = self.evidence
        offer = evidence.offer_expires_at
        return {
            "id": new_id(),
            "ticket_id": evidence.ticket_id,
            "team_id": evidence.team_id,
            "agent_id": evidence.offered_to or evidence.agent_id,
            "previous_agent_id": evidence.previous_agent_id,
            "revision": self.revision,
            "priority": evidence.priority.value,
            "cause": evidence.cause.value,
            "reopen_count": self.reopen_count,
            "state": "kept" if self.is_kept else "offered" if offer is not None else "sent",
            "evidence": without_candidates(evidence),
            "attempts": 0,
            "next_attempt_at": offer or evidence.decided_at,
            "decided_at": evidence.decided_at,
        }


async def store(session: Session, decided: Sequence[Decided]) -> list[dict[str, Any]]:
    """Stores decisions; returns the rows of those that are new: of two at once about a ticket, one is.

    Only those are logged and announced.
    """
    if not decided:
        return []
    rows = [one.row() for one in decided]
    made = insert(ASSIGNMENTS).on_conflict_do_nothing().returning(ASSIGNMENTS.c.id)
    stored: set[UUID] = set(await session.scalars(made, rows))
    new_ones = [(one, row) for one, row in zip(decided, rows, strict=True) if row["id"] in stored]
    await _announce(session, [(one.evidence, row) for one, row in new_ones if not one.is_silent])
    return [row for _, row in new_ones]


async def store_offers(session: Session, decided: Sequence[AssignmentDecided]) -> None:
    """The offers among a batch of first decisions, which are logged with those."""
    rows = [Decided(evidence, revision=0).row() for evidence in decided if evidence.offered_to is not None]
    if rows:
        await session.execute(insert(ASSIGNMENTS).on_conflict_do_nothing(), rows)


async def _announce(session: Session, kept: Sequence[tuple[AssignmentDecided, dict[str, Any]]]) -> None:
    if not kept:
        return
    envelopes = [evidence.envelope(f"decision:{row['id']}", evidence.decided_at) for evidence, row in kept]
    lines = [
        _line(evidence, envelope.id, envelope.data) for (evidence, _), envelope in zip(kept, envelopes, strict=True)
    ]
    await session.execute(insert(table_of(LoggedEvent)), lines)
    await add_all(session, envelopes)


def _line(evidence: AssignmentDecided, event_id: str, data: dict[str, Any]) -> dict[str, Any]:
    at: datetime = evidence.decided_at
    return {
        "event_id": event_id,
        "ticket_id": evidence.ticket_id,
        "seq": 0,
        "type": evidence.event_name,
        "at": at,
        "data": data,
    }
