"""Files: sent, attached once, given out in a sandbox, cleared away."""

import hashlib
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select, update

from services.intake.attachments.garbage_collection import collect_garbage
from services.intake.attachments.object_store import ContentStore
from services.intake.models import Attachment, AttachmentState
from shared.contracts.events import MessagePosted, TicketSubmitted
from shared.kit import auth
from shared.kit.clock import new_id, utc_now
from tests.services.intake.abuse.override_settings import with_settings
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.harness import IntakeHarness, Json, request_for_help

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
NO_TIME = timedelta(0)


async def send(
    http: httpx2.AsyncClient, content: bytes = b"GET /login 502", name: str = "trace.txt", **more: Any
) -> Json:
    answer = await http.post("/v1/attachments", files={"file": (name, content, "application/x-made-up")}, **more)
    assert answer.status_code == 201, answer.text
    sent: Json = answer.json()
    return sent


def storage_of(intake: IntakeHarness) -> ContentStore:
    storage: ContentStore = intake.app.state.app_state.storage
    return storage


async def rows(intake: IntakeHarness, **of: Any) -> list[Attachment]:
    async with intake.database.begin() as session:
        return list(await session.scalars(select(Attachment).filter_by(**of)))


async def test_a_file_is_what_its_bytes_say_under_a_name_made_fit(intake: IntakeHarness) -> None:
    async with intake.client() as http:
        sent = await send(http, PNG, "..\\..\\sh\u202eot.txt")
    assert sent["name"] == "shot.txt"
    assert sent["media_type"] == "image/png"
    assert sent["size"] == len(PNG)
    assert sent["sha256"] == hashlib.sha256(PNG).hexdigest()
    assert sent["state"] == "unscanned"


async def test_a_file_goes_with_a_ticket_and_is_told_to_the_others(intake: IntakeHarness) -> None:
    async with intake.client() as http:
        sent = await send(http)
        ticket = await intake.submit(attachments=[sent["id"]])
        messages = (await http.get(f"/v1/tickets/{ticket['id']}/messages")).json()["items"]
        (file,) = messages[0]["attachments"]
        assert file["name"] == "trace.txt"
        got = await http.get(file["url"])
    assert got.content == b"GET /login 502"
    event = TicketSubmitted.of(await announced(intake, f"everdesk.ticket.submitted.v1.{ticket['id']}"))
    assert [(ref.name, ref.size) for ref in event.attachments] == [("trace.txt", 14)]


