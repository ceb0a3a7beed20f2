"""Completions for the last word of a search: operators, and names as their values."""

from typing import Final

from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_lists.index_scans import statement
from services.assignment.queries.ticket_lists.scopes import visible
from services.assignment.schemas.search_language import DUE_WORDS, FIXED, Key
from shared.kit.db import Session

MOST: Final = 8
NAMES: Final = {
    Key.TEAM: "select slug as value from teams where is_active and starts_with(slug, :begun) order by slug limit 8",
    Key.TOPIC: "select slug as value from topics where is_active and starts_with(slug, :begun) order by slug limit 8",
    Key.ASSIGNEE: "select lower(email) as value from agents where is_active and starts_with(lower(email), :begun)"
    " order by email limit 8",
}
RECENT_TAGS: Final = """
select distinct tag as value from (
  select tickets.tags from tickets where {condition} order by tickets.updated_at desc limit 500
) as recent cross join unnest(recent.tags) as one (tag) where starts_with(tag, :begun) order by tag limit 8"""


async def suggest(session: Session, caller: Caller, text: str) -> list[str]:
    """Whole searches with the last word completed, most likely first."""
    head, _, last = text.rpartition(" ")
    sign, body = ("-", last[1:]) if last.startswith("-") else ("", last)
    name, colon, begun = body.partition(":")
    start = f"{head} {sign}" if head else sign
    if not colon:
        keys = [key.value for key in Key if key.value.startswith(name.lower())] if name else []
        return [f"{start}{key}:" for key in keys[:MOST]]
    if name.lower() not in set(Key):
        return []
    key = Key(name.lower())
    values = await _values(session, caller, key, begun.lower())
    return [f"{start}{key.value}:{value}" for value in values[:MOST]]


async def _values(session: Session, caller: Caller, key: Key, begun: str) -> list[str]:
    fixed = (*FIXED.get(key, ()), *(("<1h", "<4h", "<1d", ">3d", *DUE_WORDS) if key is Key.DUE else ()))
    if key is Key.ASSIGNEE:
        fixed = ("me", "none")
    found = [value for value in fixed if value.startswith(begun)]
    if key in NAMES:
        found += [row.value for row in await session.execute(statement(NAMES[key]), {"begun": begun})]
    if key is Key.TAG:
        conditions, values = visible(caller)
        working = "tickets.status not in ('resolved', 'closed')"
        sql = RECENT_TAGS.format(condition=" and ".join((working, *conditions)))
        found += [row.value for row in await session.execute(statement(sql), values | {"begun": begun})]
    return found
