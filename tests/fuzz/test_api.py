"""Nothing that a document allows, or nearly allows, breaks its service or gets an answer it does not describe."""

from collections.abc import AsyncIterator, Callable
from functools import partial

import httpx2
import pytest

from tests.fuzz.schemathesis_run import (
    ALL_SCOPES,
    NOT_ASKED,
    NOT_ASKED_WHERE_PATHS_OVERLAP,
    answered,
    hammer,
    make_key,
    open_stack,
    server_errors,
)
from tests.local.running import LocalStack
from tests.support.memory_disk import data_folder
from tests.support.sizes import either
from tests.support.whole_system import lay_databases

EXAMPLES = 4
SECONDS = either(20, 60)
SECONDS_OF_A_ROLE = either(8, 20)
SEED = 20261124
ROUNDS = 6
PHASES = "examples,coverage,fuzzing"
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> AsyncIterator[LocalStack]:
    """The whole system, with its limits out of the way."""
    prepare = partial(lay_databases, tmp_path_factory, pytestconfig)
    with data_folder(tmp_path_factory, "fuzz") as folder:
        async with open_stack(folder, prepare) as stack:
            yield stack


async def hold(url: str, key: str, seconds: int, least: int, not_asked: str, record: Record, name: str) -> None:
    """Asks for so long, and again with other cases until there were so many answers: a busy machine gives few.

    Fails on a failed check or a server error.
    """
    before = sum((await answered(url)).values())
    for seed in range(SEED, SEED + ROUNDS):
        outcome = await hammer(
            url, key, examples=EXAMPLES, phases=PHASES, seconds=seconds, seed=seed, not_asked=not_asked
        )
        counted = await answered(url)
        assert server_errors(counted) == {}, outcome.output
        assert outcome.is_clean, outcome.output
        if (given := sum(counted.values()) - before) >= least:
            break
    statuses = ", ".join(f"{sum(n for (_, s), n in counted.items() if s[0] == c)} {c}xx" for c in "2345")
    record("summary", f"fuzz {name}: {given} more answers, in all {statuses}")
    assert given >= least


@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_every_operation_of_intake_survives_what_schemathesis_thinks_of(
    opened: LocalStack, record_property: Record
) -> None:
    key = await make_key(opened, *ALL_SCOPES)
    url = opened.described()["urls"]["intake"]
    await hold(url, key, SECONDS, 500, NOT_ASKED, record_property, "intake")


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "role", either(("All access", "View only"), ("All access", "Expanded", "Limited", "View only"))
)
async def test_every_operation_of_assignment_survives_each_role(
    opened: LocalStack, record_property: Record, role: str
) -> None:
    described = opened.described()
    url = described["urls"]["assignment"]
    agent = next(agent for agent in described["credentials"]["agents"] if agent["role"] == role)
    async with httpx2.AsyncClient() as http:
        answer = await http.post(
            f"{url}/v1/sessions", json={"email": agent["email"], "password": agent["password"]}, timeout=20
        )
    token = answer.json()["access_token"]
    name = f"assignment as {role}"
    await hold(url, token, SECONDS_OF_A_ROLE, 50, NOT_ASKED_WHERE_PATHS_OVERLAP, record_property, name)


@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_every_operation_of_notification_survives(opened: LocalStack, record_property: Record) -> None:
    described = opened.described()
    url, token = described["urls"]["notification"], described["credentials"]["operator_token"]
    await hold(url, token, SECONDS_OF_A_ROLE, 50, NOT_ASKED_WHERE_PATHS_OVERLAP, record_property, "notification")
