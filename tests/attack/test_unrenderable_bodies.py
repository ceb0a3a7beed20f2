"""Bodies that overflow a parser or keep it busy for minutes: refused or shown as text, while others are served."""

import asyncio
import re
import resource
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from sqlalchemy import select, update

from services.intake.access.key_scopes import CLIENT_SCOPES, KeyScope
from services.intake.commands.keys import put_key
from services.intake.mail.parsing.parser import read_mail
from services.intake.models import Message
from services.intake.osticket.keys import old_key
from services.notification.delivery.compose import Composer
from shared.contracts import redaction
from shared.contracts.vocabulary import BodyFormat
from shared.kit.http.form_tokens import CSRF_COOKIE
from shared.kit.http.inputs import MAX_TEXT
from shared.kit.user_content.limits import MAX_NESTING, complaint, shape, stripped
from shared.kit.user_content.renderer import REMARK, TOO_SLOW, BodyRenderer, UnrenderableBody, plain
from shared.kit.user_content.rendering import VERSION, rendered, with_attachment_urls
from tests.attack.test_outgoing_mail import SETTINGS, job
from tests.services.intake.harness import IntakeHarness

DEEP = "<b>" * 10_400
MISNESTED = "<b></p>" * 37_000
BRACKETS = ("![[" * MAX_TEXT)[:MAX_TEXT]
HTML: dict[str, str] = {
    "deep": DEEP,
    "mis-nested": MISNESTED,
    "divs": "<div>" * 30_000,
    "wide": "<i>x</i>" * 32_000,
    "tables": "<table><tr><td>" * 17_000,
    "foreign content": "<svg>" + "<tr>" * 19_000,
    "reopened formatting": "<p>" + "".join(f"<b id={n}>" for n in range(90)) + "<p>x" * 19_000,
    "attributes": "<a " + " ".join(f"a{n}=1" for n in range(30_000)) + ">x</a>",
    "one long attribute": '<a title="' + "x" * 250_000 + '">x</a>',
    "one long word": "x" * 260_000,
    "links": '<a href="http://x.y">x</a>' * 10_000,
    "entities": "&amp;" * 52_000,
    "stray ampersands": "&" * 260_000,
    "comments": "<!--" * 65_000,
    "open comment": "<!--" + "-" * 260_000,
    "styles": '<p style="' + "a:b;" * 60_000 + '">x</p>',
    "style sheets": "<style>" + "a{b:c}" * 40_000,
    "quotes": "<blockquote>" * 21_000,
    "lists": "<ul><li>" * 32_000,
    "unclosed tag": "<a" * 130_000,
    "spaces": "<p" + " " * 260_000,
    "forms": "<form><input>" * 20_000,
    "templates": "<template>" * 26_000,
    "select": "<select><option>" * 16_000,
}
MARKDOWN: dict[str, str] = {
    "pictures": BRACKETS,
    "brackets": "[" * MAX_TEXT,
    "links": "[a](" * (MAX_TEXT // 4),
    "emphasis": "*a **a " * (MAX_TEXT // 7),
    "alternating": "_*" * (MAX_TEXT // 2),
    "backticks": "".join("`" * n + "x" for n in range(1, 700)),
    "quotes": ">" * MAX_TEXT,
    "lists": "- " * (MAX_TEXT // 2),
    "nested list": "".join("  " * n + "- x\n" for n in range(500)),
    "references": "[a]: b\n" * (MAX_TEXT // 7),
    "tables": "|a" * (MAX_TEXT // 2),
    "autolinks": "<http://" * (MAX_TEXT // 8),
    "entities": "&amp;" * (MAX_TEXT // 5),
    "paragraphs": "a\n\n" * (MAX_TEXT // 3),
}
ALL = [("html", name) for name in HTML] + [("markdown", name) for name in MARKDOWN]
HERE_SECONDS = 1.5
"""Processor time this process may spend on a body, however hostile; a sanitiser left alone with one needs a minute."""
THERE_SECONDS = 6.0
"""The same of the processes beside it: twice the limit, and their start."""


def body_of(kind: str, name: str) -> str:
    """One of the bodies."""
    return (HTML if kind == "html" else MARKDOWN)[name]


def cpu(who: int = resource.RUSAGE_SELF) -> float:
    """Processor seconds used so far."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


@pytest.fixture(scope="module")
async def renderer() -> AsyncIterator[BodyRenderer]:
    """What the services digest with."""
    one = BodyRenderer()
    yield one
    await one.close()


@pytest.mark.parametrize(("kind", "name"), ALL, ids=lambda value: value)
async def test_every_body_is_shown_somehow_in_bounded_time(renderer: BodyRenderer, kind: str, name: str) -> None:
    body, before = body_of(kind, name), cpu()
    shown = await renderer.show(body, BodyFormat(kind))
    assert cpu() - before < HERE_SECONDS
    assert shape(shown.html).deepest <= 2 * MAX_NESTING
    assert len(shown.html) <= 8 * len(body) + 1000


async def test_what_was_digested_once_costs_nothing_again(renderer: BodyRenderer) -> None:
    for body in (BRACKETS, HTML["reopened formatting"]):
        await renderer.show(body, BodyFormat.MARKDOWN)
        beside, before = cpu(resource.RUSAGE_CHILDREN), cpu()
        for _ in range(20):
            await renderer.show(body, BodyFormat.MARKDOWN)
        assert cpu(resource.RUSAGE_CHILDREN) == beside
        assert cpu() - before < HERE_SECONDS


async def test_a_body_out_of_time_is_told_from_one_that_is_large(renderer: BodyRenderer) -> None:
    with pytest.raises(UnrenderableBody, match=TOO_SLOW[:30]):
        await renderer.render(BRACKETS, BodyFormat.MARKDOWN)
    newsletter = "<p>Ordinary <b>words</b> with <a href='http://x.y'>a link</a>.</p>\n" * 3_000
    assert "<b>words</b>" in (await renderer.render(newsletter, BodyFormat.HTML)).html
    prose = "Some *ordinary* words with [a link](http://x.y) and `code`.\n\n" * 3_000
    assert "<em>ordinary</em>" in (await renderer.render(prose, BodyFormat.MARKDOWN)).html


def test_nothing_is_lost_of_a_body_that_is_shown_as_text() -> None:
    shown = plain("<b>" * 500 + "The words &lt;here&gt;" + "</b>" * 500, BodyFormat.HTML)
    assert shown.text == "The words <here>"
    assert REMARK in shown.html
    assert "&lt;here&gt;" in shown.html


def test_depth_is_counted_as_parsers_do() -> None:
    assert shape("<p>a<p>b<li>c<br>" * 500).deepest == 0
    assert shape("<div><p>x</p></div>" * 500).deepest == 1
    assert shape('<svg><path d="M0"/><path d="M1"/></svg>' * 200).deepest == 1
    assert shape("<svg>" + "<tr>" * 300).deepest == 301
    assert complaint("<b>" * (MAX_NESTING + 1)) is not None
    assert complaint("<b>" * MAX_NESTING) is None


def test_pictures_are_placed_only_where_they_are_ours() -> None:
    hostile = (
        '<img alt=\'"><script>\' src="attachment:0190aaaa-0000-7000-8000-000000000000"><img src="http://spy.example">'
    )
    shown = with_attachment_urls(rendered(hostile, BodyFormat.HTML).html, {})
    assert "<img" not in shown
    assert "script" not in shown


@pytest.mark.parametrize("kind", ["html", "markdown"])
def test_a_mail_of_ours_never_shows_the_style_inliner_a_foreign_depth(kind: str) -> None:
    body = DEEP if kind == "html" else "> " * 20_000
    before = cpu()
    made = job("Ada", "x")
    made = replace(made, facts=made.facts | {"body": body + "Hello", "body_format": kind})
    mail = Composer(SETTINGS).compose(made)
    assert cpu() - before < HERE_SECONDS
    assert b"Hello" in mail


@pytest.mark.parametrize("name", HTML)
def test_a_mail_in_is_read_in_bounded_time_and_keeps_its_words(name: str) -> None:
    head = b"From: Dana <dana@bank.example>\r\nSubject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    before = cpu()
    mail = read_mail(head + b"<p>My words.</p>" + HTML[name].encode())
    assert cpu() - before < 4 * THERE_SECONDS
    assert mail.is_readable
    assert "My words." in mail.text or any(b"My words." in file.content for file in mail.attachments)


GROWING: dict[str, tuple[Callable[[str], object], tuple[str, ...]]] = {
    "complaint": (complaint, ("<b>", "<b></p>", "<a ", "<", "&", "<svg><a/>", "<a" + " " * 50)),
    "stripped": (
        stripped,
        ("<!--", "<script", "</script ", "<br ", "<p", "< ", "&#", "<title>", "-->", "<style </style"),
    ),
    "placed": (lambda text: with_attachment_urls(text, {}), ("<img", '<img src="', "<img ", ' src="attachment:')),
}
"""What runs in the serving process on foreign text, with what makes a regular expression go back."""
CASES = [(name, piece) for name, (_, pieces) in GROWING.items() for piece in pieces]


@pytest.mark.parametrize(("name", "piece"), CASES)
def test_what_runs_in_the_service_grows_with_the_length_alone(name: str, piece: str) -> None:
    work = GROWING[name][0]

    def cost(size: int) -> float:
        text = (piece * size)[:size]
        before = cpu()
        work(text)
        return cpu() - before

    assert cost(400_000) < 0.2 + 12 * max(cost(100_000), 0.01)


FREEZING = ((DEEP, "html"), (MISNESTED, "html"), (BRACKETS, "markdown"))


@pytest.mark.parametrize("way", ["tickets", "messages", "announcements"])
async def test_programs_are_refused_with_words_while_others_are_served(intake: IntakeHarness, way: str) -> None:
    ticket, admin = await intake.submit(), await intake.make_key(KeyScope.ADMIN)
    path = {
        "tickets": "/v1/tickets",
        "messages": f"/v1/tickets/{ticket['id']}/messages",
        "announcements": "/v1/admin/announcements",
    }[way]
    before = cpu()
    for body, kind in FREEZING:
        sent: dict[str, object] = {"body": body, "body_format": kind}
        if way == "tickets":
            sent |= {"requester": {"email": "dana@bank.example", "name": "Dana"}, "subject": "x"}
        if way == "announcements":
            sent = {"title": "x", "body": body[:20_000]}
        async with intake.client(admin if way == "announcements" else None) as http:
            trying = asyncio.create_task(http.post(path, json=sent))
            assert (await asyncio.wait_for(http.get("/healthz"), 5)).status_code == 200
            answer = await trying
        if way == "announcements":
            assert answer.status_code in (201, 422)
            continue
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["errors"][0]["pointer"] == "/body"
        assert re.search(r"must have at most|takes too long", answer.json()["detail"])
    assert cpu() - before < 4 * HERE_SECONDS


@pytest.mark.parametrize("way", ["tickets", "messages", "form", "reply", "old json"])
async def test_links_are_taken_out_of_long_texts_beside_the_service(
    intake: IntakeHarness,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here: list[int] = []
    work = redaction._redacted

    def watched(text: str, depth: int) -> str:
        here.append(len(text))
        return work(text, depth)

    ticket, secret = await intake.submit(), secrets.token_hex(16)
    known = old_key(secret)
    assert known is not None
    async with intake.database.begin() as session:
        await put_key(session, known, "old", CLIENT_SCOPES, per_minute=1000)
    words = f"{secret[:8]} " + "Some words, and then more of them.\n" * 3_000
    said = {"body": f"{words}See {ticket['access_url']} soon"}
    person = {"email": "dana@bank.example", "name": "Dana", "subject": "x"}
    monkeypatch.setattr(redaction, "_redacted", watched)
    async with intake.client() as http, intake.browser() as browser:
        match way:
            case "tickets":
                requester = {"email": "dana@bank.example", "name": "Dana"}
                answer = await http.post("/v1/tickets", json=said | {"requester": requester, "subject": "x"})
            case "messages":
                answer = await http.post(f"/v1/tickets/{ticket['id']}/messages", json=said)
            case "old json":
                sent = person | {"message": said["body"]}
                answer = await http.post("/api/tickets.json", json=sent, headers={"X-API-Key": secret})
            case _:
                is_new, thread = way == "form", urlsplit(ticket["access_url"]).path
                await browser.get("/tickets/new" if is_new else thread)
                form = {"topic": "online-banking", "csrf_token": browser.cookies[CSRF_COOKIE]} | person | said
                answer = await browser.post("/tickets/new" if is_new else f"{thread}/reply", data=form)
    assert answer.status_code in (200, 201), answer.text
    async with intake.database.begin() as session:
        kept = (await session.scalars(select(Message.body).where(Message.body.startswith(secret[:8])))).all()
    assert [body[-30:] for body in kept] == [f"{words}See {redaction.REMOVED} soon"[-30:]]
    assert max(here, default=0) <= redaction.LIGHT


async def test_the_old_help_desks_clients_are_refused_in_their_own_way(intake: IntakeHarness) -> None:
    sent = {"email": "dana@bank.example", "name": "Dana", "subject": "x", "message": f"data:text/html,{DEEP}"}
    secret = secrets.token_hex(16)
    known = old_key(secret)
    assert known is not None
    async with intake.database.begin() as session:
        await put_key(session, known, "old", CLIENT_SCOPES, per_minute=1000)
    async with intake.client() as http:
        answer = await http.post("/api/tickets.json", json=sent, headers={"X-API-Key": secret})
    assert answer.status_code == intake.settings.osticket_invalid_status
    assert "message: must have at most" in answer.text


async def test_stored_bodies_from_before_are_rendered_once_and_shown(intake: IntakeHarness) -> None:
    for body, kind in FREEZING:
        ticket = await intake.submit()
        mine = Message.ticket_id == UUID(ticket["id"])
        async with intake.database.begin() as session:
            await session.execute(update(Message).where(mine).values(body=body, body_format=BodyFormat(kind)))
        async with intake.browser() as browser:
            for _ in range(3):
                before = cpu()
                page = await browser.get(ticket["access_url"])
                assert page.status_code == 200
                assert REMARK in page.text
                assert cpu() - before < HERE_SECONDS
        async with intake.database.begin() as session:
            message = (await session.scalars(select(Message).where(mine))).one()
        assert (message.renderer, REMARK in (message.rendered or "")) == (VERSION, True)
