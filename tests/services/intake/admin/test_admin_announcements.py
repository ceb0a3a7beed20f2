"""Administration of announcements."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.intake.access.key_scopes import KeyScope
from shared.kit.clock import utc_now
from tests.services.intake.harness import IntakeHarness, Json

ANNOUNCEMENTS = "/v1/admin/announcements"


@pytest.fixture
async def admin(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """An administrator's program."""
    async with intake.client(await intake.make_key(KeyScope.ADMIN)) as http:
        yield http


def announcement(**changes: Any) -> Json:
    """An announcement's content."""
    return {"title": "Maintenance on Sunday", "body": "From *two* to four."} | changes


async def test_an_announcement_is_put_up_changed_and_taken_down(admin: httpx2.AsyncClient) -> None:
    created = await admin.post(ANNOUNCEMENTS, json=announcement())
    one = created.json()
    assert (created.status_code, one["is_urgent"], one["ends_at"]) == (201, False, None)
    path = f"{ANNOUNCEMENTS}/{one['id']}"
    assert (await admin.get(path)).json() == one
    changed = (await admin.put(path, json=announcement(title="Cancelled", is_urgent=True))).json()
    assert (changed["title"], changed["is_urgent"], changed["starts_at"]) == ("Cancelled", True, one["starts_at"])
    assert (await admin.delete(path)).status_code == 204
    for answer in (await admin.get(path), await admin.put(path, json=announcement()), await admin.delete(path)):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_retry_puts_one_up(intake: IntakeHarness, admin: httpx2.AsyncClient) -> None:
    before, headers = await intake.count("announcements"), {"Idempotency-Key": "once"}
    answers = [await admin.post(ANNOUNCEMENTS, json=announcement(), headers=headers) for _ in range(2)]
    assert answers[0].text == answers[1].text
    assert await intake.count("announcements") == before + 1


async def test_they_are_listed_in_pages_the_latest_first(admin: httpx2.AsyncClient) -> None:
    at = utc_now() + timedelta(days=3650)
    made = [
        (await admin.post(ANNOUNCEMENTS, json=announcement(starts_at=(at + timedelta(days=n)).isoformat()))).json()
        for n in range(3)
    ]
    first = (await admin.get(ANNOUNCEMENTS, params={"limit": 2})).json()
    second = (await admin.get(ANNOUNCEMENTS, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    listed = [one["id"] for one in first["items"] + second["items"]]
    assert listed[:3] == [one["id"] for one in reversed(made)]
    for one in made:
        await admin.delete(f"{ANNOUNCEMENTS}/{one['id']}")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"title": ""}, "/title"),
        ({"title": "two\nlines"}, "/title"),
        ({"body": " "}, "/body"),
        ({"body": "x" * 20_001}, "/body"),
        ({"starts_at": "tomorrow"}, "/starts_at"),
        ({"starts_at": "2026-01-01T10:00:00"}, "/starts_at"),
        ({"starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"}, "/"),
        ({"surprise": 1}, "/surprise"),
    ],
)
async def test_what_cannot_be_announced_is_refused(admin: httpx2.AsyncClient, changes: Json, pointer: str) -> None:
    answer = await admin.post(ANNOUNCEMENTS, json=announcement(**changes))
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
