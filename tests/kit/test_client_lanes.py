"""The costly work of one client waits for that client's own, and for nobody else's."""

import asyncio

import pytest

from shared.kit.client_lanes import CLIENT, SECONDS, WAITING, ClientLanes, LaneFull


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def work(lanes: ClientLanes, client: str | None, begun: list[str], until: asyncio.Event) -> None:
    CLIENT.set(None if client is None else lambda: client)
    async with lanes.turn(longest=2.0):
        begun.append(client or "ours")
        await until.wait()


async def test_a_client_waits_for_its_own_work_and_others_do_not() -> None:
    lanes, begun, until = ClientLanes(), list[str](), asyncio.Event()
    asked = ["mallory"] * WAITING + ["dana", None, None]
    async with asyncio.TaskGroup() as group:
        for client in asked:
            group.create_task(work(lanes, client, begun, until))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert sorted(begun) == ["dana", "mallory", "ours", "ours"]
        with pytest.raises(LaneFull):
            await work(lanes, "mallory", begun, until)
        until.set()
    assert begun.count("mallory") == WAITING


async def test_a_client_has_so_many_seconds_a_minute() -> None:
    clock = Clock()
    lanes = ClientLanes(clock=clock)
    CLIENT.set(lambda: "mallory")

    async def spend(seconds: float) -> None:
        async with lanes.turn(longest=2.0):
            clock.now += seconds

    with pytest.raises(LaneFull) as refused:
        for _ in range(100):
            await spend(2.0)
    assert clock.now == pytest.approx(1.5 * SECONDS, abs=4)
    clock.now += refused.value.retry_after
    await spend(50.0)
    CLIENT.set(lambda: "dana")
    await spend(2.0)
    CLIENT.set(lambda: "mallory")
    await spend(2.0)
