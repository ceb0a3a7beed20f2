"""When jobs look for work: at once after news, not more often than once in a while, and by themselves in the end."""

import asyncio

import pytest

from shared.kit import attention as module
from shared.kit.attention import Attention


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SOON_SECONDS", 0.02)
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.3)
    monkeypatch.setattr(module, "ALERT_SECONDS", 0.1)


async def seconds(attention: Attention, *, has_found: bool = False) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await attention.wait(has_found=has_found)
    return loop.time() - began


async def test_without_news_a_job_looks_at_the_sweep() -> None:
    assert 0.25 < await seconds(Attention()) < 2


async def test_news_makes_it_look_soon_but_not_at_once() -> None:
    attention = Attention()
    attention.wake()
    attention.wake()
    assert 0.015 < await seconds(attention) < 0.2
    assert await seconds(attention) > 0.25, "the news is old"


async def test_after_work_was_found_it_goes_on_looking_for_a_while() -> None:
    attention = Attention()
    assert await seconds(attention, has_found=True) < 0.2
    assert await seconds(attention) < 0.2
    await asyncio.sleep(0.1)
    assert await seconds(attention) > 0.25
