"""Personal links in what people quote, and ways by which somebody unproved comes to one."""

from base64 import encodebytes
from collections.abc import Callable
from urllib.parse import quote
from uuid import UUID

import pytest

from shared.kit.clock import new_id, utc_now
from shared.kit.one_time_links import ExportLinks
from shared.kit.settings import Settings
from tests.services.intake.access.test_links import link_to
from tests.services.intake.harness import IntakeHarness, Json
from tests.support.database_search import tables_naming

QUOTATIONS: dict[str, Callable[[str], str]] = {
    "text": lambda url: f"That was not I.\n> See {url}\n> Bye",
    "wrapped": lambda url: "That was not I.\n> " + "\n> ".join(url[at : at + 60] for at in range(0, len(url), 60)),
    "safelink": lambda url: (
        f"See https://eur01.safelinks.protection.outlook.com/?url={quote(quote(url, safe=''))}&data=1"
    ),
}


@pytest.fixture
def email() -> str:
    return f"kim-{new_id().hex[-12:]}@bank.example"


async def asked(intake: IntakeHarness, email: str) -> Json:
    return await intake.submit(requester={"email": email, "name": "Kim"})


def seal_of(url: str) -> str:
    """The part of a link that nobody can guess."""
    return url.rpartition(".")[2]


@pytest.mark.parametrize("name", sorted(QUOTATIONS))
@pytest.mark.parametrize("body_format", ["text", "markdown", "html"])
async def test_a_quoted_link_is_kept_nowhere(intake: IntakeHarness, email: str, name: str, body_format: str) -> None:
    ticket = await asked(intake, email)
    url = f"https://portal.example{link_to(intake, ticket, email, is_mailed=True)}"
    body = QUOTATIONS[name](url)
    async with intake.client() as http:
        first = await http.post(
            f"/v1/tickets/{ticket['id']}/messages",
            json={"body": body, "body_format": body_format},
            headers={"Idempotency-Key": str(new_id())},
        )
        again = await intake.submit(subject=f"See {url}"[:255], body=body, fields={"note": body})
        said = await http.get(f"/v1/tickets/{ticket['id']}/messages")
    assert first.status_code == 201, first.text
    for text in (first.text, said.text, str(again)):
        assert seal_of(url) not in text.replace("\\n> ", "")
    assert await rows_with(intake, seal_of(url)) == []


async def rows_with(intake: IntakeHarness, secret: str) -> list[str]:
    """The tables of intake in which it stands, the bus's waiting events among them."""
    return sorted(await tables_naming(intake.database.engine, [secret]))


async def test_a_quoted_export_link_is_kept_nowhere(intake: IntakeHarness, email: str) -> None:
    settings = Settings.model_validate({"link_secret": "a-secret-only-for-tests"})
    url = ExportLinks(settings).url(email, UUID(str(new_id())), utc_now())
    said = await intake.submit(
        requester={"email": email, "name": f"Kim {url}"[:200]},
        subject=f"See {url}"[:255],
        body=url,
        fields={"note": url},
    )
    assert seal_of(url) not in str(said)
    assert await rows_with(intake, seal_of(url)) == []


@pytest.mark.parametrize("encode", ["plain", "base64"])
async def test_a_file_of_text_is_handed_out_without_it(intake: IntakeHarness, email: str, encode: str) -> None:
    ticket = await asked(intake, email)
    url = f"https://portal.example{link_to(intake, ticket, email, is_mailed=True)}"
    mail = f"Subject: no\n\n> {url}\n"
    if encode == "base64":
        inner = encodebytes(f"That was not I, see {url}\nBye\n".encode()).decode()
        mail = f"Subject: no\nContent-Transfer-Encoding: base64\n\n{inner}"
    async with intake.client() as http:
        kept = await http.post("/v1/attachments", files={"file": (f"{seal_of(url)}.eml", mail.encode())})
        assert kept.status_code == 201, kept.text
        posted = await http.post(
            f"/v1/tickets/{ticket['id']}/messages", json={"body": "See file", "attachments": [kept.json()["id"]]}
        )
        assert posted.status_code == 201, posted.text
    async with intake.browser() as http:
        page = await http.get(link_to(intake, ticket, email, is_mailed=True))
        (path,) = [part for part in page.text.split('"') if "/files/" in part][:1]
        given = await http.get(path)
    assert given.status_code == 200
    assert seal_of(url) not in given.text
    assert inner not in given.text if encode == "base64" else "[link removed]" in given.text
