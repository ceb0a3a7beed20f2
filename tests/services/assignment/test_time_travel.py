"""Tickets, lists and reports of a past instant: equal to what was shown then."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.assignment.commands.record_answers import record_answers
from services.assignment.consumers.projection import project
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TeamId, TicketId
from shared.contracts.commands import (
    AssignTicket,
    CloseTicket,
    Command,
    HoldTicket,
    PendTicket,
    PrioritiseTicket,
    RecordReply,
    ReleaseTicket,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
    SetTicketDue,
)
from shared.contracts.events import Envelope, RequesterErased
from shared.contracts.vocabulary import CloseReason, HoldReason, Priority
from shared.domain.errors import Refusal
from shared.domain.ticket import Ticket as DomainTicket
from shared.domain.ticket import TicketState
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import AgentApi, Desk, Json, agent_id, team_id
from tests.support.tickets import AGENT, REQUESTER, message, opening, policy, triage

CHANGING = ("allowed_actions", "is_overdue", "permissions")
"""What an answer about the past leaves out, or what is about the instant of asking."""


def compared(view: Json) -> Json:
    return {name: value for name, value in view.items() if name not in CHANGING}


class RandomLife:
    """A ticket that something random happens to, at instants that lie in the past."""

    def __init__(self, chance: random.Random, team: UUID) -> None:
        self.chance, self.team = chance, TeamId(team)
        self.now = utc_now() - timedelta(days=45, seconds=chance.randint(0, 3_600))
        self.opened_at = self.now
        self.id = TicketId(new_id())
        self.ticket = DomainTicket(TicketState.of(opening(self.id, number=f"A{self.id.hex[-10:]}", at=self.now)))
        self.ticket.open(REQUESTER, self.now)
        self.planned = self.now + timedelta(seconds=chance.randint(1, 600))
        self.taken = 0

    def news(self) -> list[Envelope]:
        new = self.ticket.events[self.taken :]
        self.taken = len(self.ticket.events)
        return [event.envelope(f"ticket-{self.id}:{event.seq}", event.at) for event in new]

    @property
    def next_at(self) -> datetime:
        """When something happens next: what is due by itself, or what is planned."""
        return min(self.planned, self.ticket.next_instant() or self.planned)

    def happen(self) -> None:
        """What happens next, at its instant."""
        self.now = self.next_at
        if self.now < self.planned:
            self.ticket.advance(self.now)
            return
        self.planned += timedelta(seconds=self.chance.choice([1, 60, 3_000, 40_000, 200_000]))
        if self.ticket.state.policy is None:
            command = triage(team_id=self.team, agent_id=self.chance.choice([None, agent_id("ada")]), policy=policy())
            self.ticket.handle(command, self.now)
        elif self.chance.random() < 0.25:
            at = self.now - timedelta(seconds=self.chance.choice([0, 0, 5_000]))
            self.ticket.receive(message(f"m{self.now}", at), self.now)
        else:
            self._try_commands()

    def _try_commands(self) -> None:
        for _ in range(20):
            try:
                self.ticket.handle(self._command(), self.now)
            except Refusal:
                continue
            return

    def _command(self) -> Command:
        who: dict[str, Any] = {"command_id": str(new_id()), "actor": AGENT}
        kinds: list[Callable[[], Command]] = [
            lambda: AssignTicket(**who, agent_id=self.chance.choice([agent_id("ada"), agent_id("bruno")])),
            lambda: ReleaseTicket(**who),
            lambda: PendTicket(**who),
            lambda: HoldTicket(**who, reason=HoldReason.VENDOR),
            lambda: ResumeTicket(**who),
            lambda: ResolveTicket(**who),
            lambda: ReopenTicket(**who),
            lambda: CloseTicket(**who, reason=CloseReason.RESOLVED),
            lambda: PrioritiseTicket(**who, priority=self.chance.choice(list(Priority))),
            lambda: SetTicketDue(**who, due_at=self.now + timedelta(days=1)),
            lambda: RecordReply(**who, message_id=new_id(), replied_at=self.now),
        ]
        return self.chance.choice(kinds)()


async def take_in(desk: Desk, life: RandomLife, chance: random.Random) -> None:
    """The news arrives as an answer or by the stream."""
    news = life.news()
    if chance.random() < 0.5:
        answer = CommandAnswer(snapshot=life.ticket.state.snapshot(), events=tuple(news))
        async with desk.database.begin() as session:
            await record_answers(session, [answer])
    else:
        await project(desk.database, desk.ids, "time-travel", news)


def lists() -> Iterator[Json]:
    yield {"view": "all", "sort": "-updated_at"}
    yield {"view": "unassigned", "sort": "-priority"}
    yield {"view": "all", "status": "closed", "sort": "created_at"}
    yield {"view": "all", "status": ["open", "resolved"], "sort": "due_at", "assignee": "ada@everdesk.example"}


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_instant_of_a_random_past_is_what_was_shown_then(desk: Desk, seed: int) -> None:
    chance, ada = random.Random(seed), await desk.agent("ada")
    slug = f"past-{new_id().hex[-10:]}"
    team = await ada.post("/v1/teams", {"slug": slug, "name": slug})
    lives = [RandomLife(chance, UUID(team["id"])) for _ in range(3)]
    for life in lives:
        await take_in(desk, life, chance)
    seen: list[tuple[datetime, UUID, Json]] = []
    listed: list[tuple[datetime, Json, list[str]]] = []
    backlogs: list[tuple[datetime, int]] = []
    while len(seen) < 36:
        life = min(lives, key=lambda one: one.next_at)
        life.happen()
        await take_in(desk, life, chance)
        now = life.now
        live = await ada.get(f"/v1/tickets/{life.id}")
        seen.append((now, life.id, compared(live)))
        if len({one for _, one, _ in seen}) == 3 and len(seen) % 3 == 0:
            for query in lists():
                page = await ada.get("/v1/tickets", team=slug, **query)
                listed.append((now, query, [item["id"] for item in page["items"]]))
            backlog = await ada.get("/v1/reports/backlog", team=slug)
            backlogs.append((now, backlog["total"]["open"]))
    assert len({tuple(ids) for _, _, ids in listed}) > 4, "the lists change"
    for at, ticket_id, live in seen:
        past = await ada.get(f"/v1/tickets/{ticket_id}", as_of=at.isoformat())
        assert compared(past) == live
        assert past["allowed_actions"] == []
    for at, query, ids in listed:
        found, cursor = list[str](), None
        for _ in range(4):
            more: Json = {"cursor": cursor} if cursor else {}
            page = await ada.get("/v1/tickets", team=slug, **query, limit=1, **more, as_of=at.isoformat())
            found += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert found == ids, (at, query)
    await check_bounds(ada, lives[0])
    for at, count in backlogs:
        assert (await ada.get("/v1/reports/backlog", team=slug, as_of=at.isoformat()))["total"]["open"] == count


async def check_bounds(ada: AgentApi, life: RandomLife) -> None:
    path = f"/v1/tickets/{life.id}"
    before, tomorrow = life.opened_at - timedelta(seconds=1), utc_now() + timedelta(days=1)
    for tail in ("", "/timeline", "/messages"):
        assert (await ada.get(path + tail, expect=404, as_of=before.isoformat()))["code"] == "not_found"
        refused = await ada.get(path + tail, expect=422, as_of=tomorrow.isoformat())
        assert refused["errors"][0]["pointer"] == "query:as_of"
    for nonsense in ("yesterday", "1700000000", "2026-01-01", "2026-01-01T00:00:00", "9999-12-31T23:59:59-14:00"):
        await ada.get(path, expect=422, as_of=nonsense)
    await ada.get(path, expect=404, as_of="0001-01-01T00:00:00+14:00")
    opened = await ada.get(f"{path}/timeline", as_of=life.opened_at.isoformat())
    assert [line["type"] for line in opened["items"]] == ["ticket.opened"]


async def test_what_was_erased_or_edited_since(desk: Desk) -> None:
    ticket = await desk.ticket_of("ada")
    ada, path = await desk.agent("ada"), f"/v1/tickets/{ticket['id']}"
    note = await ada.post(f"{path}/notes", {"body": "First words"})
    before = utc_now()
    await ada.patch(f"{path}/messages/{note['message_id']}", {"body": "Second words"})
    await ada.post(f"{path}/notes", {"body": "A later one"})
    then = (await ada.get(f"{path}/messages", as_of=before.isoformat()))["items"]
    assert [(one["body"], one["edited_at"]) for one in then][1:] == [("First words", None)]
    assert [one["body"] for one in (await ada.get(f"{path}/messages"))["items"]][1:] == ["Second words", "A later one"]
    erased = RequesterErased(requester_id=new_id(), ticket_ids=(TicketId(UUID(ticket["id"])),), erased_at=utc_now())
    await project(desk.database, desk.ids, "time-travel", [erased.envelope(f"erased:{ticket['id']}", utc_now())])
    past = await ada.get(path, as_of=before.isoformat())
    assert (past["subject"], past["requester"]["email"], past["status"]) == ("[erased]", "", "open")
    assert {one["body"] for one in (await ada.get(f"{path}/messages", as_of=before.isoformat()))["items"]} == {
        "[erased]"
    }


async def test_permissions_are_those_of_now(desk: Desk) -> None:
    """A ticket that has left an agent's teams is out of sight in its past as well, and one that came is in sight."""
    ticket = await desk.ticket("online-banking")
    ada = await desk.agent("ada")
    then = utc_now().isoformat()
    await ada.post(f"/v1/tickets/{ticket['id']}/transfer", {"team_id": str(team_id("service-desk"))})
    seen = {}
    for name in ("vera", "dmitri"):
        agent = await desk.agent(name)
        now = await agent.send("GET", f"/v1/tickets/{ticket['id']}")
        past = await agent.send("GET", f"/v1/tickets/{ticket['id']}", params={"as_of": then})
        listed = await agent.get("/v1/tickets", as_of=then, q=ticket["number"])
        seen[name] = (now.status_code, past.status_code, len(listed["items"]))
    assert set(seen.values()) <= {(200, 200, 1), (404, 404, 0)}
