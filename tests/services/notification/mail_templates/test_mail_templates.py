"""Editing mail templates: checked with lines, previewed, versioned, and sent in the reader's language."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from services.notification.delivery.templates import TemplateName
from services.notification.mail_templates.content import TemplateContent
from services.notification.mail_templates.defaults import default_content
from services.notification.mail_templates.html_rules import sanitised
from services.notification.mail_templates.validation import find_problems
from services.notification.settings import NotificationSettings
from shared.contracts.base import AgentId, TicketId
from shared.contracts.events import Person
from shared.contracts.names import REPLY_DELIMITERS
from shared.kit.administrator_passes import Administrator, AdministratorPasses, PassedRequest
from shared.kit.clock import new_id
from tests.services.notification.mail_server import MailServer, html_of, text_of
from tests.services.notification.running import OPERATOR, Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually

PATH = "/v1/templates/acknowledgement/de"
EDIT = {
    "subject": "[#{{ ticket.number }}] {{ ticket.subject }}",
    "html": '<p onload="x()">Servus <b>{{ recipient }}</b></p><p><a href="{{ link }}">Zum Ticket</a></p>',
    "text": "Servus {{ recipient }}\n",
}
GOOD = EDIT | {"html": '<p>Servus <b>{{ recipient }}</b></p><p><a href="{{ link }}">Zum Ticket</a></p>'}


@pytest.fixture
async def editing(service: Running) -> AsyncIterator[Running]:
    """The service; the shipped template is in force again afterwards."""
    yield service
    await service.http.delete(PATH, headers=OPERATOR)


async def put(service: Running, body: dict[str, Any], **headers: str) -> Any:
    return await service.http.put(PATH, json=body, headers=OPERATOR | headers)


@pytest.mark.parametrize("name", list(TemplateName))
def test_every_shipped_default_can_be_saved_as_it_is_shown(name: TemplateName) -> None:
    for tag in ("en", "de"):
        content = default_content(name, tag)
        assert content.html.strip()
        assert content.text.strip()
        assert find_problems(name, content) == []


def test_a_default_is_shown_in_the_words_of_its_language() -> None:
    reply = default_content(TemplateName.REPLY, "de")
    assert "{{ facts.author }} hat geschrieben:" in reply.text
    assert "_(" not in reply.text


@pytest.mark.parametrize(
    ("part", "source", "line", "said"),
    [
        ("text", "Hello\n{{ requester }}", 2, "requester is unknown"),
        ("text", "{{ facts.percent }}", 1, "facts.percent is unknown"),
        ("text", "\n\n{% if ticket %}{% endfor %}", 3, "endfor"),
        ("text", "{{ ticket.__class__ }}", 1, "unknown"),
        ("text", "{{ ''.join }}", 1, "unknown"),
        ("text", "{{ recipient.format(1) }}", 1, "cannot be called"),
        ("text", "{% for a in range(9) %}{% endfor %}", 1, "one list"),
        ("text", "{% for a in body_text %}x{% endfor %}", 1, "one list"),
        ("text", "{% set a = 1 %}", 1, "not allowed"),
        ("text", "{% include 'layout.txt' %}", 1, "not allowed"),
        ("text", "{% macro a() %}{% endmacro %}", 1, "not allowed"),
        ("text", "{{ 9 ** 9 ** 9 }}", 1, "not allowed"),
        ("text", "{{ recipient | attr('x') }}", 1, "filter attr"),
        ("text", "{{ body_text }}{{ body_text }}{{ body_text }}", 1, "2 times"),
        ("text", "{{ body_text | join(body_text) }}", 1, "in quotes"),
        ("text", "{{ recipient | join(d=body_text) }}", 1, "in quotes"),
        ("text", "{{ recipient | join(*['x']) }}", 1, "in quotes"),
        ("text", "{{ ['', '', ''] | join('" + "x" * 21 + "') }}", 1, "20 characters"),
        ("text", "{{ 'x' * 1000000000 }}", 1, "not allowed"),
        ("text", "{{ recipient ~ recipient }}", 1, "not allowed"),
        ("text", "{{ '%0999999999d' % 1 }}", 1, "not allowed"),
        ("text", "{{ recipient | center(999999999) }}", 1, "filter center"),
        ("text", "{{ self }}", 1, "unknown"),
        ("text", "{{ recipient[0] }}", 1, "not allowed"),
        ("text", "{% import 'layout.txt' as x %}", 1, "not allowed"),
        ("text", "{% extends 'layout.txt' %}", 1, "not allowed"),
        ("text", "{% block words %}{% endblock %}", 1, "not allowed"),
        ("text", "{{ body_html }}", 1, "unknown"),
        ("text", "{% if recipient %}" * 200 + "x" + "{% endif %}" * 200, 1, "nested"),
        ("html", "<p>\n<script>x</script>", 2, "<script>"),
        ("html", '<img src="https://evil.example/p.gif">', 1, "<img>"),
        ("html", "<p onclick='x'>", 1, "onclick"),
        ("html", '<a href="javascript:x">y</a>', 1, "javascript:"),
        ("html", '<a href="{{ ticket.subject }}">y</a>', 1, "inside a tag"),
        ("html", '<p class="{{ recipient }}">y</p>', 1, "inside a tag"),
        ("html", "{{ _('<script>x</script>') }}", 1, "cannot be called"),
        ("html", "<!-- x -->", 1, "comments"),
        ("html", "<div>" * 41, 1, "tags within each other"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(part: str, source: str, line: int, said: str) -> None:
    parts = {"subject": "x", "html": "<p>x</p>", "text": "x"} | {part: source}
    found = find_problems(TemplateName.ACKNOWLEDGEMENT, TemplateContent(**parts))
    assert any(one.part == part and one.line == line and said in one.text for one in found), found


def test_html_is_sanitised_once_more_before_it_is_used() -> None:
    clean = sanitised(
        '<p onclick="x">{{ a }}</p><a href="javascript:1">x</a><a href="{{ link }}">y</a><a href="{{ a }}">z</a>'
    )
    assert clean == '<p>{{ a }}</p><a>x</a><a href="{{ link }}">y</a><a>z</a>'


async def test_an_edit_is_sent_in_its_language_and_taken_back(editing: Running, mail_server: MailServer) -> None:
    before = await editing.http.get(PATH, headers=OPERATOR)
    assert before.json()["is_default"]
    refused = await put(editing, EDIT)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/html")
    assert "line 1: the attribute onload" in refused.json()["errors"][0]["detail"]
    saved = await put(editing, GOOD, **{"If-Match": before.headers["etag"]})
    assert (saved.status_code, saved.json()["is_default"]) == (200, False)
    stale = await put(editing, GOOD | {"text": "x"}, **{"If-Match": before.headers["etag"]})
    assert stale.status_code == 412

    german, english = TicketEvents(), TicketEvents()
    for story, tag in ((german, "de"), (english, "en")):
        await editing.publish(story.submitted(requester=Person(email=story.requester, name="R <i>", language=tag)))
    await eventually(lambda: mail_server.about(german.number) and mail_server.about(english.number), within=15)
    (mail,) = mail_server.about(german.number)
    assert "Servus" in text_of(mail), text_of(mail)
    assert "Servus <b>R &lt;i&gt;</b>" in html_of(mail)
    assert "Servus R <i>" in text_of(mail)
    assert REPLY_DELIMITERS["de"] in text_of(mail)
    assert "Servus" not in text_of(mail_server.about(english.number)[0])

    versions = (await editing.http.get(f"{PATH}/versions", headers=OPERATOR)).json()["items"]
    assert versions[0]["version"] == saved.json()["version"]
    assert versions[0]["author_name"]
    reset = await editing.http.delete(PATH, headers=OPERATOR)
    assert reset.json()["is_default"]
    restored = await editing.http.post(f"{PATH}/versions/{saved.json()['version']}/restore", headers=OPERATOR)
    assert restored.json()["text"] == GOOD["text"]
    audit = await editing.http.get("/v1/audit", params={"kind": "mail-template"}, headers=OPERATOR)
    assert len(audit.json()["items"]) >= 3


async def test_a_preview_shows_a_real_ticket_and_gives_nobodys_link(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await service.publish(story.submitted(requester=Person(email=story.requester, name="Rosa", language="de")))
    await eventually(lambda: mail_server.about(story.number), within=15)
    body = GOOD | {"ticket_id": str(story.ticket_id)}
    shown = await service.http.post(f"{PATH}/preview", json=body, headers=OPERATOR)
    assert shown.status_code == 200, shown.text
    found = shown.json()
    assert found["ticket_number"] == story.number
    assert story.subject in found["subject"]
    assert "Rosa" in found["html"]
    assert f"/tickets/{story.number}" in found["html"]
    assert "/t/" not in found["html"]
    reply = default_content(TemplateName.REPLY, "en")
    parts = {"subject": reply.subject, "html": reply.html, "text": reply.text}
    shown = await service.http.post("/v1/templates/reply/en/preview", json=parts, headers=OPERATOR)
    assert "<p>Please restart" in shown.json()["html"]
    unknown = await service.http.post("/v1/templates/nothing/de/preview", json=body, headers=OPERATOR)
    assert unknown.status_code == 404
    assert (await service.http.get(PATH)).status_code == 401


async def test_a_preview_shows_an_administrator_no_ticket_that_they_may_not_see(
    service: Running, settings: NotificationSettings
) -> None:
    """Neither the one they name nor, if they name none, the newest of all."""
    story = TicketEvents(subject="Only for the team")
    stranger = AgentId(new_id())
    opened = [*story.people(), story.agent(stranger, "Sam"), story.submitted(), story.opened(), story.triaged()]
    await service.publish(*opened)
    await eventually(lambda: service.ledger(ticket_id=str(story.ticket_id)), within=15)

    async def shown_to(agent_id: AgentId, ticket_id: TicketId | None) -> httpx2.Response:
        body = json.dumps(GOOD | {"ticket_id": str(ticket_id) if ticket_id else None}).encode()
        asked = PassedRequest("notification", "POST", f"{PATH}/preview", body)
        given = AdministratorPasses(settings).make(Administrator(str(agent_id), "A", ""), asked)
        headers = {"Authorization": given, "Content-Type": "application/json"}
        return await service.http.post(f"{PATH}/preview", content=body, headers=headers)

    async def is_theirs() -> None:
        assert (await shown_to(story.ada, story.ticket_id)).status_code == 200

    await eventually(is_theirs, within=15)
    named = await shown_to(stranger, story.ticket_id)
    assert (named.status_code, named.json()["errors"][0]["pointer"]) == (422, "/ticket_id")
    newest = await shown_to(stranger, None)
    assert newest.status_code == 200, newest.text
    assert newest.json()["ticket_number"] == "100042"
    assert story.subject not in newest.text
    assert (await shown_to(story.ada, None)).json()["ticket_number"] == story.number
