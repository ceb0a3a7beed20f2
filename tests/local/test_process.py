"""What a child is before it begins."""

import sys
from pathlib import Path

import pytest

from deploy.local import process
from deploy.local.engines.go_runtime import TIMER_SLACK
from deploy.local.process import Launch, inherited_environment

PR_GET_TIMERSLACK = 30
TELL = f"import ctypes; print(ctypes.CDLL(None).prctl({PR_GET_TIMERSLACK}, 0, 0, 0, 0))"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
@pytest.mark.parametrize(("slack", "nanoseconds"), [(TIMER_SLACK, 500_000), (0.002, 2_000_000)])
async def test_a_child_may_be_woken_as_late_as_it_is_told(slack: float, nanoseconds: int, tmp_path: Path) -> None:
    launch = Launch((sys.executable, "-c", TELL), tmp_path, inherited_environment(), timer_slack=slack)
    assert await process.run(launch) == (0, f"{nanoseconds}\n")
