"""Hostile text from administrators and in the answers to their forms: unchanged or refused, and shown as text."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from services.intake.access.key_scopes import KeyScope
from services.intake.admin.schemas import TopicInput
from shared.kit.clock import new_id
from tests.services.intake.harness import IntakeHarness, Json, request_for_help
from tests.services.intake.hostile_text.test_hostile import hostile_strings
from tests.support.sizes import either

pytestmark = pytest.mark.soak
SLUG = f"hostile-{new_id().hex[-12:]}"
FREE = ("text", "long_text")
NARROW = ("email", "phone", "date", "number", "checkbox", "file", "choice")
KINDS = (*FREE, *NARROW[:-1])


@pytest.fixture(scope="module")
async def admin(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """An administrator's program, and a topic that asks for every kind of text."""
    async with intake.client(await intake.make_key(KeyScope.ADMIN)) as http:
        assert (await http.post("/v1/admin/topics", json=content())).status_code == 201
        yield http


def content(**changes: Any) -> Json:
    """A topic that asks for every kind of answer."""
    form = [{"kind": kind, "name": kind, "label": "An answer", "hint": "How"} for kind in KINDS]
    choice = {"kind": "choice", "name": "choice", "label": "Choose", "choices": [{"key": "a", "label": "A"}]}
    return {"slug": SLUG, "name": "Hostile", "form": [*form, choice]} | changes


async def in_parallel(work: Callable[[str], Awaitable[int]]) -> int:
    """Does the work for each hostile string, a few at a time, and adds up."""
    waiting = hostile_strings()

    async def some() -> int:
        total = 0
        while waiting:
            total += await work(waiting.pop())
        return total

    return sum(await asyncio.gather(*(some() for _ in range(4))))


def changes_with(text: str) -> list[Json]:
    """A text in each place where an administrator writes one."""
    choice: Json = {"kind": "choice", "name": "one", "label": "L", "hint": "H", "choices": [{"key": "a", "label": "A"}]}
    places: list[Json] = [{"name": text}, {"description": text}, {"thanks": text}, {"slug": text}]
    fields: list[Json] = [{"label": text}, {"hint": text}, {"name": text}, {"choices": [{"key": "a", "label": text}]}]
    return places + [{"form": [choice | field]} for field in fields]


def test_every_text_of_administrators_is_read_unchanged_or_refused() -> None:
    for text in hostile_strings():
        for changes in changes_with(text):
            try:
                read = TopicInput.model_validate(content(**changes)).model_dump(mode="json")
            except ValidationError:
                continue
            assert_kept(changes, read)


async def test_what_administrators_write_comes_back_unchanged(admin: httpx2.AsyncClient) -> None:
    topic = (await admin.get(f"/v1/admin/topics/{SLUG}")).json()["id"]
    for position, text in enumerate(hostile_strings()):
        options = changes_with(text)
        changes = options[position % len(options)]
        answer = await admin.put(f"/v1/admin/topics/{topic}", json=content(**changes))
        assert answer.status_code in (200, 422), (changes, answer.text)
        if answer.status_code == 200:
            assert_kept(changes, answer.json())
    await admin.put(f"/v1/admin/topics/{topic}", json=content())


def assert_kept(changes: Json, kept: Json) -> None:
    """What was said is what is kept; a field may have more than was said."""
    if "form" in changes:
        assert kept["form"][0].items() >= changes["form"][0].items()
    else:
        assert kept | changes == kept


async def test_what_is_announced_is_kept_unchanged_and_shown_as_text(
    intake: IntakeHarness, admin: httpx2.AsyncClient
) -> None:
    path = "/v1/admin/announcements"
    one = (await admin.post(path, json={"title": "T", "body": "B"})).json()
    async with intake.browser() as browser:
        for position, text in enumerate(hostile_strings()):
            changes = {"title": text} if position % 2 else {"body": text}
            answer = await admin.put(f"{path}/{one['id']}", json={"title": "T", "body": "B"} | changes)
            assert answer.status_code in (200, 422), (changes, answer.text)
            assert answer.status_code == 422 or answer.json() | changes == answer.json()
            page = await browser.get("/")
            assert page.status_code == 200
            assert "<script>alert" not in page.text.lower()
    await admin.delete(f"{path}/{one['id']}")


async def test_answers_are_kept_unchanged_or_refused(intake: IntakeHarness, admin: httpx2.AsyncClient) -> None:
    async def send_all(text: str) -> int:
        return sum([await send(names, text) for names in (FREE, *((kind,) for kind in NARROW), (text,))])

    async def send(names: tuple[str, ...], text: str) -> int:
        """Answers all these questions with the text, and each alone if one of the answers is refused."""
        fields = dict.fromkeys(names, text)
        answer = await http.post("/v1/tickets", json=request_for_help(topic=SLUG, fields=fields))
        assert answer.status_code in (201, 422), (names, text, answer.text)
        if answer.status_code == 201:
            kept = (await intake.stored(answer.json()["id"])).fields
            assert kept == (fields if text.strip() else {})
            return len(names)
        return sum([await send((name,), text) for name in names]) if len(names) > 1 else 0

    async with intake.client() as http:
        assert await in_parallel(send_all) > either(160, 500)


async def test_any_text_can_be_searched_for(intake: IntakeHarness) -> None:
    for text in hostile_strings():
        async with intake.browser() as browser:
            answer = await browser.get("/search", params={"q": text})
        assert answer.status_code in (200, 422), text
        assert "<script>alert" not in answer.text.lower()
