"""Wall boards: a link shows figures without a log-in and without a name, until it is revoked."""

import re

from services.assignment.consumers.projection import project
from shared.contracts.vocabulary import Status
from shared.kit.clock import new_id
from tests.services.assignment.browsing import TOKEN
from tests.services.assignment.desk import Desk
from tests.services.assignment.read_model.test_projection import pended
from tests.services.assignment.reporting.test_reports import a_team

LINK = re.compile(r"(/board/[\w-]+)")


async def test_a_board_shows_figures_on_its_link_until_that_is_revoked(desk: Desk) -> None:
    slug, team = await a_team(desk)
    await project(desk.database, desk.ids, "test", [pended(new_id(), 5, team_id=team, status=Status.OPEN)])
    ada = await desk.agent("ada")
    cookies = {"Cookie": f"everdesk_session={ada.token}"}

    async def send(path: str, **fields: str) -> str:
        page = await desk.http.get("/reports/boards", headers=cookies)
        token = TOKEN.search(page.text)
        assert token
        sent = {"Cookie": f"{cookies['Cookie']}; everdesk_csrf={page.cookies['everdesk_csrf']}"}
        answer = await desk.http.post(path, data={"csrf_token": token[1]} | fields, headers=sent)
        assert answer.status_code in (200, 303), answer.text
        return answer.text

    name = f"Board {slug}"
    link = LINK.search(await send("/reports/boards", name=name, team=slug))
    assert link
    board = await desk.http.get(link[1])
    assert (board.status_code, name in board.text, "Ada" in board.text) == (200, True, False)
    assert board.headers["referrer-policy"] == "no-referrer"
    assert re.search(r'Open</span>\s*<strong class="num">1<', board.text)
    listed = (await desk.http.get("/reports/boards", headers=cookies)).text
    assert (name in listed, link[1] in listed) == (True, False)
    (row,) = [row for row in listed.split("<tr>") if name in row]
    revoke = re.search(r'action="(/reports/boards/[^"]+/revoke)"', row)
    assert revoke
    await send(revoke[1])
    assert (await desk.http.get(link[1])).status_code == 404
    assert (await desk.http.get("/board/" + "x" * 43)).status_code == 404
    audit = await ada.get("/v1/audit", limit=100)
    assert name in str(audit)
    dmitri = await desk.agent("dmitri")
    refused = await desk.http.get("/reports/boards", headers={"Cookie": f"everdesk_session={dmitri.token}"})
    assert refused.status_code == 403
