"""Reads the tickets of a page as they were at an instant of the past."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row

from services.assignment.models.tickets import CHANGED_AT
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_lists import scopes
from services.assignment.queries.ticket_lists.index_scans import statement
from services.assignment.queries.ticket_lists.rows import listed_row
from services.assignment.queries.time_travel.snapshots import submitted_snapshot
from services.assignment.schemas.tickets import TicketView, listed_view, next_due_at
from shared.contracts.base import AgentId, TeamId
from shared.contracts.tickets import TicketSnapshot
from shared.domain.permissions import TicketPlace, permissions_on
from shared.kit.db import Session

PAST_ROWS: Final = f"""
select tickets.id, tickets.subject, tickets.requester_name, tickets.requester_email, tickets.tags,
  tickets.number, tickets.asked_priority, tickets.created_at, tickets.team_id, tickets.assignee_id,
  cast(state.snapshot as text) as snapshot,
  case when tickets.fields <> '{{{{}}}}' then cast(tickets.fields as text) end as fields,
  team.slug as team_slug, team.name as team_name, agent.name as agent_name,
  tickets.topic_id, topic.slug as topic_slug, topic.name as topic_name,
  case when tickets.fields <> '{{{{}}}}' then cast(topic.fields as text) end as topic_fields
from unnest(cast(:ids as uuid[])) with ordinality as wanted (id, place)
join tickets on tickets.id = wanted.id
left join lateral (
  select data -> 'snapshot' as snapshot from events
  where events.ticket_id = tickets.id and {CHANGED_AT} <= :as_of order by {CHANGED_AT} desc, seq desc limit 1
) as past on tickets.updated_at > :as_of
cross join lateral (
  select case when tickets.updated_at <= :as_of then tickets.snapshot else past.snapshot end as snapshot
) as state
left join teams as team on team.id = cast(state.snapshot ->> 'team_id' as uuid)
left join agents as agent on agent.id = cast(state.snapshot ->> 'assignee_id' as uuid)
left join topics as topic on topic.id = tickets.topic_id
where {{condition}}
order by wanted.place"""


async def read_past_rows(session: Session, caller: Caller, ids: Sequence[UUID], as_of: datetime) -> list[TicketView]:
    """The tickets with these ids that the caller may view now, as they were, in the given order."""
    if not ids:
        return []
    conditions, values = scopes.visible(caller)
    sql = PAST_ROWS.format(condition=" and ".join(conditions) or "true")
    rows = (await session.execute(statement(sql), values | {"ids": list(ids), "as_of": as_of})).all()
    return [_past_view(row, caller, as_of) for row in rows]


def _past_view(row: Row[Any], caller: Caller, as_of: datetime) -> TicketView:
    snapshot = TicketSnapshot.model_validate_json(row.snapshot) if row.snapshot else submitted_snapshot(row)
    held = permissions_on(caller.principal, _place_now(row))
    view = listed_view(listed_row(row, next_due_at(snapshot)), snapshot, held, as_of)
    return view.model_copy(update={"allowed_actions": ()})


def _place_now(row: Row[Any]) -> TicketPlace:
    return TicketPlace(
        TeamId(row.team_id) if row.team_id else None, AgentId(row.assignee_id) if row.assignee_id else None
    )
