"""Reads the tickets of a page as the API answers them."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row

from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_lists.index_scans import statement
from services.assignment.queries.ticket_lists.scopes import visible
from services.assignment.schemas.tickets import ListedRow, TicketView, listed_view
from shared.contracts.base import AgentId, TeamId
from shared.contracts.tickets import TicketSnapshot
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import TicketPlace, permissions_on
from shared.kit.db import Session

ROWS: Final = """
select tickets.id, tickets.subject, tickets.requester_name, tickets.requester_email, tickets.tags,
  tickets.next_due_at, tickets.created_at, cast(tickets.snapshot as text) as snapshot,
  case when tickets.fields <> '{{}}' then cast(tickets.fields as text) end as fields,
  team.slug as team_slug, team.name as team_name, agent.name as agent_name,
  tickets.topic_id, topic.slug as topic_slug, topic.name as topic_name,
  case when tickets.fields <> '{{}}' then cast(topic.fields as text) end as topic_fields
from unnest(cast(:ids as uuid[])) with ordinality as wanted (id, place)
join tickets on tickets.id = wanted.id
left join teams as team on team.id = tickets.team_id
left join agents as agent on agent.id = tickets.assignee_id
left join topics as topic on topic.id = tickets.topic_id
where {condition}
order by wanted.place"""


async def read_rows(session: Session, caller: Caller, ids: Sequence[UUID], now: datetime) -> list[TicketView]:
    """The tickets with these ids that the caller may view, in the given order."""
    if not ids:
        return []
    conditions, values = visible(caller)
    sql = ROWS.format(condition=" and ".join(conditions) or "true")
    rows = (await session.execute(statement(sql), values | {"ids": list(ids)})).all()
    held: dict[TicketPlace, frozenset[Permission]] = {}
    return [_view(row, caller, held, now) for row in rows]


def _view(row: Row[Any], caller: Caller, held: dict[TicketPlace, frozenset[Permission]], now: datetime) -> TicketView:
    snapshot = TicketSnapshot.model_validate_json(row.snapshot)
    place = TicketPlace(
        TeamId(snapshot.team_id) if snapshot.team_id else None,
        AgentId(snapshot.assignee_id) if snapshot.assignee_id else None,
    )
    if place not in held:
        held[place] = permissions_on(caller.principal, place)
    return listed_view(listed_row(row, row.next_due_at), snapshot, held[place], now)


def listed_row(row: Row[Any], due_at: datetime) -> ListedRow:
    """What the answer is made of beside the snapshot, from a row with the columns of `ROWS`."""
    return ListedRow(
        id=row.id,
        subject=row.subject,
        requester_name=row.requester_name,
        requester_email=row.requester_email,
        tags=row.tags,
        next_due_at=due_at,
        created_at=row.created_at,
        fields=json.loads(row.fields) if row.fields else {},
        topic_id=row.topic_id,
        team_slug=row.team_slug,
        team_name=row.team_name,
        agent_name=row.agent_name,
        topic_slug=row.topic_slug,
        topic_name=row.topic_name,
        topic_fields=json.loads(row.topic_fields) if row.topic_fields else [],
    )
