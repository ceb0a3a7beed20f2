"""Resolves filters and search operators to index scans and conditions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_lists import scopes
from services.assignment.queries.ticket_lists.conditions import Conditions
from services.assignment.queries.ticket_lists.index_scans import IS_NOBODYS, Listed, statement
from services.assignment.schemas.search_language import (
    Key,
    SearchText,
    Term,
    Token,
    parse_search,
    unknown_name,
)
from services.assignment.schemas.ticket_filters import Filters, QueueView
from shared.contracts.vocabulary import Priority, Status
from shared.kit.addresses import address_key
from shared.kit.db import Session

NOBODYS: Final = UUID(int=0)
"""An id that matches nothing."""


def search_text(filters: Filters) -> SearchText:
    """Parses the search field. Raises Problem 422 at the first operator with an unknown value."""
    return parse_search(filters.q) if filters.q and filters.q.strip() else SearchText()


@dataclass(frozen=True, slots=True)
class ResolvedFilters:
    """Filters with ids in place of names: what index scans are chosen by, further conditions, and search terms."""

    asked: scopes.ListScope
    more: Conditions
    terms: Sequence[Term]


async def resolve(session: Session, caller: Caller, filters: Filters, now: datetime) -> tuple[Listed, Sequence[Term]]:
    """The list and its search terms. Names are resolved to ids first, because the planner's statistics are about ids.

    Raises Problem 422.
    """
    found = await resolve_filters(session, caller, filters, now)
    found.more.add_asked(found.asked)
    scans, values = scopes.scans_of(caller, found.asked)
    visible, seen = scopes.visible_in_scans(caller)
    return Listed(scans, tuple(found.more.sql), visible, values | seen | found.more.values), found.terms


async def resolve_filters(session: Session, caller: Caller, filters: Filters, now: datetime) -> ResolvedFilters:
    """The filters with ids in place of names. Raises Problem 422."""
    said = search_text(filters)
    more = Conditions(caller, now)
    kept, narrowing = _merge(filters, said.tokens)
    for token in narrowing:
        kept = await _narrow(session, more, token, kept)
    team_id = await _id_of(session, "teams", kept.team)
    assignee_id = await _assignee(session, caller, kept.assignee)
    is_nobodys = kept.assignee == "none" or (kept.view is QueueView.UNASSIGNED and not kept.assignee)
    if kept.view is QueueView.MINE and assignee_id not in (None, caller.agent_id):
        more.add("false")
    statuses = kept.status or (tuple(Status) if kept.view is QueueView.ALL else scopes.WORKING)
    asked = scopes.ListScope(
        tuple(statuses),
        kept.priority,
        team_id,
        caller.agent_id if kept.view is QueueView.MINE else assignee_id,
        is_nobodys,
        kept.view is QueueView.TEAM,
    )
    if kept.view is QueueView.OVERDUE:
        more.add("tickets.next_due_at < ?", now)
    if kept.view is QueueView.UNASSIGNED:
        more.add_unless(is_nobodys, IS_NOBODYS)
    if kept.topic:
        more.add("tickets.topic_id = ?", await _id_of(session, "topics", kept.topic))
    more.add_plain(kept.tag, kept.channel, kept.due)
    return ResolvedFilters(asked, more, said.terms)


def _merge(filters: Filters, tokens: Sequence[Token]) -> tuple[Filters, list[Token]]:
    """Turns search operators into filter parameters where there is one; the rest become conditions."""
    rest: list[Token] = []
    for token in tokens:
        match token.key:
            case _ if token.is_excluded:
                rest.append(token)
            case Key.IS | Key.STATUS if token.value in set(Status) and not filters.status:
                filters = replace(filters, status=(Status(token.value),))
            case Key.PRIORITY if not filters.priority:
                filters = replace(filters, priority=(Priority(token.value),))
            case _:
                rest.append(token)
    return filters, rest


async def _narrow(session: Session, more: Conditions, token: Token, kept: Filters) -> Filters:
    """Adds an operator's condition, or sets the team or agent filter, by which index scans are chosen.

    Raises SearchProblem.
    """
    if token.key is Key.TEAM and not token.is_excluded and not kept.team:
        return replace(kept, team=str(await _known(session, "teams", token)))
    if token.key is Key.ASSIGNEE and not token.is_excluded and not kept.assignee:
        return replace(kept, assignee=str(await _known_agent(session, more.caller, token) or "none"))
    match token.key:
        case Key.TEAM | Key.TOPIC:
            more.add_id(f"{token.key.value}_id", await _known(session, f"{token.key.value}s", token), token)
        case Key.ASSIGNEE:
            more.add_id("assignee_id", await _known_agent(session, more.caller, token), token)
        case _:
            more.add_token(token)
    return kept


async def _known(session: Session, table: str, token: Token) -> UUID:
    found = await _id_of(session, table, token.value)
    if found in (None, NOBODYS):
        rows = await session.execute(statement(f"select slug from {table} order by slug limit 1000"))
        raise unknown_name(token, [row.slug for row in rows])
    return found or NOBODYS


async def _known_agent(session: Session, caller: Caller, token: Token) -> UUID | None:
    found = await _assignee(session, caller, token.value)
    if found == NOBODYS:
        rows = await session.execute(statement("select lower(email) as email from agents order by email limit 1000"))
        raise unknown_name(token, ["me", "none", *(row.email for row in rows)])
    return found


async def _id_of(session: Session, table: str, wanted: str | None) -> UUID | None:
    """The given id, or the id for a slug; NOBODYS if the slug is unknown."""
    if not wanted:
        return None
    try:
        return UUID(wanted)
    except ValueError:
        found = await session.scalar(statement(f"select id from {table} where slug = :slug"), {"slug": wanted.lower()})
        return found or NOBODYS


async def _assignee(session: Session, caller: Caller, wanted: str | None) -> UUID | None:
    """An agent's id by id, address or `me`; None for `none`, or without a filter."""
    if not wanted or wanted.lower() in ("me", "none"):
        return caller.agent_id if wanted and wanted.lower() == "me" else None
    try:
        return UUID(wanted)
    except ValueError:
        query = statement("select id from agents where lower(email) = :email")
        return await session.scalar(query, {"email": address_key(wanted)}) or NOBODYS
