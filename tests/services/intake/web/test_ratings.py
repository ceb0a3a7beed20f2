"""Rating a resolution: a link of the mail shows the question, and only a form that a person sends records an answer."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2

from services.intake.commands.satisfaction import find_survey, forget_comments
from services.intake.models import SatisfactionSurvey
from shared.contracts.base import TicketId
from shared.contracts.events import CsatAsked, CsatRated, TicketResolved
from shared.kit.auth import TicketLink
from shared.kit.clock import utc_now
from shared.kit.satisfaction import RatedResolution, RatingLinks
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.harness import IntakeHarness, Json, after
from tests.services.intake.web.test_portal import path_of, send
from tests.support.eventually import eventually

RESOLUTION = 6


async def asked(intake: IntakeHarness, *, is_over: bool = False, **ticket: Any) -> Json:
    """A resolved ticket about whose resolution its requester was asked."""
    created = await intake.submit(**ticket)
    await intake.publish(after(TicketResolved, created, seq=RESOLUTION, status="resolved"))
    now = utc_now()
    open_until = now + timedelta(days=-1 if is_over else 14)
    question = CsatAsked(
        ticket_id=TicketId(UUID(created["id"])), resolution=RESOLUTION, asked_at=now, open_until=open_until
    )
    await intake.publish(question)

    async def known() -> None:
        assert await survey_of(intake, created) is not None
        assert (await intake.stored(created["id"])).status == "resolved"

    await eventually(known, within=15)
    return created


async def survey_of(intake: IntakeHarness, created: Json) -> SatisfactionSurvey | None:
    async with intake.database.begin() as session:
        return await find_survey(session, UUID(created["id"]), RESOLUTION)


async def score_of(intake: IntakeHarness, created: Json) -> tuple[int | None, str | None, int]:
    survey = await survey_of(intake, created)
    assert survey is not None
    return survey.score, survey.comment, survey.version


def link(intake: IntakeHarness, created: Json, score: int) -> str:
    rated = RatedResolution(TicketId(UUID(created["id"])), RESOLUTION)
    url = RatingLinks(intake.settings).url(rated, score)
    return f"{path_of(url)}?score={score}"


async def test_following_the_link_records_nothing_and_its_button_does(intake: IntakeHarness) -> None:
    created = await asked(intake)
    page = link(intake, created, 4)
    async with intake.browser() as browser:
        for score in (1, 4):
            shown = await browser.get(link(intake, created, score))
            assert shown.status_code == 200
            assert f'value="{score}" required checked' in shown.text
        assert await score_of(intake, created) == (None, None, 0)
        assert (await browser.post(page, data={"score": "4"})).status_code == 403
        thanks = await send(browser, page, score="4")
        assert "Thank you. Your answer is recorded." in thanks.text
        assert await score_of(intake, created) == (4, None, 1)
        await send(browser, page, score="2", comment="It took <b>three</b> weeks.")
        again = await send(browser, page, score="2", comment="It took <b>three</b> weeks.")
        assert "It took &lt;b&gt;three&lt;/b&gt; weeks." in again.text
        assert await score_of(intake, created) == (2, "It took <b>three</b> weeks.", 2)
        for wrong in ({"score": "6"}, {"score": ""}, {"score": "3", "comment": "x" * 2001}):
            assert (await send(browser, page, **wrong)).status_code == 422
    first = CsatRated.of(await announced(intake, f"{CsatRated.type()}.{created['id']}"))
    assert (first.score, first.version, first.resolution) == (4, 1, RESOLUTION)


async def test_links_that_are_forged_or_too_late_record_nothing(intake: IntakeHarness) -> None:
    created, late = await asked(intake), await asked(intake, is_over=True)
    async with intake.browser() as browser:
        page = link(intake, created, 5)
        assert (await browser.get(page.replace("?", "x?"))).status_code == 404
        assert (await browser.get("/rate/x.y")).status_code == 404
        over = await browser.get(link(intake, late, 5))
        assert "The time for this question is over." in over.text
        assert 'name="score"' not in over.text
        assert (await send(browser, link(intake, late, 5), score="5")).status_code == 409
    assert await score_of(intake, late) == (None, None, 0)


async def test_the_requester_rates_on_the_tickets_page_and_nobody_else(intake: IntakeHarness) -> None:
    created = await asked(intake)
    ticket = await intake.stored(created["id"])
    links = intake.app.state.app_state.links
    path = f"/t/{links.token(TicketLink(TicketId(ticket.id), ticket.requester_email))}"
    async with intake.browser() as browser:
        assert "Rate our help" in (await browser.get(path)).text
        rated = await send(browser, f"{path}/rate", score="5", comment="Quick and kind.")
        assert "Thank you. Your answer is recorded." in rated.text
        assert "Change your rating" in rated.text
    assert await score_of(intake, created) == (5, "Quick and kind.", 1)
    async with intake.database.begin() as session:
        await forget_comments(session, [ticket.id])
    assert await score_of(intake, created) == (5, None, 1)
    async with intake.browser() as browser:
        await browser.get(path)
        answer: httpx2.Response = await send(browser, f"{path}/rate", score="1")
        assert answer.status_code == 409, "an erased rating stays as it is"
