"""The read model as the event log alone says it should be."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from services.assignment.commands.execution.projection import FINISHED, row_of, verdict_row
from shared.contracts.events import SlaSettled
from shared.contracts.tickets import TicketSnapshot
from shared.kit.db import Session

COMPARED: Final = (
    *("seq", "revision", "status", "priority", "priority_rank", "team_id", "assignee_id", "assigned_at"),
    *("next_due_at", "is_archived", "updated_at", "worked_until", "snapshot", "is_incident"),
)
"""The columns of a ticket that follow from its events, and from whether it is declared an incident."""
DECLARED: Final = text("select ticket_id from incidents where ticket_id = any(:ids)")
STEPS: Final = text("""
select ticket_id, seq, type, at, event_changed_at(data) as changed_at,
  data -> 'snapshot' ->> 'assignee_id' as assignee_id, data -> 'snapshot' ->> 'status' as status
from events where ticket_id = any(:ids) and (event_changed_at(data) is not null or type = 'ticket.edited')
order by ticket_id, seq, at""")
NEWEST: Final = text("""
select distinct on (ticket_id) ticket_id, data -> 'snapshot' as snapshot
from events where ticket_id = any(:ids) and event_changed_at(data) is not null order by ticket_id, seq desc""")
SETTLED: Final = text("""
select data from events where ticket_id = any(:ids) and type = 'ticket.sla_settled' order by ticket_id, seq""")


@dataclass
class ShadowTicket:
    """A ticket and its verdicts, from its events."""

    snapshot: TicketSnapshot
    columns: dict[str, Any]
    """The values of `COMPARED`."""
    verdicts: dict[tuple[str, int, int], dict[str, Any]] = field(default_factory=dict)
    """By metric, cycle and revision."""

    @property
    def row(self) -> dict[str, Any]:
        """A whole row, for a ticket that the read model lacks."""
        return row_of(self.snapshot) | self.columns


async def read_shadow(session: Session, ids: Sequence[UUID]) -> dict[UUID, ShadowTicket]:
    """The tickets that have lifecycle events, by id."""
    found = {"ids": list(ids)}
    newest = {
        row.ticket_id: TicketSnapshot.model_validate(row.snapshot) for row in await session.execute(NEWEST, found)
    }
    steps = (await session.execute(STEPS, found)).all()
    declared = set(await session.scalars(DECLARED, found))
    shadow = {
        ticket_id: ShadowTicket(
            newest[ticket_id],
            columns_of(newest[ticket_id], list(of_ticket), is_incident=ticket_id in declared),
        )
        for ticket_id, of_ticket in groupby(steps, key=lambda row: row.ticket_id)
        if ticket_id in newest
    }
    for data in await session.scalars(SETTLED, found):
        row = verdict_row(SlaSettled.model_validate(data))
        shadow[row["ticket_id"]].verdicts[row["metric"], row["cycle"], row["revision"]] = row
    return shadow


def columns_of(snapshot: TicketSnapshot, steps: Sequence[Row[Any]], *, is_incident: bool) -> dict[str, Any]:
    """What a ticket's row says after its steps, oldest first; corrections of its words are among them."""
    states = [step for step in steps if step.changed_at is not None]
    edits = [step.at for step in steps if step.changed_at is None and step.seq >= snapshot.seq]
    last = states[-1]
    derived: dict[str, Any] = {
        "assigned_at": _began(states, [step.assignee_id == last.assignee_id for step in states])
        if snapshot.assignee_id
        else None,
        "worked_until": _began(states, [step.status in FINISHED for step in states]),
        "updated_at": max(edits, default=snapshot.updated_at),
        "snapshot": snapshot.model_dump(mode="json"),
        "is_incident": is_incident,
    }
    row = row_of(snapshot) | derived
    return {name: row[name] for name in COMPARED}


def _began(states: Sequence[Row[Any]], holds: Iterable[bool]) -> datetime | None:
    """When something began that has held since; None if it does not hold now."""
    began: datetime | None = None
    for state, is_so in zip(states, holds, strict=True):
        began = (began or state.changed_at) if is_so else None
    return began
