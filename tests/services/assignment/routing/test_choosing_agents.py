"""Tickets reach the right agent, by HTTP: strategies, skills, room, absence, offers, and what waits for room."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from services.assignment.backlog.job import process_backlog
from services.assignment.backlog.waiting_tickets import list_waiting_teams
from services.assignment.models import Agent, TicketAssignment
from shared.kit.clock import utc_now
from tests.services.assignment.desk import Desk, Json
from tests.services.assignment.routing.routed_team import RoutedTeam
from tests.support.eventually import eventually

ONLINE: Json = {}
AWAY: Json = {"availability": "away"}


async def test_round_robin_gives_everybody_the_same_number(desk: Desk) -> None:
    team = await RoutedTeam.made(desk, [ONLINE, ONLINE, ONLINE], strategy="round_robin")
    await asyncio.gather(*(team.submit() for _ in range(7)))
    await eventually(lambda: _all_assigned(team, 7), within=20)
    held = await team.held()
    assert sorted(held.values()) == [2, 2, 3]


async def _all_assigned(team: RoutedTeam, count: int) -> None:
    held = await team.held()
    assert held[None] == 0
    assert sum(held.values()) == count


async def test_the_evidence_says_who_could_have_got_it_and_why_the_others_could_not(desk: Desk) -> None:
    agents: list[Json] = [
        {"skill_levels": {"payments": 4}},
        {"skill_levels": {"payments": 2}, "capacity": 0},
        {"skills": ["payments"], "availability": "offline"},
        {},
    ]
    team = await RoutedTeam.made(desk, agents, {"skills": ["payments"]})
    ticket = await team.ticket()
    fit, full, offline, unskilled = team.agents
    assert ticket["assignee_id"] == fit
    (evidence,) = await team.decisions(ticket["id"])
    reasons = {one["agent_id"]: one["out"] for one in evidence["candidates"]}
    assert reasons == {fit: None, full: "full", offline: "offline", unskilled: "lacks_skill"}
    assert (evidence["decided_by"], evidence["strategy"], evidence["cause"]) == (
        "only_candidate",
        "least_loaded",
        "new",
    )
    assert evidence["demanded_skills"] == [{"name": "payments", "level": 1, "is_required": True}]
    assert evidence["strategy_version"] == (await team.admin.get(f"/v1/teams/{team.team}"))["version"]
    assert evidence["matched_rules"][0]["effects"] == ["team", "skills"]


async def test_what_waits_goes_by_due_time_then_priority_when_somebody_comes(desk: Desk) -> None:
    team = await RoutedTeam.made(desk, [AWAY | {"capacity": 2}])
    low, urgent, normal = [await team.ticket(priority=one) for one in ("low", "urgent", "normal")]
    for ticket in (low, urgent, normal):
        assert ticket["assignee"] is None
    agent = await desk.session_of(UUID(team.agents[0]))
    answer = await agent.send("PUT", "/v1/me/availability", json={"availability": "online"})
    assert (answer.status_code, answer.json()["is_available"]) == (200, True)
    await desk.seen(urgent["id"], assignee_id=team.agents[0])
    await desk.seen(normal["id"], assignee_id=team.agents[0])
    assert (await desk.seen(low["id"]))["assignee_id"] is None
    first, second = await team.decisions(urgent["id"])
    assert (first["decided_by"], second["cause"]) == ("nobody_fits", "backlog")
    await agent.post(f"/v1/tickets/{urgent['id']}/resolve")
    await desk.seen(low["id"], assignee_id=team.agents[0])


async def test_more_capacity_is_used_at_once_and_none_is_exceeded(desk: Desk) -> None:
    team = await RoutedTeam.made(desk, [{"capacity": 1}, {"capacity": 2, "priority_weights": {"urgent": 2}}])
    for priority in ("urgent", "urgent", "normal", "normal"):
        await team.ticket(priority=priority)
    first, second = team.agents
    assert await team.held() == {first: 1, second: 1, None: 2}
    await team.change(first, capacity=3)
    await team.holds({first: 3, second: 1})


async def test_not_all_of_a_backlog_lands_on_whoever_comes_first(desk: Desk) -> None:
    team = await RoutedTeam.made(desk, [AWAY, AWAY, AWAY])
    await asyncio.gather(*(team.ticket() for _ in range(9)))
    await team.change(team.agents[0], availability="online")
    await team.holds({team.agents[0]: 3, None: 6})
    await process_backlog(desk.context)
    assert (await team.held())[team.agents[0]] == 3
    await team.change(team.agents[1], availability="online")
    await team.holds({team.agents[0]: 3, team.agents[1]: 3, None: 3})
    await team.change(team.agents[2], is_available=True)
    await team.holds(dict.fromkeys(team.agents, 3))


async def test_a_team_is_looked_through_only_while_somebody_takes_tickets(desk: Desk) -> None:
    team = await RoutedTeam.made(desk, [AWAY, {"capacity": 0}])
    await team.ticket()

    async def is_looked_through() -> bool:
        async with desk.database.begin() as session:
            return UUID(team.team) in await list_waiting_teams(session)

    assert await is_looked_through()
    await team.change(team.agents[1], availability="offline")
    assert not await is_looked_through()
    await team.change(team.agents[0], availability="online")
    await team.holds({team.agents[0]: 1})


async def test_a_share_comes_again_if_nobody_else_does(desk: Desk) -> None:
    team = await RoutedTeam.made(desk, [AWAY, AWAY])
    await asyncio.gather(*(team.ticket() for _ in range(4)))
    await team.change(team.agents[0], availability="online")
    await team.holds({team.agents[0]: 2, None: 2})
    async with desk.database.begin() as session:
        of_team = TicketAssignment.team_id == team.team
        earlier = TicketAssignment.decided_at - timedelta(minutes=3)
        await session.execute(update(TicketAssignment).where(of_team).values(decided_at=earlier))
    desk.context.backlog.wake()
    await team.holds({team.agents[0]: 3, None: 1})


async def test_what_was_given_back_by_hand_waits_unless_the_team_routes_it(desk: Desk) -> None:
    team = await RoutedTeam.made(desk, [ONLINE, AWAY])
    ticket = await team.ticket()
    await team.admin.post(f"/v1/tickets/{ticket['id']}/release")
    await process_backlog(desk.context)
    assert (await desk.seen(ticket["id"]))["assignee_id"] is None
    await team.admin.patch(f"/v1/teams/{team.team}", {"handover": "route"})
    await desk.seen(ticket["id"], assignee_id=team.agents[0])


async def test_an_offer_is_taken_by_claiming_and_lapses_to_the_next(desk: Desk) -> None:
    team = await RoutedTeam.made(desk, [ONLINE, ONLINE], offer_seconds=3600)
    event = await team.submit()
    ticket = await desk.seen(event.ticket_id, status="open")
    assert ticket["assignee_id"] is None
    (evidence,) = await team.decisions(ticket["id"])
    first = evidence["offered_to"]
    (second,) = set(team.agents) - {first}
    asked = await desk.session_of(UUID(first))
    assert [one["ticket_id"] for one in (await asked.get("/v1/me"))["offers"]] == [ticket["id"]]
    await _lapse(desk, ticket["id"])
    other = await desk.session_of(UUID(second))

    async def offered() -> None:
        assert [one["ticket_id"] for one in (await other.get("/v1/me"))["offers"]] == [ticket["id"]]

    await eventually(offered, within=20)
    newest = (await team.decisions(ticket["id"]))[-1]
    assert (newest["cause"], newest["offered_to"]) == ("offer_lapsed", second)
    assert {one["agent_id"]: one["out"] for one in newest["candidates"]} == {first: "passed", second: None}
    claimed = await other.post(f"/v1/tickets/{ticket['id']}/claim")
    assert claimed["assignee_id"] == second
    assert (await other.get("/v1/me"))["offers"] == []


async def _lapse(desk: Desk, ticket_id: str) -> None:
    async with desk.database.begin() as session:
        offer = (TicketAssignment.ticket_id == ticket_id) & (TicketAssignment.state == "offered")
        past = utc_now() - timedelta(seconds=1)
        await session.execute(update(TicketAssignment).where(offer).values(next_attempt_at=past))
    desk.context.backlog.wake()


async def test_an_offer_counts_as_load(desk: Desk) -> None:
    team = await RoutedTeam.made(desk, [{"capacity": 1}], offer_seconds=3600)
    first, second = await team.ticket(), await team.ticket()
    assert [(await team.decisions(one["id"]))[0]["offered_to"] for one in (first, second)] == [team.agents[0], None]


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_reopened_ticket_goes_back_only_to_who_is_there(desk: Desk, *, is_there: bool) -> None:
    team = await RoutedTeam.made(desk, [ONLINE, AWAY])
    ticket = await team.ticket()
    last, other = team.agents
    agent = await desk.session_of(UUID(last))
    await agent.post(f"/v1/tickets/{ticket['id']}/resolve")
    await team.change(other, availability="online")
    if not is_there:
        await team.change(last, availability="away")
    await desk.write(ticket["id"])
    await desk.seen(ticket["id"], status="open", assignee_id=last if is_there else other)

    async def decided() -> Json:
        newest = (await team.decisions(ticket["id"]))[-1]
        assert newest["cause"] == "reopened"
        return newest

    newest = await eventually(decided, within=20)
    assert newest["decided_by"] == ("last_agent" if is_there else "only_candidate")
    assert newest["previous_agent_id"] == last
    assert (await desk.seen(ticket["id"]))["assignee_id"] == (last if is_there else other)


async def test_a_reopened_ticket_that_nobody_can_take_waits_in_the_team_until_somebody_can(desk: Desk) -> None:
    team = await RoutedTeam.made(desk, [ONLINE])
    ticket = await team.ticket()
    await team.admin.post(f"/v1/tickets/{ticket['id']}/resolve")
    await team.change(team.agents[0], availability="offline")
    await desk.write(ticket["id"])
    await desk.seen(ticket["id"], status="open", assignee_id=None)
    await team.change(team.agents[0], availability="online")
    await desk.seen(ticket["id"], assignee_id=team.agents[0])


@pytest.mark.parametrize("policy", ["team", "route"])
async def test_an_answer_to_somebody_absent_wakes_the_delegate_or_whom_the_policy_names(
    desk: Desk, policy: str
) -> None:
    team = await RoutedTeam.made(desk, [ONLINE, AWAY, AWAY], handover=policy)
    absent, delegate, third = team.agents
    with_delegate, without = await team.ticket(), await team.ticket()
    for ticket in (with_delegate, without):
        reply = {"body": "Which browser is it?", "body_format": "text"}
        await team.admin.post(f"/v1/tickets/{ticket['id']}/replies", reply)
        await team.admin.post(f"/v1/tickets/{ticket['id']}/pend")
    today = utc_now().date()
    days = {"first_day": str(today - timedelta(days=1)), "last_day": str(today + timedelta(days=1))}
    await team.change(absent, out_of_office=[days | {"delegate_id": delegate}])
    await team.change(delegate, availability="online")
    await process_backlog(desk.context)
    assert (await desk.seen(with_delegate["id"]))["assignee_id"] == absent
    await desk.write(with_delegate["id"])
    await desk.seen(with_delegate["id"], status="open", assignee_id=delegate)
    await team.change(delegate, availability="away")
    await team.change(third, availability="online")
    await desk.write(without["id"])
    await desk.seen(without["id"], status="open", assignee_id=third if policy == "route" else None)


@pytest.mark.parametrize("fate", ["deactivated", "left the team", "may only read"])
async def test_a_delegate_who_cannot_work_on_the_ticket_any_more_does_not_get_it(desk: Desk, fate: str) -> None:
    """Named while they could; by the time the answer comes they cannot, and the next who can gets the ticket."""
    team = await RoutedTeam.made(desk, [ONLINE, AWAY, AWAY], handover="route")
    absent, delegate, third = team.agents
    roles = {one["name"]: one["id"] for one in (await team.admin.get("/v1/roles"))["items"]}
    ticket = await team.ticket()
    await team.admin.post(f"/v1/tickets/{ticket['id']}/replies", {"body": "Which browser?", "body_format": "text"})
    await team.admin.post(f"/v1/tickets/{ticket['id']}/pend")
    today = utc_now().date()
    days = {"first_day": str(today - timedelta(days=1)), "last_day": str(today + timedelta(days=1))}
    await team.change(absent, out_of_office=[days | {"delegate_id": delegate}])
    await team.change(delegate, availability="online")
    changes: dict[str, Json] = {
        "deactivated": {"is_active": False},
        "left the team": {"memberships": []},
        "may only read": {"memberships": [{"team_id": team.team, "role_id": roles["View only"]}]},
    }
    await team.change(delegate, **changes[fate])
    await team.change(third, availability="online")
    await desk.write(ticket["id"])
    await desk.seen(ticket["id"], status="open", assignee_id=third)


@pytest.mark.parametrize("policy", ["team", "route"])
async def test_two_who_are_out_and_stand_in_for_each_other_pass_nothing_to_and_fro(desk: Desk, policy: str) -> None:
    """A names B, B names A, both are out: the ticket goes once where the policy says, and stays there."""
    team = await RoutedTeam.made(desk, [ONLINE, AWAY, AWAY], handover=policy)
    first, second, third = team.agents
    ticket = await team.ticket()
    assert ticket["assignee_id"] == first
    today = utc_now().date()
    days = {"first_day": str(today - timedelta(days=1)), "last_day": str(today + timedelta(days=1))}
    await team.change(second, availability="online", out_of_office=[days | {"delegate_id": first}])
    await team.change(third, availability="online")
    await team.change(first, out_of_office=[days | {"delegate_id": second}])
    await process_backlog(desk.context)
    await desk.seen(ticket["id"], assignee_id=third if policy == "route" else None)
    decided = await team.decisions(ticket["id"])
    for _ in range(3):
        await process_backlog(desk.context)
    assert await team.decisions(ticket["id"]) == decided


async def test_working_hours_keep_new_tickets_away_outside_them(desk: Desk) -> None:
    admin = await desk.agent("ada")
    never_now = (utc_now() + timedelta(days=2)).strftime("%a").lower()
    body = {
        "slug": f"hours-{utc_now():%f}",
        "name": "Another day",
        "timezone": "UTC",
        "weekly": {never_now: [["09:00", "10:00"]]},
    }
    calendar = await admin.post("/v1/calendars", body)
    team = await RoutedTeam.made(desk, [{"calendar": calendar["slug"]}])
    ticket = await team.ticket()
    assert ticket["assignee_id"] is None
    (evidence,) = await team.decisions(ticket["id"])
    assert evidence["candidates"][0]["out"] == "outside_hours"
    await team.change(team.agents[0], calendar=None)
    await desk.seen(ticket["id"], assignee_id=team.agents[0])


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"capacity": -1}, "/capacity"),
        ({"capacity": 1, "priority_weights": {"urgent": 2}}, "/capacity"),
        ({"skill_levels": {"payments": 6}}, "/skill_levels/payments"),
        ({"weight": 0}, "/weight"),
        ({"calendar": "no-such"}, "/calendar"),
        ({"is_available": True, "availability": "away"}, "/is_available"),
        ({"out_of_office": [{"first_day": "2026-12-02", "last_day": "2026-12-01"}]}, "/out_of_office/0"),
    ],
)
async def test_what_cannot_be_is_refused_at_its_field(desk: Desk, fields: Json, pointer: str) -> None:
    admin = await desk.agent("ada")
    agent = (await admin.get("/v1/agents"))["items"][0]
    answer = await admin.send("PATCH", f"/v1/agents/{agent['id']}", json=fields)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_older_clients_keep_working(desk: Desk) -> None:
    team = await RoutedTeam.made(desk, [{"skills": ["german"], "is_available": False}])
    agent = await team.admin.get(f"/v1/agents/{team.agents[0]}")
    assert (agent["availability"], agent["skill_levels"], agent["capacity"]) == ("away", {"german": 1}, None)
    await team.change(agent["id"], skill_levels={"german": 4})
    assert (await team.change(agent["id"], skills=["german", "cobol"]))["skill_levels"] == {"german": 4, "cobol": 1}
    assert (await team.change(agent["id"], skills=["cobol"]))["skill_levels"] == {"cobol": 1}
    assert (await team.change(agent["id"], availability="offline"))["is_available"] is False
    async with desk.database.begin() as session:
        assert (await session.get_one(Agent, agent["id"])).unavailable_as == "offline"
