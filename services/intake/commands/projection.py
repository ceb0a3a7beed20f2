"""The projections: where each ticket stands, as its workflow last said, and who is an agent."""

from collections.abc import Iterable

from sqlalchemy import Table, bindparam, update
from sqlalchemy.dialects.postgresql import insert

from services.intake.models import Agent, Ticket
from shared.contracts.base import TicketId
from shared.contracts.events import AgentChanged
from shared.contracts.tickets import TicketSnapshot
from shared.kit.addresses import address_key
from shared.kit.db import Session

TICKETS = Ticket.__table__
assert isinstance(TICKETS, Table)
PROJECTED = ("status", "priority", "seq", "revision", "resolved_at", "closed_at", "is_archived", "updated_at")
PROJECT = (
    update(TICKETS)
    .where(TICKETS.c.id == bindparam("ticket"), TICKETS.c.seq < bindparam("newer_than"))
    .values({name: bindparam(name) for name in PROJECTED})
)
"""Applied only if newer, so duplicates and reordering do no harm. A ticket intake does not know is none of ours."""


async def project(session: Session, snapshots: Iterable[TicketSnapshot]) -> None:
    """Brings tickets to their newest snapshots; in the order of their ids, so that two of us cannot deadlock."""
    newest: dict[TicketId, TicketSnapshot] = {}
    for snapshot in snapshots:
        known = newest.get(snapshot.ticket_id)
        if known is None or known.seq < snapshot.seq:
            newest[snapshot.ticket_id] = snapshot
    rows = [
        {"ticket": snapshot.ticket_id, "newer_than": snapshot.seq}
        | {name: getattr(snapshot, name) for name in PROJECTED}
        for snapshot in sorted(newest.values(), key=lambda snapshot: snapshot.ticket_id)
    ]
    if rows:
        await (await session.connection()).execute(PROJECT, rows)


async def project_agents(session: Session, changes: Iterable[AgentChanged]) -> None:
    """Keeps agents as they now are; in the order of their ids and versions."""
    for change in sorted(changes, key=lambda change: (change.agent_id, change.version)):
        told = {
            "email": address_key(change.email),
            "name": change.name,
            "is_active": change.is_active,
            "version": change.version,
        }
        statement = insert(Agent).values(id=change.agent_id, **told)
        await session.execute(
            statement.on_conflict_do_update(index_elements=[Agent.id], set_=told, where=Agent.version < change.version)
        )
