"""Cookies over https: for this very host, never readable by scripts, and none that somebody else planted."""

from http.cookies import SimpleCookie

import httpx2

from services.assignment.app import build
from services.assignment.settings import AssignmentSettings
from shared.kit.http.cookies import HOST_PREFIX
from tests.attack.test_cross_site_forms import token_of
from tests.services.assignment.desk import PASSWORD, Desk


async def test_cookies_of_an_https_desk_are_bound_to_its_host(desk_settings: AssignmentSettings, desk: Desk) -> None:
    secure = desk_settings.model_validate(
        desk_settings.model_dump() | {"desk_url": "https://desk.example", "portal_url": "https://portal.example"}
    )
    app = build(secure)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://desk.example") as browser,
    ):
        form = {"email": "ada@everdesk.example", "password": PASSWORD, "csrf_token": await token_of(browser, "/")}
        answer = await browser.post("/sign-in", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/queue")
        made = SimpleCookie()
        for line in answer.headers.get_list("set-cookie"):
            made.load(line)
        session = made[f"{HOST_PREFIX}everdesk_session"]
        assert (session["secure"], session["httponly"], session["path"], session["domain"]) == (True, True, "/", "")
        assert all(name.startswith(HOST_PREFIX) for name in browser.cookies)
        queue = await browser.get("/queue")
        assert (queue.status_code, queue.headers["strict-transport-security"]) == (200, "max-age=31536000")
        ada = await desk.agent("ada")
        browser.cookies.clear()
        planted = await browser.get("/queue", headers={"Cookie": f"everdesk_session={ada.token}"})
        assert planted.status_code == 303, "a bare name is nobody's session here"


async def test_cookies_of_a_desk_on_ones_own_machine_work_without_https(desk: Desk) -> None:
    answer = await desk.http.get("/")
    assert "strict-transport-security" not in answer.headers
    assert "everdesk_csrf" in answer.cookies
    assert "secure" not in answer.headers["set-cookie"].lower()
