"""Every kind of personal link, key and signed Message-ID, planted in every field of every way in: kept nowhere."""

# ruff: noqa: F811 - a fixture of the osticket tests is used by name

import json
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from uuid import UUID
from xml.sax.saxutils import escape, quoteattr

import httpx2
import pytest

from services.intake.abuse.invitations import InvitationLimits
from services.intake.consumers import on_events
from shared.contracts.base import TicketId
from shared.kit.auth import ApiKey, FileLinks, MailThreads, TicketLink, TicketLinks
from shared.kit.clock import new_id, utc_now
from shared.kit.one_time_links import ExportLinks
from shared.kit.settings import Settings
from tests.services.intake.event_stream_tools import client, posted, served
from tests.services.intake.harness import IntakeHarness
from tests.services.intake.osticket.conftest import old  # noqa: F401 - a fixture
from tests.services.intake.osticket.old_client import LEAST, OldClient
from tests.support.database_search import tables_naming
from tests.support.sse import reading

SETTINGS = Settings.model_validate({"link_secret": "a-secret-only-for-tests", "portal_url": "https://portal.example"})


def planted() -> dict[str, str]:
    """A token of each kind as its holder would quote it, by the part of it that nobody can guess."""
    ticket, email = TicketId(UUID(str(new_id()))), f"kim-{new_id().hex[-12:]}@bank.example"
    links, key = TicketLinks(SETTINGS), ApiKey.make()
    urls = [
        links.url(TicketLink(ticket, email, is_mailed=True)),
        links.invitation_url(TicketLink(ticket, email, is_mailed=True)),
        ExportLinks(SETTINGS).url(email, ticket, utc_now()),
        FileLinks(SETTINGS).url(new_id()),
    ]
    mail_id = MailThreads(SETTINGS, "everdesk.example").thread_id(ticket)
    return {url.rpartition(".")[2]: url for url in urls} | {
        key.secret: str(key),
        mail_id.strip("<>").partition("@")[0].rpartition(".")[2]: mail_id,
    }


async def by_api(intake: IntakeHarness, old: OldClient, text: str) -> httpx2.Response:
    async with intake.client() as http:
        return await http.post(
            "/v1/tickets",
            json={
                "requester": {"email": f"kim-{new_id().hex[-12:]}@bank.example", "name": f"Kim {text}"[:200]},
                "subject": f"See {text}"[:255],
                "body": f"<p title={quoteattr(text)}>See <a href={quoteattr(text)}>{escape(text)}</a></p>",
                "body_format": "html",
                "fields": {"note": text},
            },
        )


async def by_old_json(intake: IntakeHarness, old: OldClient, text: str) -> httpx2.Response:
    files = [{f"{text}.txt".replace("/", "_"): "data:text/plain,x"}]
    said = LEAST | {"name": f"Kim {text}"[:200], "subject": f"See {text}"[:255], "message": text, "attachments": files}
    return await old.json(json.dumps(said).encode())


async def by_old_xml(intake: IntakeHarness, old: OldClient, text: str) -> httpx2.Response:
    safe = escape(text)
    return await old.xml(
        f"<ticket message={quoteattr(text)}><name>Kim {safe}</name><email>dana@bank.example</email>"
        f"<subject>See {safe}</subject><message>{safe}<b>{safe}</b></message></ticket>"
    )


async def by_mail(intake: IntakeHarness, old: OldClient, text: str) -> httpx2.Response:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "dana@bank.example", "support@everdesk.example", f"See {text}"
    mail["Message-ID"] = f"<{new_id()}@bank.example>"
    mail.set_content(f"That was not I.\n\n> {text}\n")
    mail.add_alternative(f"<p>That was not I.</p><blockquote>{escape(text)}</blockquote>", subtype="html")
    mail.add_attachment(b"x", "text", "plain", filename=f"{text}.txt".replace("/", "_"))
    return await old.send("/api/tickets.email", mail.as_bytes())


WAYS_IN: dict[str, Callable[[IntakeHarness, OldClient, str], Awaitable[httpx2.Response]]] = {
    "api": by_api,
    "osticket json": by_old_json,
    "osticket xml": by_old_xml,
    "mail": by_mail,
}


@pytest.mark.parametrize("way", sorted(WAYS_IN))
async def test_a_planted_token_is_kept_nowhere(intake: IntakeHarness, old: OldClient, way: str) -> None:
    found: dict[str, list[str]] = {}
    for secret, token in planted().items():
        marker = f"marker{new_id().hex[-12:]}"
        answer = await WAYS_IN[way](intake, old, f"{token} {marker}")
        assert answer.status_code == 201, answer.text
        assert secret not in answer.text
        if tables := await tables_naming(intake.database.engine, [secret]):
            found[token] = sorted(tables)
        assert "messages" in await tables_naming(intake.database.engine, [marker]), "the words around it are kept"
    assert found == {}


async def test_a_planted_token_is_told_by_no_stream(intake: IntakeHarness) -> None:
    """Whether a program wrote it, or a service that knew of no redaction announced it."""
    ticket, tokens = await intake.submit(), planted()
    for token in tokens.values():
        event = posted(ticket).envelope(str(new_id()), utc_now())
        raw = event.model_copy(update={"data": event.data | {"body": f"See {token}"}})
        await on_events(intake.database, InvitationLimits(intake.settings), [raw])
        async with intake.client() as http:
            written = await http.post(f"/v1/tickets/{ticket['id']}/messages", json={"body": f"See {token} again"})
            assert written.status_code == 201
    path = f"/v1/tickets/{ticket['id']}/events?after=0"
    async with served(intake) as url, client(url, intake.key) as http, reading(http, path) as stream:
        heard = [(await stream.next()).data for _ in tokens for _ in ("event", "request")]
    assert not [secret for secret in tokens if secret in json.dumps(heard)]


async def test_a_planted_token_is_in_no_list_or_search(intake: IntakeHarness, old: OldClient) -> None:
    tokens = planted()
    for token in tokens.values():
        await by_api(intake, old, token)
    async with intake.client() as http:
        answers = [await http.get(path) for path in ("/v1/tickets?limit=100", "/v1/tickets?q=See&limit=100")]
    assert not [secret for secret in tokens for answer in answers if secret in answer.text]


@pytest.mark.parametrize("where", ["field", "name of a field", "topic", "header", "address", "key"])
async def test_a_planted_token_is_repeated_by_no_problem(intake: IntakeHarness, where: str) -> None:
    person = {"email": "kim@bank.example", "name": "Kim"}
    for secret, token in planted().items():
        sent: dict[str, object] = {"requester": person, "subject": "x", "body": "y"}
        path, headers = "/v1/tickets", {}
        match where:
            case "field":
                sent |= {"requester": person | {"email": token}, "priority": token}
            case "name of a field":
                sent |= {token: 1}
            case "topic":
                sent |= {"topic": token}
            case "header":
                headers = {"Content-Type": token}
            case "address":
                path = f"/v1/{token}"
            case _:
                headers = {"Authorization": f"Bearer {token}x"}
        async with intake.client() as http:
            answer = await http.post(path, json=sent, headers=headers)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.status_code < 500
        assert secret not in answer.text
