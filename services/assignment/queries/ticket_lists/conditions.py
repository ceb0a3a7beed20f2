"""Builds the SQL conditions of filters and search operators, with their parameters."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.assignment.models import FAR_FUTURE
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_lists import scopes
from services.assignment.queries.ticket_lists.index_scans import IS_NOBODYS
from services.assignment.schemas.search_language import FAMILY, FOLLOWED, Due, Key, Token, due_of, read_due
from shared.contracts.vocabulary import Priority
from shared.kit.http.problems import invalid
from shared.kit.ticket_numbers import reference_in

FAMILY_SQL: Final = {
    "incident": "exists (select from incidents where incidents.ticket_id = tickets.id)",
    "child": "exists (select from ticket_links as link where link.ticket_id = tickets.id and link.kind = 'child')",
}
CHILD_OF: Final = """tickets.id = any(array(
  select link.ticket_id from ticket_links as link join tickets as parent on parent.id = link.other_id
  where parent.number = ? and link.kind = 'child'))"""
CHILD_OF_ID: Final = """tickets.id = any(array(
  select link.ticket_id from ticket_links as link where link.other_id = ? and link.kind = 'child'))"""


@dataclass(slots=True)
class Conditions:
    """Collects conditions and parameters."""

    caller: Caller
    now: datetime
    sql: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def add(self, condition: str, *given: Any, is_excluded: bool = False) -> None:
        """Adds a condition; each `?` in it stands for one of the values."""
        for value in given:
            name = f"n{len(self.values)}"
            condition = condition.replace("?", f":{name}", 1)
            self.values[name] = value
        self.sql.append(f"not ({condition})" if is_excluded else condition)

    def add_due(self, due: Due, *, is_excluded: bool = False) -> None:
        """Adds a condition on the time the next SLA clock is due."""
        if due.is_never:
            self.add("tickets.next_due_at = ?", FAR_FUTURE, is_excluded=is_excluded)
        elif due.before is not None:
            self.add("tickets.next_due_at < ?", due.before, is_excluded=is_excluded)
        else:
            after = "tickets.next_due_at >= ? and tickets.next_due_at < ?"
            self.add(after, due.after, FAR_FUTURE, is_excluded=is_excluded)

    def add_unless(self, is_said: bool, condition: str) -> None:  # noqa: FBT001 - read as a sentence
        """Adds a condition unless the index scans imply it."""
        if not is_said:
            self.add(condition)

    def add_id(self, column: str, wanted: UUID | None, token: Token) -> None:
        """Adds a condition on an id column; None means null."""
        if wanted is None:
            self.add(f"tickets.{column} is null", is_excluded=token.is_excluded)
        else:
            self.add(f"tickets.{column} is not distinct from ?", wanted, is_excluded=token.is_excluded)

    def add_plain(self, tag: str | None, channel: str | None, due: str | None) -> None:
        """Adds the filters that need no name resolution. Raises Problem 422."""
        if tag:
            self.add("tickets.tags @> cast(? as varchar[])", [tag])
        if channel:
            self.add("tickets.channel = ?", channel)
        if due:
            if (read := read_due(due, self.now)) is None:
                raise invalid("query:due", "write <2h, >3d, overdue, today or none")
            self.add_due(read)

    def add_asked(self, asked: scopes.ListScope) -> None:
        """Adds the filters that the index scans do not imply."""
        working = set(asked.statuses) & set(scopes.WORKING)
        if working not in (set(), set(scopes.WORKING)):
            self.add("tickets.status = any(cast(? as text[]))", [status.value for status in asked.statuses])
        if asked.priorities and (working or asked.is_nobodys):
            ranks = [priority.rank for priority in asked.priorities]
            self.add("tickets.priority_rank = any(cast(? as integer[]))", ranks)
        if asked.team_id is not None and asked.assignee_id is not None:
            self.add("tickets.team_id = ?", asked.team_id)
        if asked.is_of_own_teams and (asked.assignee_id is not None or asked.team_id is not None):
            teams = sorted({grant.team_id for grant in self.caller.principal.grants})
            self.add("tickets.team_id = any(cast(? as uuid[]))", teams)

    def add_scope(self, asked: scopes.ListScope) -> None:
        """Adds all that a list is asked for, where no index scan implies any of it."""
        self.add("tickets.status = any(cast(? as text[]))", [status.value for status in asked.statuses])
        if asked.priorities:
            ranks = [priority.rank for priority in asked.priorities]
            self.add("tickets.priority_rank = any(cast(? as integer[]))", ranks)
        if asked.team_id is not None:
            self.add("tickets.team_id = ?", asked.team_id)
        if asked.is_nobodys:
            self.add(IS_NOBODYS)
        if asked.assignee_id is not None:
            self.add("tickets.assignee_id = ?", asked.assignee_id)
        if asked.is_of_own_teams:
            teams = sorted({grant.team_id for grant in self.caller.principal.grants})
            self.add("tickets.team_id = any(cast(? as uuid[]))", teams)

    def _add_relation(self, relation: str, *, is_excluded: bool) -> None:
        """Adds what a ticket is to the caller or to other tickets: `following`, `mentioned`, `incident`, `child`."""
        if relation in FAMILY:
            self.add(FAMILY_SQL[relation], is_excluded=is_excluded)
            return
        mentioned = " and is_mentioned" if relation == "mentioned" else ""
        theirs = f"select ticket_id from followers where agent_id = ?{mentioned}"
        self.add(f"tickets.id = any(array({theirs}))", self.caller.agent_id, is_excluded=is_excluded)

    def _add_parent(self, reference: str, *, is_excluded: bool) -> None:
        """Adds that a ticket is a child of the one with this number or id."""
        try:
            self.add(CHILD_OF_ID, UUID(reference), is_excluded=is_excluded)
        except ValueError:
            self.add(CHILD_OF, reference, is_excluded=is_excluded)

    def add_token(self, token: Token) -> None:
        """Adds the condition of a search operator. Raises SearchProblem."""
        no = token.is_excluded
        match token.key:
            case Key.IS if token.value == "overdue":
                self.add("tickets.next_due_at < ?", self.now, is_excluded=no)
            case Key.IS if token.value in ("unassigned", "assigned"):
                self.add(IS_NOBODYS, is_excluded=no != (token.value == "assigned"))
            case Key.IS if token.value in FOLLOWED or token.value in FAMILY:
                self._add_relation(token.value, is_excluded=no)
            case Key.PARENT:
                self._add_parent(reference_in(token.value), is_excluded=no)
            case Key.IS | Key.STATUS:
                self.add("tickets.status = ?", token.value, is_excluded=no)
            case Key.PRIORITY:
                self.add("tickets.priority_rank = ?", Priority(token.value).rank, is_excluded=no)
            case Key.TAG:
                self.add("tickets.tags @> cast(? as varchar[])", [token.value], is_excluded=no)
            case Key.CHANNEL:
                self.add("tickets.channel is not distinct from ?", token.value, is_excluded=no)
            case Key.DUE:
                self.add_due(due_of(token, self.now), is_excluded=no)
            case _:
                sender = "(tickets.requester_email ilike ? or tickets.requester_name ilike ?)"
                self.add(sender, like(token.value), like(token.value), is_excluded=no)


def like(part: str) -> str:
    """A LIKE pattern for texts that contain `part`."""
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
