"""Every naughty string through every text field of each channel: unchanged, or refused by a written rule."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.intake.access.key_scopes import KeyScope
from shared.kit.http.form_tokens import CSRF_COOKIE
from tests.services.intake.harness import IntakeHarness, Json, request_for_help
from tests.services.intake.hostile_text.test_hostile import hostile_strings
from tests.services.intake.osticket.conftest import old  # noqa: F401 - a fixture
from tests.services.intake.osticket.old_client import LEAST, OldClient

pytestmark = pytest.mark.soak
GUIDE = Path(__file__).parents[4] / "docs" / "api.md"
AT_ONCE = 6
SUBMISSION = (
    *("/subject", "/body", "/requester/name", "/requester/email", "/requester/phone", "/topic", "/priority"),
    *("/body_format", "/cc/0", "/fields/note"),
)
"""Where a submission has text, as JSON pointers."""
ADDRESSES = ("/requester/email", "/cc/0")
PORTAL = (("subject", "body", "name"), ("email",), ("phone",), ("topic",))
OSTICKET = (("name", "subject", "message"), ("email",), ("phone",))
"""Fields that mostly keep a string get it in one request, and each alone where that is refused."""
Note = Callable[[str, object], None]


class Tally:
    """What became of the strings, by field."""

    def __init__(self, intake: str) -> None:
        self.intake = intake
        self.kept: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    async def count(self, fields: tuple[str, ...], is_kept: Callable[[tuple[str, ...]], Awaitable[bool]]) -> None:
        """Tries the string in all of these fields at once, and in each alone if one of them is refused."""
        if await is_kept(fields):
            self.kept.update(fields)
        elif len(fields) == 1:
            self.refused.update(fields)
        else:
            for field in fields:
                await self.count((field,), is_kept)

    def table(self) -> str:
        """A line a field, every string in one of two columns."""
        fields = sorted(self.kept.keys() | self.refused.keys())
        lines = [f"  {name:<20} {self.kept[name]:>5} unchanged {self.refused[name]:>5} refused" for name in fields]
        return "\n".join([f"naughty strings, {self.intake}:", *lines])

    def check(self, count: int) -> None:
        """Every string was seen in every field."""
        for name in self.kept.keys() | self.refused.keys():
            assert self.kept[name] + self.refused[name] == count, name


def written_rules() -> list[str]:
    """The words of refusals, as the guide to the API lists them; `…` stands for any more of them."""
    table = GUIDE.read_text(encoding="utf-8").partition("### What text may hold")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| ")]
    return [words.rstrip("…") for row in rows[1:] for words in re.findall(r"`([^`]+)`", row[3])]


RULES = written_rules()


def is_written(detail: str) -> bool:
    """Whether the guide says that such text is refused."""
    return any(rule in detail for rule in RULES)


def set_at(document: Json, pointer: str, value: object) -> None:
    """Sets what a JSON pointer names."""
    *path, last = pointer.strip("/").split("/")
    inner: Any = document
    for part in path:
        inner = inner[int(part)] if part.isdigit() else inner[part]
    inner[int(last) if isinstance(inner, list) else last] = value


def get_at(document: Any, pointer: str) -> Any:
    for part in pointer.strip("/").split("/"):
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


async def each_string(work: Callable[[str], Awaitable[None]]) -> int:
    """Does the work for each string, a few at a time; how many there were."""
    waiting = hostile_strings()
    count = len(waiting)

    async def some() -> None:
        while waiting:
            await work(waiting.pop())

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return count


@pytest.mark.timeout(300)
async def test_submissions_keep_or_refuse_every_string(intake: IntakeHarness, record_property: Note) -> None:
    tally = Tally("POST /v1/tickets")

    async def submit(text: str) -> None:
        hostile = list(SUBMISSION)
        while True:
            request = deepcopy(request_for_help(cc=["lee@bank.example"], fields={"note": "x"}))
            for pointer in hostile:
                set_at(request, pointer, text)
            answer = await http.post("/v1/tickets", json=request)
            if answer.status_code == 201:
                break
            assert answer.status_code == 422, (text, answer.text)
            refused = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
            for pointer in [p for p in hostile if p in refused or (p.startswith("/fields") and "/fields" in refused)]:
                detail = refused.get(pointer) or refused["/fields"]
                assert pointer in ADDRESSES or is_written(detail), (pointer, text, detail)
                tally.refused[pointer] += 1
                hostile.remove(pointer)
                refused.pop(pointer, None)
            assert not refused or set(refused) == {"/fields"}, (text, refused)
        made = answer.json()
        view = (await http.get(f"/v1/tickets/{made['id']}")).json()
        first = (await http.get(f"/v1/tickets/{made['id']}/messages")).json()["items"][0]
        for pointer in hostile:
            found = get_at({**view, **{name: first[name] for name in ("body", "body_format")}}, pointer)
            assert found == text or (pointer in ADDRESSES and found.lower() == text.lower()), (pointer, text)
            tally.kept[pointer] += 1

    async with intake.client() as http:
        tally.check(await each_string(submit))
    record_property("summary", tally.table())


@pytest.mark.timeout(300)
async def test_other_routes_keep_or_refuse_every_string(intake: IntakeHarness, record_property: Note) -> None:
    tally = Tally("other routes of the API")
    key = await intake.make_key(*KeyScope)
    async with intake.client(key) as http:
        ticket = await intake.submit_as(http)
    messages = f"/v1/tickets/{ticket['id']}/messages"
    attempts: list[tuple[str, str, str, Json]] = [
        ("message", messages, "body", {}),
        ("message format", messages, "body_format", {"body": "x"}),
        ("close reason", f"/v1/tickets/{ticket['id']}/close", "reason", {}),
        ("key name", "/v1/admin/api-keys", "name", {}),
        ("key network", "/v1/admin/api-keys", "cidrs", {"name": "x"}),
        ("ban pattern", "/v1/admin/bans", "pattern", {"reason": "x"}),
        ("ban reason", "/v1/admin/bans", "reason", {"pattern": "@spam.example"}),
    ]

    async def send(text: str) -> None:
        for label, path, field, rest in attempts:
            value = [text] if field == "cidrs" else text
            answer = await http.post(path, json=rest | {field: value})
            assert answer.status_code in (200, 201, 422), (label, text, answer.text)
            if answer.status_code == 422:
                assert is_written(answer.json()["errors"][0]["detail"]), (label, text, answer.text)
                tally.refused[label] += 1
            else:
                assert answer.json()[field] == value, (label, text)
                tally.kept[label] += 1
        await send_file(text)

    async def send_file(text: str) -> None:
        answer = await http.post("/v1/attachments", files={"file": ("a.txt", text.encode() or b" ")})
        assert answer.status_code == 201, (text, answer.text)
        tally.kept["file content"] += 1

    async with intake.client(key) as http:
        tally.check(await each_string(send))
    record_property("summary", tally.table())


@pytest.mark.timeout(300)
async def test_the_portal_keeps_or_refuses_every_string(
    intake: IntakeHarness, record_property: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    tally = Tally("portal, POST /tickets/new and /t/…/reply (blanks around a value are not kept)")
    monkeypatch.setattr(intake.app.state.app_state.form_limiter, "quantity", 1_000_000)
    usual = {"subject": "Down", "body": "Down.", "name": "Dana", "email": "dana@bank.example", "topic": "general"}
    ticket = await intake.submit()
    reply = httpx2.URL(ticket["access_url"]).path + "/reply"

    async def send(browser: httpx2.AsyncClient, text: str, number: int) -> None:
        token = {"csrf_token": browser.cookies[CSRF_COOKIE], "form_id": f"naughty-{number:012}"}

        async def is_kept(fields: tuple[str, ...]) -> bool:
            given = usual | token | {"email": f"n{number}.{fields[0]}@bank.example"} | dict.fromkeys(fields, text)
            answer = await browser.post("/tickets/new", data=given, follow_redirects=False)
            assert answer.status_code in (303, 422), (fields, text, answer.text[:2000])
            assert "<script>alert" not in answer.text.lower()
            return answer.status_code == 303

        for fields in PORTAL:
            await tally.count(fields, is_kept)
        answer = await browser.post(reply, data=token | {"body": text}, follow_redirects=False)
        assert answer.status_code in (303, 422), (text, answer.text[:2000])
        (tally.kept if answer.status_code == 303 else tally.refused)["reply"] += 1

    strings = hostile_strings()
    for number, text in enumerate(strings):
        if number % 25 == 0:
            browser = intake.browser()
            await browser.get("/tickets/new")
        await send(browser, text, number)
    tally.check(len(strings))
    async with intake.client() as http:
        kept = (await http.get(f"/v1/tickets/{ticket['id']}/messages", params={"limit": 200})).json()["items"]
    wanted = {text.strip().replace("\r\n", "\n") for text in strings}
    assert all(message["body"] in wanted for message in kept[1:])
    record_property("summary", tally.table())


@pytest.mark.timeout(300)
async def test_old_clients_keep_or_are_refused_every_string(
    intake: IntakeHarness,
    old: OldClient,  # noqa: F811 - the fixture
    record_property: Note,
) -> None:
    tally = Tally("osTicket, POST /api/tickets.json")
    invalid = intake.settings.osticket_invalid_status

    async def send(text: str) -> None:
        async def is_kept(fields: tuple[str, ...]) -> bool:
            answer = await old.send("/api/tickets.json", json.dumps(LEAST | dict.fromkeys(fields, text)))
            assert answer.status_code in (201, 400, invalid), (fields, text, answer.text)
            assert answer.status_code == 201 or "internal" not in answer.text.lower(), (fields, text, answer.text)
            return answer.status_code == 201

        for fields in OSTICKET:
            await tally.count(fields, is_kept)

    tally.check(await each_string(send))
    record_property("summary", tally.table())
