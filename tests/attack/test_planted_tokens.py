"""Every kind of personal link, key and signed Message-ID, planted in every field of every way in: kept nowhere."""

# ruff: noqa: F811 - a fixture of the osticket tests is used by name

import json
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from uuid import UUID
from xml.sax.saxutils import escape, quoteattr

import httpx2
import pytest

from shared.contracts.base import TicketId
from shared.kit.auth import ApiKey, FileLinks, MailThreads, TicketLink, TicketLinks
from shared.kit.clock import new_id, utc_now
from shared.kit.one_time_links import ExportLinks
from shared.kit.settings import Settings
from tests.services.intake.harness import IntakeHarness
from tests.services.intake.osticket.conftest import old  # noqa: F401 - a fixture
from tests.services.intake.osticket.old_client import LEAST, OldClient
from tests.support.traces import tables_naming

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
