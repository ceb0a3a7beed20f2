"""The question after a resolution: in the requester's mail where the survey is on, once, and not again for a while."""

from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import pytest
from nats.js.api import DeliverPolicy

from shared.contracts.events import CsatAsked, Envelope
from shared.contracts.names import STREAM
from shared.contracts.vocabulary import ActorKind
from shared.kit.satisfaction import RatingLinks
from tests.services.notification.mail_server import MailServer, html_of, text_of
from tests.services.notification.running import OPERATOR, Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually

SURVEY = "/v1/csat-survey"
QUESTION = "How satisfied are you"


async def put(service: Running, **changes: Any) -> Any:
    body = {"is_on": True, "open_days": 10, "days_between": 30} | changes
    return await service.http.put(SURVEY, json=body, headers=OPERATOR)


@pytest.fixture
async def survey(service: Running) -> AsyncIterator[Running]:
    """The survey is on; off again afterwards, as it is by default."""
    assert (await put(service)).status_code == 200
    yield service
    await put(service, is_on=False)


def resolutions(server: MailServer, story: TicketEvents) -> list[EmailMessage]:
    """The mails that say that the ticket is resolved."""
    return [one for one in server.to(story.requester) if "as resolved" in " ".join(text_of(one).split())]


async def mails(server: MailServer, story: TicketEvents) -> list[EmailMessage]:
    async def sent() -> list[EmailMessage]:
        found = resolutions(server, story)
        assert found
        return found

    return await eventually(sent, within=15)


async def announced(service: Running, story: TicketEvents) -> CsatAsked:
    """What the stream says was asked about the ticket."""
    js = await service.bus.jetstream()
    subject = f"{CsatAsked.type()}.{story.ticket_id}"
    subscription = await js.subscribe(subject, stream=STREAM, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL)
    try:
        return CsatAsked.of(Envelope.model_validate_json((await subscription.next_msg(timeout=10)).data))
    finally:
        await subscription.unsubscribe()


async def test_the_survey_is_off_until_somebody_switches_it_on(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await service.publish(*story.people(), story.submitted(), story.resolved())
    (mail,) = await mails(mail_server, story)
    assert QUESTION not in text_of(mail)
    read = await service.http.get(SURVEY, headers=OPERATOR)
    assert read.json()["is_on"] is False
    for wrong in ({"open_days": 0}, {"open_days": "3"}, {"days_between": 366}, {"is_on": "yes"}, {"other": 1}):
        assert (await put(service, **wrong)).status_code == 422, wrong


async def test_a_change_is_versioned_and_audited(survey: Running) -> None:
    read = await survey.http.get(SURVEY, headers=OPERATOR)
    body = {"is_on": True, "open_days": 20, "days_between": 0}
    stale = await survey.http.put(SURVEY, json=body, headers=OPERATOR | {"If-Match": '"999"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
    changed = await survey.http.put(SURVEY, json=body, headers=OPERATOR | {"If-Match": read.headers["etag"]})
    assert changed.json() == body | {"version": read.json()["version"] + 1}
    log = await survey.http.get("/v1/audit", params={"kind": "csat-survey"}, headers=OPERATOR)
    newest = log.json()["items"][0]
    assert (newest["action"], newest["after"]) == ("csat-survey.changed", body)


async def test_a_resolution_is_asked_about_once_and_nobody_is_asked_again_for_a_while(
    survey: Running, mail_server: MailServer
) -> None:
    story = TicketEvents()
    resolved = story.resolved()
    await survey.publish(*story.people(), story.submitted(), story.assigned(by=story.ada), resolved)
    (mail,) = await mails(mail_server, story)
    links = RatingLinks(survey.app.state.app_state.settings)
    for body in (text_of(mail), html_of(mail)):
        assert QUESTION in body
        assert body.count("/rate/") == 5
    token = text_of(mail).partition("/rate/")[2].partition("?")[0]
    rated = links.read(token)
    assert rated is not None
    assert rated.ticket_id == story.ticket_id
    asked = await announced(survey, story)
    assert (asked.resolution, (asked.open_until - asked.asked_at).days) == (rated.resolution, 10)
    await survey.deliver_again(resolved)
    await survey.publish(story.reopened(), story.resolved(seq=8))

    async def told_again() -> list[EmailMessage]:
        found = await mails(mail_server, story)
        assert len(found) == 2
        return found

    first, second = await eventually(told_again, within=15)
    assert (QUESTION in text_of(first)) + (QUESTION in text_of(second)) == 1


async def test_a_reply_that_resolves_asks_too(survey: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    reply = story.message(ActorKind.AGENT, resolves=True)
    await survey.publish(*story.people(), story.submitted(), reply, story.resolved())

    async def answered() -> str:
        (found,) = resolutions(mail_server, story)
        return text_of(found)

    assert "/rate/" in await eventually(answered, within=15)
