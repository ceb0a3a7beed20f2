"""What still works while other things are down: accepting does, whatever else is away."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from deploy.local.engines.ports import find_free_port
from services.intake.app import build
from services.intake.settings import IntakeSettings
from tests.services.intake.harness import IntakeHarness, request_for_help
from tests.support.eventually import eventually


@pytest.fixture(scope="module")
async def lonely(intake: IntakeHarness, settings: IntakeSettings) -> AsyncIterator[IntakeHarness]:
    """The service with neither NATS nor Temporal."""
    nowhere = f"127.0.0.1:{find_free_port()}"
    cut_off = settings.model_copy(update={"nats_url": SecretStr(f"nats://{nowhere}"), "temporal_address": nowhere})
    app = build(cut_off)
    async with app.router.lifespan_context(app):
        yield IntakeHarness(app, intake.database, intake.bus, intake.key)


async def test_a_request_is_accepted_and_announced_once_the_bus_is_back(
    lonely: IntakeHarness, intake: IntakeHarness
) -> None:
    created = await lonely.submit()
    async with intake.client() as http:
        assert (await http.get(f"/v1/tickets/{created['id']}")).status_code == 200

    async def has_left() -> bool:
        return await intake.count("outbox") == 0

    await eventually(has_left)


async def test_ready_but_degraded(lonely: IntakeHarness, intake: IntakeHarness) -> None:
    async with lonely.browser() as http:
        answer = await http.get("/readyz")
    assert (answer.status_code, answer.json()["degraded"]) == (200, ["bus", "temporal"])
    async with intake.browser() as http:
        assert (await http.get("/readyz")).json()["dependencies"]["bus"] == "ok"


async def test_without_its_database_it_is_not_ready_and_says_when_to_come_back(
    settings: IntakeSettings, intake: IntakeHarness
) -> None:
    nowhere = f"postgresql+asyncpg://nobody:x@127.0.0.1:{find_free_port()}/intake"
    app = build(settings.model_copy(update={"database_url": SecretStr(nowhere)}))
    async with app.router.lifespan_context(app):
        blind = IntakeHarness(app, intake.database, intake.bus, intake.key)
        async with blind.client() as http:
            assert (await http.get("/readyz")).status_code == 503
            answer = await http.post("/v1/tickets", json=request_for_help())
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert answer.headers["retry-after"]
            page = await http.get("/")
            assert page.status_code == 503
            assert "try again in a moment" in page.text


async def test_closing_without_temporal_asks_to_come_back(lonely: IntakeHarness) -> None:
    created = await lonely.submit()
    async with lonely.client() as http:
        for action in ("close", "reopen"):
            answer = await http.post(f"/v1/tickets/{created['id']}/{action}", headers={"Idempotency-Key": action})
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
