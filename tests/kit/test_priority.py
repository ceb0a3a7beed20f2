"""Background processes give way to others, also where Linux schedules sessions as groups."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

AUTOGROUP = Path("/proc/self/autogroup")
SCRIPT = """
import os, sys
from shared.kit.priority import lower_priority
lower_priority(7, own_group=sys.argv[1] == "own")
try:
    group = (open("/proc/self/autogroup").read().split() or ["none"])[-1]
except OSError:
    group = "none"
print(os.nice(0), group, os.getsid(0) == os.getpid())
"""


def run(ownership: str, *, in_new_session: bool) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, ownership],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=in_new_session,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.split()


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel does not group processes by session")
def test_a_service_in_its_own_session_lowers_the_group_too() -> None:
    assert run("shared", in_new_session=True) == ["7", "7", "True"]


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel does not group processes by session")
def test_a_side_process_gets_a_group_of_its_own() -> None:
    ours = AUTOGROUP.read_text()
    assert run("own", in_new_session=False) == ["7", "7", "True"]
    assert AUTOGROUP.read_text() == ours


def test_a_process_in_anothers_session_leaves_the_group_alone() -> None:
    niceness, _, leads = run("shared", in_new_session=False)
    assert (niceness, leads) == (str(os.nice(0) + 7), "False")
