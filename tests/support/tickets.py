"""Small makers for tickets, policies and commands, so that tests say only what matters to them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from services.assignment.calendar_resolution import resolve
from shared.contracts.base import AgentId, MessageId, PolicyId, TeamId, TicketId
from shared.contracts.calendars import BusinessCalendar, ResolvedCalendar
from shared.contracts.commands import MessageFact, OpenTicket, TriageTicket
from shared.contracts.policies import LifecycleTimes, PolicySnapshot
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import ActorKind

SPACE = UUID("00000000-0000-4000-8000-000000000000")
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

ALWAYS = {
    "timezone": "UTC",
    "weekly": {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
}
OFFICE = {
    "timezone": "Europe/Berlin",
    "weekly": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
}


def an_id(name: str) -> UUID:
    """The same id for the same name."""
    return uuid5(SPACE, name)


TICKET = TicketId(an_id("ticket"))
TEAM, OTHER_TEAM = TeamId(an_id("team")), TeamId(an_id("other team"))
ADA, BRUNO = AgentId(an_id("ada")), AgentId(an_id("bruno"))
AGENT = Actor(kind=ActorKind.AGENT, id=ADA)
REQUESTER = Actor(kind=ActorKind.REQUESTER)


def calendar(body: dict[str, Any] | None = None, version: int = 1) -> ResolvedCalendar:
    """A resolved calendar; open always unless given."""
    return resolve(BusinessCalendar.model_validate(body or ALWAYS), "test", version, MONDAY)


def policy(name: str = "Standard", *, hours: dict[str, Any] | None = None, **changes: Any) -> PolicySnapshot:
    """A policy of one hour to answer, two to answer again, eight to resolve; high is four times as fast."""
    times = LifecycleTimes(**{key: changes.pop(key) for key in list(changes) if key in LifecycleTimes.model_fields})
    values: dict[str, Any] = {
        "policy_id": PolicyId(an_id(name)),
        "version": 1,
        "name": name,
        "targets": {
            "low": {},
            "normal": {"first_response": 3600, "next_response": 7200, "resolution": 28_800},
            "high": {"first_response": 900, "next_response": 1800, "resolution": 7200},
            "urgent": {"first_response": 300, "resolution": 3600},
        },
        "calendar": calendar(hours),
        "times": times,
    }
    return PolicySnapshot.model_validate(values | changes)


def opening(ticket_id: TicketId = TICKET, at: datetime = MONDAY, **changes: Any) -> OpenTicket:
    """A submission received at `at`."""
    values: dict[str, Any] = {"ticket_id": ticket_id, "number": "100001", "opened_at": at, "has_exact_timer": True}
    return OpenTicket(**(values | changes))


def triage(command_id: str = "triage", **changes: Any) -> TriageTicket:
    """Triage to the team, with the standard policy."""
    values: dict[str, Any] = {"command_id": command_id, "actor": AGENT, "team_id": TEAM, "policy": policy()}
    return TriageTicket(**(values | changes))


def message(name: str, at: datetime, author: Actor = REQUESTER, *, is_automatic: bool = False) -> MessageFact:
    """A message posted at `at`."""
    return MessageFact(message_id=MessageId(an_id(name)), author=author, received_at=at, is_automatic=is_automatic)
