"""The order in which two workers take files: dear ones first, and files of one room after each other."""

from collections.abc import Sequence

from xdist.scheduler.loadfile import LoadFileScheduling
from xdist.workermanage import WorkerController

SECONDS = {
    "tests/chaos/test_kill_anything.py": 300,
    "tests/chaos/test_kill_a_rollout.py": 200,
    "tests/fuzz/test_api.py": 160,
    "tests/services/intake/test_naughty_strings.py": 120,
    "tests/e2e/test_forgetting.py": 110,
    "tests/attack/test_full_disk.py": 100,
    "tests/e2e/test_whole_life.py": 95,
    "tests/services/test_plans.py": 80,
    "tests/docs/test_curl_examples.py": 75,
    "tests/workflows/test_long_ticket.py": 60,
    "tests/e2e/test_mail.py": 60,
    "tests/e2e/test_people_in_copy.py": 60,
    "tests/services/assignment/test_rollout_progress.py": 60,
    "tests/attack/test_sign_in.py": 60,
    "tests/attack/test_logs_hold_nobody.py": 40,
}
"""What the dearest files take on two cores, set-up included. Files without a line come after all of these."""
ROOMS_WITH_ENGINES = (
    "tests/services/assignment",
    "tests/services/intake",
    "tests/services/notification",
    "tests/kit",
    "tests/workflows",
    "tests/browser",
    "tests/attack",
)
"""Where a worker that has started a room's engines should go on with that room."""


def room_of(scope: str) -> str | None:
    """The room whose engines a file uses, if there is one."""
    return next((room for room in ROOMS_WITH_ENGINES if scope.startswith(f"{room}/")), None)


def next_file(waiting: Sequence[str], done: Sequence[str]) -> str:
    """The dearest file; once only cheap ones wait, the next of the room the worker was last in, then of a new room."""
    dearest = max(waiting, key=lambda scope: SECONDS.get(scope, 0))
    if dearest in SECONDS:
        return dearest
    rooms = [room for scope in reversed(done) if (room := room_of(scope))]
    for room in dict.fromkeys(rooms):
        if at_home := [scope for scope in waiting if room_of(scope) == room]:
            return at_home[0]
    return waiting[0]


class CostScheduling(LoadFileScheduling):
    """Files as units of work, handed out in the order of `next_file`."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        chosen = next_file(list(self.workqueue), list(self.assigned_work[node]))
        self.workqueue.move_to_end(chosen, last=False)
        super()._assign_work_unit(node)
