"""The order in which two workers take files: dear ones first, and files of one room after each other.

Files that one worker would still be busy with when the other has nothing left are handed out test by test.
"""

from collections.abc import Sequence

from xdist.scheduler.loadfile import LoadFileScheduling
from xdist.workermanage import WorkerController

SECONDS = {
    "tests/fuzz/test_api.py": 110,
    "tests/e2e/test_forgetting.py": 100,
    "tests/docs/test_curl_examples.py": 75,
    "tests/chaos/test_two_of_each.py": 70,
    "tests/services/test_plans.py": 65,
    "tests/e2e/test_desk_languages.py": 62,
    "tests/attack/test_full_disk.py": 60,
    "tests/e2e/test_whole_life.py": 60,
    "tests/browser/first_run/test_first_run.py": 58,
    "tests/browser/desk/test_ticket_page.py": 55,
    "tests/backup/test_drill.py": 53,
    "tests/chaos/test_kill_anything.py": 50,
    "tests/local/test_supervisor.py": 48,
    "tests/kit/test_restored_stores.py": 46,
    "tests/attack/test_passkeys.py": 45,
    "tests/browser/desk/test_desk.py": 42,
    "tests/browser/desk/test_admin.py": 40,
    "tests/browser/desk/test_signing_in.py": 40,
    "tests/attack/test_unrenderable_bodies.py": 39,
    "tests/browser/portal/test_portal_thread.py": 39,
    "tests/browser/portal/test_portal.py": 38,
    "tests/services/intake/mail/test_durability.py": 38,
    "tests/services/assignment/reporting/test_clock_counts.py": 36,
    "tests/kit/test_temporal_out_of_reach.py": 35,
    "tests/unit/business_time/test_properties.py": 30,
    "tests/e2e/test_accounts.py": 30,
    "tests/services/intake/hostile_text/test_naughty_strings.py": 27,
    "tests/attack/test_mail_amplifier.py": 27,
    "tests/attack/test_sign_in.py": 22,
    "tests/workflows/test_long_ticket.py": 19,
    "tests/workflows/test_builds_in_trouble.py": 15,
    "tests/workflows/test_answers.py": 10,
    "tests/services/assignment/sla_analysis/test_rollout_progress.py": 19,
    "tests/services/assignment/page_reach/test_page_scopes.py": 22,
    "tests/services/assignment/permissions/test_scope_leaks.py": 18,
    "tests/services/assignment/ticket_reach/test_ticket_scopes.py": 20,
    "tests/services/notification/delivery/test_smtp_server_faults.py": 11,
    "tests/services/notification/delivery/test_crashes.py": 15,
    "tests/services/notification/delivery/test_black_holes.py": 10,
    "tests/services/notification/decisions/test_told_together.py": 9,
    "tests/e2e/test_mail.py": 5,
    "tests/e2e/test_people_in_copy.py": 5,
    "tests/chaos/test_kill_a_rollout.py": 8,
    "tests/attack/test_logs_hold_nobody.py": 8,
}
"""What the dearest files take on two cores, set-up included. Files without a line come after all of these."""
DEAR = 20
"""What takes less comes first in its room only: for its sake no worker leaves the room whose engines it has started."""
DIVIDED = {
    "tests/services/assignment/page_reach/test_page_scopes.py",
    "tests/services/assignment/permissions/test_permission_matrix.py",
    "tests/services/assignment/permissions/test_permissions.py",
    "tests/services/assignment/sla_analysis/test_rollout_progress.py",
    "tests/services/assignment/sla_analysis/test_rollouts.py",
    "tests/services/assignment/sla_analysis/test_what_if.py",
    "tests/services/assignment/ticket_reach/test_ticket_scopes.py",
    "tests/services/notification/delivery/test_crashes.py",
    "tests/services/notification/delivery/test_smtp_server_faults.py",
    "tests/workflows/test_answers.py",
    "tests/workflows/test_builds_in_trouble.py",
    "tests/workflows/test_commands.py",
    "tests/workflows/test_versions.py",
}
"""Files whose tests may run in several processes, as they share nothing but fixtures of the session."""
ENOUGH = 2
"""Tests a worker must know: the one that it runs, and the next, which says which fixtures are still needed."""
SYSTEMS = (
    ("tests/chaos/",),
    (
        "tests/e2e/",
        "tests/docs/test_curl_examples.py",
        "tests/attack/test_logs_hold_nobody.py",
        "tests/browser/desk/test_passwords_by_mail.py",
    ),
)
"""How the names of files begin that share a whole system: the worker that has started it runs all of them."""
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


def system_of(scope: str) -> tuple[str, ...] | None:
    """The files that share a whole system with this one, if it uses one."""
    return next((files for files in SYSTEMS if scope.startswith(files)), None)


def seconds_of(scope: str) -> int:
    """What the table says of a file; for a test of a divided file what it says of the whole."""
    return SECONDS.get(scope.partition("::")[0], 0)


def dearest_of(scopes: Sequence[str]) -> str:
    """The one that takes longest; the first of equal ones."""
    return max(scopes, key=seconds_of)


def next_file(waiting: Sequence[str], done: Sequence[str], elsewhere: Sequence[str] = ()) -> str:
    """A file of the system this worker has started, else the dearest file of none that another worker has started.

    Once only cheap ones wait, the next of the room the worker was last in, then of a new room.
    """
    mine = {system for scope in done if (system := system_of(scope))}
    if shared := [scope for scope in waiting if system_of(scope) in mine]:
        return dearest_of(shared)
    theirs = {system for scope in elsewhere if (system := system_of(scope))}
    free = [scope for scope in waiting if system_of(scope) not in theirs] or list(waiting)
    dearest = dearest_of(free)
    if seconds_of(dearest) >= DEAR:
        return dearest
    rooms = [room for scope in reversed(done) if (room := room_of(scope))]
    for room in dict.fromkeys(rooms):
        if at_home := [scope for scope in free if room_of(scope) == room]:
            return dearest_of(at_home)
    return dearest


class CostScheduling(LoadFileScheduling):
    """Files, or tests of divided files, as units of work, handed out in the order of `next_file`."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return nodeid if file in DIVIDED else file

    def _reschedule(self, node: WorkerController) -> None:
        """Gives a worker no more than it needs to go on: what waits behind a long test nobody else can take."""
        if not self.workqueue or node.shutting_down or self._pending_of(self.assigned_work[node]) < ENOUGH:
            super()._reschedule(node)

    def _assign_work_unit(self, node: WorkerController) -> None:
        elsewhere = [scope for other, scopes in self.assigned_work.items() if other is not node for scope in scopes]
        chosen = next_file(list(self.workqueue), list(self.assigned_work[node]), elsewhere)
        self.workqueue.move_to_end(chosen, last=False)
        super()._assign_work_unit(node)