async def test_a_file_goes_with_a_message(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    async with intake.client() as http:
        sent = await send(http)
        posted = await http.post(
            f"/v1/tickets/{ticket['id']}/messages", json={"body": "See this", "attachments": [sent["id"]]}
        )
    assert posted.status_code == 201, posted.text
    assert [file["id"] for file in posted.json()["attachments"]] == [sent["id"]]
    event = MessagePosted.of(await announced(intake, f"everdesk.message.posted.v1.{ticket['id']}"))
    assert [str(ref.id) for ref in event.attachments] == [sent["id"]]


async def test_a_file_is_used_once_and_by_its_sender_alone(intake: IntakeHarness) -> None:
    other = await intake.make_key()
    async with intake.client() as http, intake.client(other) as stranger:
        sent = await send(http)
        refused = await stranger.post("/v1/tickets", json=request_for_help(attachments=[sent["id"]]))
        taken = await http.post("/v1/tickets", json=request_for_help(attachments=[sent["id"]]))
        again = await http.post("/v1/tickets", json=request_for_help(attachments=[sent["id"]]))
        unknown = await http.post("/v1/tickets", json=request_for_help(attachments=[str(new_id())]))
    assert taken.status_code == 201
    for answer in (refused, again, unknown):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/attachments/0"


async def test_a_submission_that_is_refused_leaves_its_files_to_be_attached(intake: IntakeHarness) -> None:
    async with intake.client() as http:
        first, second = await send(http), await send(http, PNG, "shot.png")
        await intake.submit_as(http, attachments=[second["id"]])
        refused = await http.post("/v1/tickets", json=request_for_help(attachments=[first["id"], second["id"]]))
        assert refused.status_code == 422
        await intake.submit_as(http, attachments=[first["id"]])


async def test_a_retried_submission_with_files_makes_one_ticket(intake: IntakeHarness) -> None:
    key = {"Idempotency-Key": new_id().hex}
    async with intake.client() as http:
        asked = request_for_help(attachments=[(await send(http))["id"]])
        first = await http.post("/v1/tickets", json=asked, headers=key)
        again = await http.post("/v1/tickets", json=asked, headers=key)
    assert first.json()["number"] == again.json()["number"]
    assert again.headers["idempotent-replayed"] == "true"


async def test_an_upload_sent_again_is_kept_once(intake: IntakeHarness) -> None:
    key = {"Idempotency-Key": new_id().hex}
    async with intake.client() as http:
        first, again = await send(http, headers=key), await send(http, headers=key)
        other = await http.post("/v1/attachments", files={"file": ("trace.txt", b"another")}, headers=key)
    assert first["id"] == again["id"]
    assert other.status_code == 422


async def test_an_active_file_is_only_ever_a_download_of_bytes(intake: IntakeHarness) -> None:
    async with intake.client() as http:
        sent = await send(http, b"<html><script>alert(1)</script>", "page.png")
        ticket = await intake.submit(attachments=[sent["id"]])
        got = await http.get(f"/v1/tickets/{ticket['id']}/attachments/{sent['id']}")
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.headers["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert got.headers["x-content-type-options"] == "nosniff"


async def test_part_of_a_file_can_be_asked_for(intake: IntakeHarness) -> None:
    async with intake.client() as http:
        sent = await send(http, b"0123456789", "digits.txt")
        ticket = await intake.submit(attachments=[sent["id"]])
        path = f"/v1/tickets/{ticket['id']}/attachments/{sent['id']}"
        part = await http.get(path, headers={"Range": "bytes=3-6"})
        rest = await http.get(path, headers={"Range": "bytes=7-"})
        beyond = await http.get(path, headers={"Range": "bytes=10-"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"3456", "bytes 3-6/10")
    assert rest.content == b"789"
    assert beyond.status_code == 416


async def test_an_address_of_a_file_works_without_a_key_and_a_forged_or_old_one_looks_like_none(
    intake: IntakeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with intake.client() as http:
        sent = await send(http, PNG, "shot.png")
    files = intake.app.state.app_state.file_links
    async with intake.browser() as browser:
        url = files.url(UUID(sent["id"]), is_inline=True)
        unattached = await browser.get(url)
        await intake.submit(attachments=[sent["id"]])
        shown = await browser.get(url)
        forged = await browser.get(url[:-2] + "xx")
        monkeypatch.setattr(auth, "FILE_LINK_MAX_AGE", -1)
        old = await browser.get(url)
    assert unattached.status_code == forged.status_code == old.status_code == 404
    assert old.text == forged.text
    assert shown.content == PNG
    assert shown.headers["content-disposition"].startswith("inline;")


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("setup.exe", b"text", 422, "file_type_refused"),
        ("report.pdf", b"MZ\x90\0" + bytes(50), 422, "file_type_refused"),
        ("letter.docm", b"PK\x03\x04" + bytes(60), 422, "file_type_refused"),
        ("letter.docx", b"PK\x03\x04" + bytes(70_000) + b"word/vbaProject.bin", 422, "file_type_refused"),
        ("sheet.ods", b"PK\x03\x04" + bytes(60) + b"Basic/script-lc.xml", 422, "file_type_refused"),
        ("old.doc", b"\xd0\xcf\x11\xe0" + bytes(70_000) + "_VBA_PROJECT".encode("utf-16-le"), 422, "file_type_refused"),
        ("big.txt", b"x" * (25 * 1024**2 + 1), 413, "file_too_large"),
    ],
)
async def test_what_is_not_let_in_is_said_and_nothing_stays(
    intake: IntakeHarness, name: str, content: bytes, status: int, code: str
) -> None:
    before = await intake.count("attachments")
    async with intake.client() as http:
        answer = await http.post("/v1/attachments", files={"file": (name, content)})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await intake.count("attachments") == before
    assert not await storage_of(intake).has(hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize(
    ("state", "status"),
    [(AttachmentState.PENDING, 409), (AttachmentState.QUARANTINED, 410), (AttachmentState.CLEAN, 200)],
)
async def test_a_file_is_given_out_only_once_it_is_known_to_be_clean(
    intake: IntakeHarness, state: AttachmentState, status: int
) -> None:
    async with intake.client() as http:
        sent = await send(http)
        ticket = await intake.submit(attachments=[sent["id"]])
        async with intake.database.begin() as session:
            await session.execute(update(Attachment).where(Attachment.id == sent["id"]).values(state=state))
        got = await http.get(f"/v1/tickets/{ticket['id']}/attachments/{sent['id']}")
    assert got.status_code == status


async def test_what_nobody_attached_is_cleared_away_and_shared_bytes_stay_until_their_last_row_is_gone(
    intake: IntakeHarness,
) -> None:
    content = new_id().bytes
    digest = hashlib.sha256(content).hexdigest()
    storage = storage_of(intake)
    async with intake.client() as http:
        first, second = await send(http, content, "one.bin"), await send(http, content, "two.bin")
        await intake.submit_as(http, attachments=[first["id"]])
    await collect_garbage(intake.database, storage, NO_TIME, NO_TIME)
    assert [row.name for row in await rows(intake, digest=digest)] == ["one.bin"]
    assert await storage.has(digest)
    async with intake.database.begin() as session:
        await session.execute(
            update(Attachment).where(Attachment.id == first["id"]).values(ticket_id=None, created_at=utc_now())
        )
    await collect_garbage(intake.database, storage, NO_TIME, timedelta(hours=1))
    assert await storage.has(digest), "bytes this young may yet be spoken of"
    await collect_garbage(intake.database, storage, NO_TIME, NO_TIME)
    assert not await storage.has(digest)
    assert second["sha256"] == digest


async def form_of(browser: httpx2.AsyncClient, path: str) -> dict[str, str]:
    page = await browser.get(path)
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))


async def test_the_portals_form_brings_files_without_script(intake: IntakeHarness) -> None:
    async with intake.browser() as browser:
        hidden = await form_of(browser, "/tickets/new?topic=general")
        values = hidden | {
            "topic": "general",
            "subject": "A picture",
            "body": "See the picture",
            "email": "dana@bank.example",
            "name": "",
        }
        wrong = await browser.post("/tickets/new", data=values, files={"attachment": ("shot.png", PNG)})
        assert wrong.status_code == 422
        (kept,) = re.findall(r'name="attachment" value="([^"]+)" checked> shot\.png', wrong.text)
        sent = await browser.post("/tickets/new", data=values | {"name": "Dana", "attachment": kept})
    assert "Thank you" in sent.text
    ticket = await intake.newest()
    assert [row.name for row in await rows(intake, ticket_id=ticket.id)] == ["shot.png"]


async def test_a_page_sends_files_one_by_one_while_it_is_filled_in(intake: IntakeHarness) -> None:
    async with intake.browser() as browser:
        hidden = await form_of(browser, "/tickets/new?topic=general")
        answer = await browser.post("/tickets/uploads", data=hidden, files={"attachment": ("shot.png", PNG)})
        assert answer.status_code == 201, answer.text
        elsewhere = await browser.post(
            "/tickets/uploads", data={"form_id": "x" * 40}, files={"attachment": ("a", b"1")}
        )
        refused = await browser.post("/tickets/uploads", data=hidden, files={"attachment": ("a.exe", b"1")})
    assert answer.json()["name"] == "shot.png"
    assert elsewhere.status_code == 403
    assert refused.status_code == 422
    assert "kind of file" in refused.text


async def test_strangers_cannot_fill_the_disk_and_can_still_write(intake: IntakeHarness) -> None:
    with with_settings(intake, waiting_bytes=0):
        async with intake.browser() as browser:
            hidden = await form_of(browser, "/tickets/new?topic=general")
            answer = await browser.post("/tickets/uploads", data=hidden, files={"attachment": ("shot.png", PNG)})
        async with intake.client() as http:
            await send(http)
    assert answer.status_code == 422
    assert "without" in answer.text
