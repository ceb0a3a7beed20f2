"""Seeding, keys at the command line, and forgetting."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, text, update

from services.intake import cli
from services.intake.commands.seed import TOPIC_NAMESPACE, seed
from services.intake.commands.seeded_topics import SEEDED_TOPICS
from services.intake.models import Topic
from services.intake.settings import IntakeSettings
from shared.contracts.events import TopicChanged
from shared.kit.cleanup import run_cleanup
from shared.kit.clock import derived_id, utc_now
from shared.kit.db import Database
from shared.kit.tables import idempotency_responses, inbox
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.harness import IntakeHarness
from tests.support.eventually import eventually

Job = Callable[[Database, IntakeSettings], Awaitable[None]]


async def test_seeding_twice_changes_nothing(intake: IntakeHarness, settings: IntakeSettings) -> None:
    before = await intake.count("topics"), await intake.count("api_keys")
    await seed(intake.database, settings)
    assert (await intake.count("topics"), await intake.count("api_keys")) == before


async def test_seeded_topics_have_stable_ids_and_are_announced(intake: IntakeHarness) -> None:
    for content in SEEDED_TOPICS:
        topic_id = derived_id(TOPIC_NAMESPACE, content.slug)
        event = TopicChanged.of(await announced(intake, f"everdesk.topic.changed.v1.{topic_id}"))
        assert (event.slug, event.name, event.is_active) == (content.slug, content.name, True)
        assert [field.name for field in event.fields] == [field.name for field in content.form.fields]


async def test_the_seeded_key_works(intake: IntakeHarness, settings: IntakeSettings) -> None:
    assert settings.seed_api_key
    async with intake.browser() as http:
        headers = {"Authorization": f"Bearer {settings.seed_api_key.get_secret_value()}"}
        assert (await http.get("/v1/topics", headers=headers)).status_code == 200


async def test_an_inactive_topic_cannot_be_chosen(intake: IntakeHarness) -> None:
    async def set_active(*, active: bool) -> None:
        async with intake.database.begin() as session:
            await session.execute(update(Topic).where(Topic.slug == "feedback").values(is_active=active))

    async def is_refused() -> None:
        async with intake.client() as http:
            assert (await http.get("/v1/tickets", params={"topic": "feedback"})).status_code == 422

    await set_active(active=False)
    try:
        await eventually(is_refused)
    finally:
        await set_active(active=True)


async def test_keys_are_made_listed_and_revoked_at_the_command_line(
    intake: IntakeHarness, settings: IntakeSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["main", "create-key", "A client", "--scopes", "create", "--cidr", "127.0.0.1"])
    await cli.create_key(intake.database, settings)
    key = capsys.readouterr().out.strip()
    async with intake.browser("127.0.0.1") as http:
        answer = await http.get("/v1/topics", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200
    key_id = key.split("_")[1]
    monkeypatch.setattr(sys, "argv", ["main", "rotate-key", key_id, "--overlap-hours", "2"])
    await cli.rotate(intake.database, settings)
    new = capsys.readouterr().out.strip()
    assert new != key
    assert new.split("_")[1] == key_id
    monkeypatch.setattr(sys, "argv", ["main", "revoke-key", key_id])
    await cli.revoke(intake.database, settings)
    monkeypatch.setattr(sys, "argv", ["main", "list-keys"])
    await cli.list_all_keys(intake.database, settings)
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith(key_id))
    assert "revoked" in line
    assert "create" in line
    assert "127.0.0.1/32" in line
    assert "the secret before works until" in line
    assert key.split("_", 2)[2] not in line


@pytest.mark.parametrize(("command", "job"), [("revoke-key", cli.revoke), ("rotate-key", cli.rotate)])
async def test_a_key_that_does_not_exist_is_said_not_to(
    intake: IntakeHarness, settings: IntakeSettings, monkeypatch: pytest.MonkeyPatch, command: str, job: Job
) -> None:
    monkeypatch.setattr(sys, "argv", ["main", command, "0" * 16])
    with pytest.raises(SystemExit) as ended:
        await job(intake.database, settings)
    assert ended.value.code == 1


async def test_a_key_cannot_be_made_to_expire_in_the_past(
    intake: IntakeHarness, settings: IntakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["main", "create-key", "A client", "--expires", "2020-01-01"])
    with pytest.raises(SystemExit) as ended:
        await cli.create_key(intake.database, settings)
    assert ended.value.code == 2


async def test_old_answers_and_inbox_rows_are_forgotten(intake: IntakeHarness, settings: IntakeSettings) -> None:
    old, ancient = utc_now() - timedelta(hours=73), utc_now() - timedelta(days=40)
    async with intake.database.begin() as session:
        row = {"scope": "upkeep", "request_hash": b"", "status": 200, "body": b""}
        await session.execute(insert(idempotency_responses), [row | {"key": "old", "created_at": old}])
        await session.execute(insert(idempotency_responses), [row | {"key": "new", "created_at": utc_now()}])
        await session.execute(insert(inbox), [{"consumer": "upkeep", "event_id": "old", "handled_at": ancient}])
        await session.execute(insert(inbox), [{"consumer": "upkeep", "event_id": "new", "handled_at": utc_now()}])

    async def remembers_only_the_new() -> None:
        async with intake.database.begin() as session:
            kept = await session.scalars(
                select(idempotency_responses.c.key).where(idempotency_responses.c.scope == "upkeep")
            )
            assert list(kept) == ["new"]
            seen = await session.scalar(select(func.count()).where(inbox.c.consumer == "upkeep"))
            assert seen == 1

    job = asyncio.create_task(run_cleanup(intake.database, settings))
    try:
        await eventually(remembers_only_the_new)
    finally:
        job.cancel()


async def test_the_process_migrates_by_its_command_line(settings: IntakeSettings) -> None:
    environment = os.environ | {
        "EVERDESK_DATABASE_URL": settings.database_url.get_secret_value(),
        "EVERDESK_LINK_SECRET": settings.link_secret.get_secret_value(),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.intake.main", "migrate", env=environment
    )
    assert await process.wait() == 0


async def test_numbers_start_at_their_beginning(intake: IntakeHarness) -> None:
    async with intake.database.begin() as session:
        start = await session.scalar(text("select start_value from pg_sequences where sequencename = 'ticket_numbers'"))
    assert start == 100_001
