"""Lowers the CPU priority of background processes."""

import contextlib
import os
from pathlib import Path

_AUTOGROUP = Path("/proc/self/autogroup")


def lower_priority(niceness: int, *, own_group: bool = False) -> None:
    """Raises the niceness of this process, and that of its scheduling group where Linux groups processes by session.

    With `sched_autogroup_enabled` every session is a group, and niceness counts only among processes of one group:
    between services, each in a session of its own, it is the group's niceness that decides (sched(7)).
    `own_group` starts a session first, so that the group is not shared with the process that started this one.
    """
    os.nice(niceness)
    if own_group:
        with contextlib.suppress(PermissionError):  # leads a session already
            os.setsid()
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):
            _AUTOGROUP.write_text(str(niceness))
