"""Options of the queue's filters: teams, agents and topics, in one statement."""

from dataclasses import dataclass, field
from typing import Final

from services.assignment.queries.ticket_lists.index_scans import statement
from shared.kit.db import Session

OPTIONS: Final = """
select 'team' as kind, slug as value, name from teams where is_active
union all select 'team_id', cast(id as text), name from teams where is_active
union all select 'topic', slug, name from topics where is_active
union all select 'agent', cast(id as text), name from (
  select id, name from agents where is_active order by name, id limit 200) as listed
order by kind, name, value"""

Option = tuple[str, str]


@dataclass(slots=True)
class FilterOptions:
    """Values and the words for them."""

    teams: list[Option] = field(default_factory=list)
    team_ids: list[Option] = field(default_factory=list)
    topics: list[Option] = field(default_factory=list)
    agents: list[Option] = field(default_factory=list)


async def get_filter_options(session: Session) -> FilterOptions:
    """All of them; of agents the first 200."""
    options = FilterOptions()
    lists = {"team": options.teams, "team_id": options.team_ids, "topic": options.topics, "agent": options.agents}
    for row in await session.execute(statement(OPTIONS)):
        lists[row.kind].append((row.value, row.name))
    return options
