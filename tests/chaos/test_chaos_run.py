"""`make chaos` in five minutes, for `make soak`."""

import pytest

from tests.chaos.run.session import ChaosOrder, ChaosResult, carry_out
from tests.chaos.run.system import chaos_system
from tests.support.sizes import IS_SOAK

MINUTES = 5.0
SEED = 20


@pytest.mark.chaos
@pytest.mark.soak
@pytest.mark.skipif(not IS_SOAK, reason="takes minutes: make soak, or make chaos")
@pytest.mark.timeout(1200)
async def test_nothing_is_lost_doubled_or_leaked_whatever_fails() -> None:
    result: ChaosResult = await run(ChaosOrder(SEED, MINUTES))
    assert not result.violations
    assert not result.left
    assert result.is_good


async def run(asked: ChaosOrder) -> ChaosResult:
    async with chaos_system() as system:
        return await carry_out(system, asked)
