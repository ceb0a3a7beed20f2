"""How long a team may hold a ticket: a clock of its own, apart from the requester's SLA."""

from datetime import timedelta

from sqlalchemy import text

from services.assignment.web.page_base import SESSION_COOKIE
from shared.kit.clock import utc_now
from tests.services.assignment.desk import Desk, team_id


async def test_a_team_that_holds_a_ticket_for_too_long_is_shown(desk: Desk) -> None:
    ada, access, banking = await desk.agent("ada"), team_id("access-management"), team_id("online-banking")
    ticket = await desk.ticket("online-banking", received_at=utc_now() - timedelta(hours=3))
    assert ticket["team_target"] is None
    try:
        await ada.patch(f"/v1/teams/{access}", {"hold_seconds": 3600})
        await ada.patch(f"/v1/teams/{banking}", {"hold_seconds": 3600})
        await ada.post(f"/v1/tickets/{ticket['id']}/transfer", {"team_id": str(access)}, expect=200)
        moved = (await desk.seen(ticket["id"], team_id=str(access)))["team_target"]
        assert (moved["team_id"], moved["state"], moved["is_over"]) == (str(access), "running", False)
        assert moved["target"] == 3600
        assert moved["elapsed"] < 600
        async with desk.database.begin() as session:
            long_ago = "update events set at = at - interval '2 hours' where ticket_id = :id"
            await session.execute(text(long_ago), {"id": ticket["id"]})
        late = (await ada.get(f"/v1/tickets/{ticket['id']}"))["team_target"]
        assert late["is_over"]
        assert late["elapsed"] >= 7200
        cookie = {"Cookie": f"{SESSION_COOKIE}={ada.token}"}
        page = await desk.http.get(f"/tickets/{ticket['number']}", headers=cookie)
        assert "Held too long" in page.text
    finally:
        for team in (access, banking):
            await ada.patch(f"/v1/teams/{team}", {"hold_seconds": None})


async def test_a_target_that_cannot_be_meant_is_refused(desk: Desk) -> None:
    ada = await desk.agent("ada")
    await ada.patch(f"/v1/teams/{team_id('online-banking')}", {"hold_seconds": 5}, expect=422)
