"""Satisfaction: counted for whoever resolved the ticket, in the period of the question, for readers who may."""

from csv import DictReader
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID

from services.assignment.consumers.projection import project
from shared.contracts.base import AgentId, TeamId, TicketId
from shared.contracts.events import CsatAsked, CsatRated, Envelope, TicketErased
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk, agent_id
from tests.services.assignment.reporting.test_reports import HOUR, a_team
from tests.support.database_search import tables_naming


def question(ticket: UUID, team: UUID, agent: UUID | None = None, resolution: int = 6) -> CsatAsked:
    now = utc_now()
    return CsatAsked(
        ticket_id=TicketId(ticket),
        resolution=resolution,
        team_id=TeamId(team),
        agent_id=AgentId(agent) if agent else None,
        asked_at=now - HOUR,
        open_until=now + timedelta(days=14),
    )


def rated(about: CsatAsked, score: int, comment: str | None = None, version: int = 1) -> CsatRated:
    values = about.model_dump(exclude={"open_until"})
    return CsatRated(**values, score=score, comment=comment, version=version, rated_at=utc_now())


def wrapped(event: CsatAsked | CsatRated | TicketErased) -> Envelope:
    return event.envelope(str(new_id()), utc_now())


async def take(desk: Desk, *events: Any) -> None:
    await project(desk.database, desk.ids, "test", [wrapped(event) for event in events])


async def test_ratings_are_counted_per_agent_and_over_time_whatever_order_they_come_in(desk: Desk) -> None:
    slug, team = await a_team(desk)
    ada, me = await desk.agent("ada"), agent_id("ada")
    tickets = [UUID((await desk.some_ticket())["id"]), *(new_id() for _ in range(4))]
    asked = [question(ticket, team, me if place < 3 else None) for place, ticket in enumerate(tickets)]
    changed = rated(asked[1], 2, "Changed my mind.", version=2)
    await take(desk, rated(asked[0], 5, "=Quick"), asked[0], changed, *asked[1:])
    await take(desk, rated(asked[1], 5), rated(asked[3], 4))
    report = await ada.get("/v1/reports/csat", team=slug, group_by="agent", interval="day")
    total = report["total"]
    assert [total[name] for name in ("asked", "rated", "score_5", "score_4", "score_2")] == [5, 3, 1, 1, 1]
    assert (total["response_rate"], total["satisfied_share"], total["mean_score"]) == (60.0, 66.7, 3.67)
    assert [(one["name"], one["asked"], one["rated"]) for one in report["items"]] == [
        ("Ada Lindqvist", 3, 2),
        ("Nobody assigned", 2, 1),
    ]
    assert sum(point["asked"] for point in report["series"]) == 5
    assert report["previous_total"]["asked"] == 0
    table = list(DictReader(StringIO((await ada.send("GET", f"/v1/reports/csat.csv?team={slug}")).text)))
    assert (table[0]["row"], table[0]["asked"], table[0]["satisfied_share"]) == ("total", "5", "66.7")
    for dimension in ("topic", "organisation", "team"):
        grouped = await ada.get("/v1/reports/csat", team=slug, group_by=dimension)
        assert sum(one["asked"] for one in grouped["items"]) == 5, dimension
    ratings = await ada.get("/v1/reports/csat/ratings", team=slug, group_by="agent", group=str(me), score=5)
    assert [(one["score"], one["comment"], one["agent"]) for one in ratings["items"]] == [
        (5, "=Quick", "Ada Lindqvist")
    ]
    cookies = {"Cookie": f"everdesk_session={ada.token}"}
    page = await desk.http.get(f"/reports/csat?team={slug}&by=agent", headers=cookies)
    assert (page.status_code, "66.7 %" in page.text, "=Quick" in page.text) == (200, True, True)
    shown = await desk.http.get(f"/tickets/{(await desk.some_ticket())['number']}", headers=cookies)
    assert "Very satisfied" in shown.text
    assert (await desk.http.get(f"/reports/csat.csv?team={slug}", headers=cookies)).status_code == 200


async def test_only_what_a_readers_reports_reach_is_counted(desk: Desk) -> None:
    _slug, team = await a_team(desk)
    await take(desk, question(new_id(), team))
    dmitri = await desk.agent("dmitri")
    await dmitri.get("/v1/reports/csat", expect=403)
    await dmitri.get("/v1/reports/csat/ratings", expect=403)


async def test_an_erasure_takes_the_comment_and_keeps_the_score(desk: Desk) -> None:
    slug, team = await a_team(desk)
    ticket, marker = new_id(), f"marker{new_id().hex}"
    asked = question(ticket, team)
    await take(desk, asked, rated(asked, 1, marker))
    await take(desk, TicketErased(ticket_id=TicketId(ticket), erased_at=utc_now()))
    await take(desk, rated(asked, 2, marker, version=2))
    assert await tables_naming(desk.database.engine, (marker,)) == {}
    report = await (await desk.agent("ada")).get("/v1/reports/csat", team=slug)
    assert report["total"]["score_2"] == 1
